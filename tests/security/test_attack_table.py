"""The table of attacks in docs/security.md: it names tests that exist, and every file of this folder."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
TABLE = (TESTS.parent / "docs/security.md").read_text().partition("## Attacks and their tests")[2].partition("\n## ")[0]
NAMED = re.findall(r"`([\w/]+\.py)(?:::(\w+))?`", TABLE)


def test_each_named_test_exists():
    missing = [
        (path, name)
        for path, name in NAMED
        if not (TESTS / path).is_file() or (name and f"def {name}(" not in (TESTS / path).read_text())
    ]
    assert missing == []


def test_no_file_of_attacks_is_left_out():
    files = {str(path.relative_to(TESTS)) for path in (TESTS / "security").rglob("test_*.py")}
    assert files - {path for path, _ in NAMED} == {str(Path(__file__).relative_to(TESTS))}
