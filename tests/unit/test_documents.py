"""Documents and code agree: every command line parses, reference pages are complete, links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

from scripts.reference_pages import pages
from sentiment_lib import cli
from sentiment_lib.settings import Settings, sources
from sentiment_lib.storage.tables import Base

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
#: A value for each word in capitals.
STANDINS = {
    "ID": "1",
    "VERSION": "1",
    "TWEET_ID": "1",
    "SNAPSHOT": "1",
    "TIME": "2026-12-24",
    "NAME": "anna",
    "TEXT": "late",
}


def command_lines() -> list[tuple[str, str]]:
    """(document, command line without comment) of each `sentiment …` line in a block."""
    found = []
    for path in DOCUMENTS:
        blocks = [block for language, block in BLOCK.findall(path.read_text()) if language in ("", "bash", "sh")]
        for block in blocks:
            for line in block.replace("\\\n", " ").splitlines():
                if "sentiment " not in line:
                    continue
                words = shlex.split(line, comments=True)
                starts = [number for number, word in enumerate(words) if word == "sentiment"]
                if starts and "=" not in line.partition("sentiment")[0]:
                    found.append((str(path.relative_to(ROOT)), shlex.join(words[starts[-1] + 1 :])))
    return found


@pytest.fixture(scope="module")
def program():
    """The real command line, whose commands do nothing."""
    command = typer.main.get_command(cli.build())
    waiting = [command]
    while waiting:
        one = waiting.pop()
        waiting += getattr(one, "commands", {}).values()
        one.callback = lambda **_: None
    return command


@pytest.mark.parametrize(("document", "line"), command_lines())
def test_a_command_of_the_documents_is_one_that_the_program_takes(program, document, line):
    words = [STANDINS.get(word, word) for word in shlex.split(line) if word not in ("[ID]", "…", "...")]
    if words[:1] == ["--install-completion"]:
        return
    assert program(words, standalone_mode=False) in (None, 0)


def test_many_commands_are_documented():
    assert len(command_lines()) > 60


def test_reference_pages_have_every_command_setting_call_and_table():
    made = pages()
    commands = made["reference/cli.md"]
    for words in ("sentiment ingest", "sentiment alerts list", "sentiment decision followed", "sentiment keys rotate"):
        assert f"\n## {words}\n" in commands
    for setting in sources(Settings()):
        if "__POLICY" not in setting.variable and not setting.variable.startswith("SENTIMENT_POLICY"):
            (row,) = [row for row in made["reference/settings.md"].splitlines() if f"`{setting.variable}`" in row]
            assert len(row.rstrip(" |").rpartition("|")[2]) > 10, f"{setting.variable} has no description"
    assert "## POST /v1/predict" in made["reference/api.md"]
    for table in Base.metadata.tables:
        assert f"\n## {table}\n" in made["reference/tables.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    generated = pages().keys()
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", path.read_text()):
        if "://" not in target and not target.startswith("/"):
            found = (path.parent / target).resolve()
            assert found.exists() or any(str(found).endswith(page) for page in generated), target
