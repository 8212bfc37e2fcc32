"""The audit is green only when every package was looked up; the list of packages names versions and licences."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import audit

ROOT = Path(__file__).parents[2]
PROGRAM = "import json, pathlib, sys; pathlib.Path(sys.argv[sys.argv.index('--output') + 1]).write_text({report!r})"
CLEAN = {"name": "A_b", "version": "1", "vulns": []}
BAD = {"name": "c", "version": "2", "vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]}
SKIPPED = {"name": "c", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def constraints(tmp_path):
    path = tmp_path / "constraints.txt"
    path.write_text("# pins\nA.b==1\nc==2 ; python_version > '3'\n")
    return path


def run(constraints, dependencies):
    """An audit whose pip-audit reports these dependencies."""
    code = PROGRAM.format(report=json.dumps({"dependencies": dependencies, "fixes": []}))
    return audit.audit(constraints, program=[sys.executable, "-c", code])


def test_all_looked_up_and_clean_is_green(constraints):
    assert run(constraints, [CLEAN, {**BAD, "vulns": []}]).exit_code == audit.CLEAN


def test_a_vulnerable_package_is_named(constraints):
    found = run(constraints, [CLEAN, BAD])
    assert found.exit_code == audit.VULNERABLE
    assert found.vulnerable == {"c==2": ("PYSEC-1", "GHSA-2")}


@pytest.mark.parametrize(
    ("dependencies", "reason"), [([CLEAN, SKIPPED], "not found on PyPI"), ([CLEAN], "not in the report")]
)
def test_a_package_that_was_not_looked_up_fails(constraints, dependencies, reason):
    found = run(constraints, dependencies)
    assert found.exit_code == audit.NOT_AUDITED
    assert reason in found.missing["c"]


def test_without_a_network_the_audit_fails_and_says_so(constraints):
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environment |= {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "scripts.audit", str(constraints)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=constraints.parent)
    assert done.returncode == audit.NOT_AUDITED, done.stderr
    assert "0 packages looked up, 0 vulnerable, 2 NOT looked up" in done.stderr


def test_every_constraint_is_a_pin(constraints):
    assert len(audit.read_pins(ROOT / "constraints.txt")) > 300
    constraints.write_text("a>=1\n")
    with pytest.raises(ValueError, match="'a>=1' is not a pin"):
        audit.read_pins(constraints)
