"""Errors: one root, and a message made of the docstring."""

from __future__ import annotations

import string

import pytest

from sentiment_lib import errors

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_the_one_root_and_fills_its_message(kind):
    assert issubclass(kind, errors.SentimentError)
    template = (kind.__doc__ or "").splitlines()[0]
    details = {name: f"<{name}>" for _, name, _, _ in string.Formatter().parse(template) if name}
    message = str(kind(**details))
    assert all(value in message for value in details.values())
    assert "{" not in message


def test_a_missing_extra_names_the_command_that_installs_it():
    told = str(errors.MissingExtra(what="The model registry", package="mlflow", extra="mlflow"))
    assert "pip install 'airline-sentiment[mlflow]'" in told


def test_a_forgotten_detail_is_noticed():
    with pytest.raises(KeyError):
        errors.NotFound(what="tweet")
