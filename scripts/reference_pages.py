"""Reference pages of the documentation site, generated from the code: command line, settings, API and tables.

A hook of mkdocs (`make docs`); the pages are not files of the repository, so they cannot be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from pydantic import BaseModel

INTRO = {
    "reference/cli.md": "Every command with its options, as `sentiment COMMAND --help` prints them.",
    "reference/settings.md": "Every setting with its default. A setting is an environment variable or a line of "
    "`secrets/settings.env` in the state folder; `sentiment config show` lists the values of an installation and where "
    "they come from. The rules of the policy, `SENTIMENT_POLICY__…`, are on their [own page](../policy.md).",
    "reference/api.md": "Every call of the API. The page `/docs` of a running API has the same with a form to try it; "
    "keys, limits and guarantees are in [serving](../serving.md).",
    "reference/tables.md": "The tables of the platform's database; migrations are in `sentiment_lib/storage`.",
}


def on_files(files: Any, config: Any) -> Any:
    """Add the pages to the site's files."""
    from mkdocs.structure.files import File

    for path, text in pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def pages() -> dict[str, str]:
    """Path below docs/ -> Markdown."""
    makers: dict[str, Callable[[], Iterator[str]]] = {
        "reference/cli.md": command_line,
        "reference/settings.md": settings,
        "reference/api.md": api,
        "reference/tables.md": tables,
    }
    titles = {"reference/cli.md": "Command line", "reference/settings.md": "Settings"}
    titles |= {"reference/api.md": "API", "reference/tables.md": "Tables"}
    return {
        path: "\n".join([f"# {titles[path]}", "", INTRO[path], "", *make()]) + "\n" for path, make in makers.items()
    }


def command_line() -> Iterator[str]:
    """A section for each command, a table of its arguments and options."""
    import typer

    from sentiment_lib import cli

    yield (
        "Exit codes: 0 done, 1 failed or a check did not pass, 2 usage error, 130 interrupted. An error is one line on "
        "stderr, under `--json` one JSON object with `error`, `message` and `details`. `ingest` and `label import` end "
        "with 0 when rows get in, also when others are refused (`--strict`: 1)."
    )
    for words, command in _commands(typer.main.get_command(cli.build()), ("sentiment",)):
        yield from ("", f"## {' '.join(words)}", "", _text(command.help or ""))
        rows = [_parameter(one) for one in command.params if one.name != "help"]
        if rows:
            yield from ("", "| argument or option | default | meaning |", "|---|---|---|", *rows)


def _commands(command: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, in the order of the help."""
    for name, child in getattr(command, "commands", {}).items():
        if hasattr(child, "commands"):
            yield from _commands(child, (*words, name))
        else:
            yield (*words, name), child


def _parameter(parameter: Any) -> str:
    is_argument = parameter.param_type_name == "argument"
    names = parameter.name.upper() if is_argument else ", ".join([*parameter.opts, *parameter.secondary_opts])
    default = parameter.default
    shown = "required" if parameter.required else "" if default in (None, False, "", ()) else f"`{default}`"
    return f"| `{names}` | {shown} | {_cell(getattr(parameter, 'help', None) or '')} |"


def settings() -> Iterator[str]:
    """One table; the policy has a page of its own."""
    from sentiment_lib.settings import PREFIX, Settings

    yield from ("| variable | default | meaning |", "|---|---|---|")
    yield from _fields(Settings, PREFIX)


def _fields(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind, variable = field.annotation, f"{prefix}{name.upper()}"
        if name == "policy":
            continue
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _fields(kind, f"{variable}__")
            continue
        default = field.get_default(call_default_factory=False)
        hidden = default in (None, "") or field.default_factory is not None or "Secret" in str(kind)
        yield f"| `{variable}` | {'' if hidden else f'`{default}`'} | {_cell(field.description or '')} |"


def api() -> Iterator[str]:
    """A section for each operation of the OpenAPI document."""
    from sentiment_lib.serving import app
    from sentiment_lib.settings import Settings

    document = app.create(Settings(database_url="postgresql+psycopg://127.0.0.1/reference")).openapi()  # type: ignore[arg-type]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield from (
                "",
                f"## {method.upper()} {path}",
                "",
                _text(operation.get("description", operation["summary"])),
            )
            yield from ("", "| status | meaning |", "|---|---|")
            for status, response in operation["responses"].items():
                yield f"| {status} | {_cell(response.get('description', ''))} |"
    for name, schema in document["components"]["schemas"].items():
        yield from (
            "",
            f"## {name}",
            "",
            _text(schema.get("description", "")),
            "",
            "| field | type | meaning |",
            "|---|---|---|",
        )
        for field, facts in schema.get("properties", {}).items():
            yield f"| `{field}` | {_kind(facts)} | {_cell(facts.get('description', ''))} |"


def _kind(facts: dict[str, Any]) -> str:
    if "$ref" in facts:
        return str(facts["$ref"].rpartition("/")[2])
    if "anyOf" in facts:
        return " or ".join(_kind(one) for one in facts["anyOf"])
    if facts.get("type") == "array":
        return f"list of {_kind(facts.get('items', {}))}"
    return str(facts.get("type", "any"))


def tables() -> Iterator[str]:
    """A section for each table with its columns."""
    from sentiment_lib.storage.tables import Base

    for mapper in sorted(Base.registry.mappers, key=lambda one: one.local_table.name):
        table = mapper.local_table
        yield from ("", f"## {table.name}", "", _text(mapper.class_.__doc__ or ""))
        yield from ("", "| column | type | |", "|---|---|---|")
        for column in table.columns:
            notes = ["primary key"] if column.primary_key else []
            notes += [f"→ `{key.target_fullname}`" for key in column.foreign_keys]
            notes += ["may be empty"] if column.nullable else []
            yield f"| `{column.name}` | {_cell(str(column.type))} | {', '.join(notes)} |"


def _text(docstring: str) -> str:
    return re.sub(r"\n[ ]+", "\n", docstring.strip())


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
