"""Each benchmark says how it is called, takes --quick, and is called by its name where make and CI call it."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = sorted(
    path
    for path in (ROOT / "benchmarks").rglob("*.py")
    if "python -m benchmarks." in (ast.get_docstring(ast.parse(path.read_text())) or "")
    # runs one measurement for its parent process
    and path.parts[-2:] != ("families", "measure.py")
)


def name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(part for part in parts if part != "__main__")


def test_there_are_benchmarks():
    assert len(SCRIPTS) >= 14


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_a_benchmark_names_its_command_its_options_and_its_last_line(path):
    words = ast.get_docstring(ast.parse(path.read_text()))
    assert f"python -m {name(path)} " in words
    assert "[--quick]" in words
    assert "[--check]" in words
    assert words.rstrip().endswith("Last line: JSON.")
    # options may be added in a loop over their names
    code = path.read_text().split('"""', 2)[2]
    assert {"quick", "check"} <= set(re.findall(r"\bquick|check\b", code)) or "claim.main(" in code
    assert 'if __name__ == "__main__":' in path.read_text()


def test_make_and_ci_call_benchmarks_that_exist():
    calls = re.findall(r"benchmarks\.([a-z_.]+) ", (ROOT / ".ci/run").read_text())
    loop = re.search(r"for name in ([a-z_. ]+);", (ROOT / "Makefile").read_text()).group(1).split()
    assert calls
    for called in [*calls, *loop]:
        assert find_spec(f"benchmarks.{called}"), called
