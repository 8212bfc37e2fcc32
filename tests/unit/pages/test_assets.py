"""Static files change their address with their content."""

from __future__ import annotations

import pytest

from sentiment_lib.errors import NotFound
from sentiment_lib.pages.assets import Assets


def test_an_asset_changes_its_address_with_its_content(tmp_path):
    (tmp_path / "own.css").write_text("a")
    first = Assets(tmp_path).versioned("own.css")
    (tmp_path / "own.css").write_text("b")
    assert Assets(tmp_path).versioned("own.css") != first
    with pytest.raises(NotFound):
        Assets(tmp_path).content("../templates/base.html")
