"""Usage errors in plain words: which argument or option, what was typed, and what is expected."""

from __future__ import annotations

from typing import Any


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
    from sentiment_lib.pages.refusals import refusal

    cause = error.__cause__
    problems = cause.errors() if hasattr(cause, "errors") else []
    if problems and (words := refusal(problems[0])):
        return words
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
