"""What is wrong with a value that Pydantic refused, in plain words: for usage errors and addresses of pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Kind of the refusal -> what is wrong; names in braces are of its context.
REFUSALS = {
    "int_parsing": "is no whole number",
    "int_parsing_size": "is too large",
    "int_type": "is no whole number",
    "int_from_float": "is no whole number",
    "float_parsing": "is no number",
    "float_type": "is no number",
    "finite_number": "is no finite number",
    "greater_than_equal": "is too small: at least {ge}",
    "greater_than": "is too small: more than {gt}",
    "less_than_equal": "is too large: at most {le}",
    "less_than": "is too large: less than {lt}",
    "string_too_long": "is too long: at most {max_length} characters",
    "string_too_short": "is too short: at least {min_length} characters",
    "string_pattern_mismatch": "is not of the form that is expected here",
}


def refusal(problem: Mapping[str, Any]) -> str | None:
    """Such as "'seven' is no whole number", of one of Pydantic's `errors()`; None for a kind without its own words."""
    words = REFUSALS.get(str(problem["type"]))
    if problem["type"] == "missing":
        return "is missing"
    return None if words is None else f"'{problem['input']}' {words.format(**problem.get('ctx', {}))}"
