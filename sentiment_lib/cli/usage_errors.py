"""Usage errors in plain words: which argument or option, what was typed, and what is expected."""

from __future__ import annotations

from typing import Any

#: Kind of a refused value (Pydantic's) -> what is wrong with it; `ctx` has the bound.
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
}


def describe(error: Any) -> str:
    """The message of a usage error of Typer."""
    kind, parameter = type(error).__name__, getattr(error, "param", None)
    if kind == "MissingParameter" and parameter is not None:
        return f"{_name(parameter)} is missing{_help(parameter)}"
    if kind == "NoSuchOption":
        meant = f". Did you mean {' or '.join(error.possibilities)}?" if error.possibilities else ""
        return f"No such option: {error.option_name}{meant}"
    if kind == "BadOptionUsage":
        return f"{error.option_name} needs a value"
    if parameter is not None:
        return f"{_name(parameter)} is not valid: {_refusal(error)}"
    text: str = error.format_message()
    if text.startswith("Got unexpected extra argument"):
        return f"There is more than this command takes: {text.rpartition('(')[2].rstrip(').')}"
    return text


def _refusal(error: Any) -> str:
    """What is wrong with the value."""
    cause = error.__cause__
    problems = cause.errors() if hasattr(cause, "errors") else []
    if problems and problems[0]["type"] in REFUSALS:
        wrong = REFUSALS[problems[0]["type"]].format(**problems[0].get("ctx", {}))
        return f"'{problems[0]['input']}' {wrong}"
    text: str = error.message
    return text.rstrip(".")


def _name(parameter: Any) -> str:
    """The argument as in the usage line, the option as it is typed."""
    if parameter.param_type_name == "argument":
        return str(parameter.metavar or parameter.name.upper())
    return str(parameter.opts[0])


def _help(parameter: Any) -> str:
    text = (getattr(parameter, "help", None) or "").partition("\n")[0].rstrip(".")
    return f": {text[:1].lower()}{text[1:]}" if text else ""
