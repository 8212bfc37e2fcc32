"""Embedded stacks with settings of their own, as a user starts them. Run with: pytest tests/stack -m stack."""

from __future__ import annotations

import pytest

from tests.stack.shared_stack import stacks


@pytest.fixture
def stack_with():
    """Makes a stack, not up yet, with settings of its own; all are stopped at the end."""
    with stacks() as make:
        yield make


@pytest.fixture
def stack(stack_with):
    """A stack that is not up yet."""
    return stack_with()
