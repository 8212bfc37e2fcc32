"""`make audit`: look up known vulnerabilities of every pinned package; a package that was not looked up is a failure.

Exit codes: 0 all were looked up and none is vulnerable, 1 some are vulnerable, 3 not all could be looked up (no
network, a package that the service does not know).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 3
PIP_AUDIT = (sys.executable, "-m", "pip_audit")


@dataclass(frozen=True, kw_only=True)
class Audit:
    """Names with versions: `vulnerable` with the ids of the advisories, `missing` with the reason."""

    audited: tuple[str, ...]
    vulnerable: dict[str, tuple[str, ...]]
    missing: dict[str, str]

    @property
    def exit_code(self) -> int:
        """What was not looked up weighs more than what was found."""
        return NOT_AUDITED if self.missing or not self.audited else VULNERABLE if self.vulnerable else CLEAN


def audit(constraints: Path, *, program: Sequence[str] = PIP_AUDIT) -> Audit:
    """Look up every pin of a constraints file; `program` is pip-audit."""
    pins = read_pins(constraints)
    with tempfile.TemporaryDirectory() as scratch:
        report, requirements = Path(scratch) / "report.json", Path(scratch) / "requirements.txt"
        requirements.write_text("".join(f"{name}=={version}\n" for name, version in pins.items()))
        command = [*program, "--requirement", str(requirements), "--no-deps", "--disable-pip", "--format", "json"]
        done = subprocess.run(
            [*command, "--output", str(report), "--progress-spinner", "off"],
            capture_output=True,
            text=True,
            check=False,
        )
        try:
            entries = json.loads(report.read_text())["dependencies"]
        except (OSError, ValueError, KeyError):
            # pip-audit has one exit code for vulnerabilities and for failures of its own
            last = (done.stderr.strip() or "no report").splitlines()[-1]
            return Audit(audited=(), vulnerable={}, missing=dict.fromkeys(pins, last))
    found = {normalise(entry["name"]): entry for entry in entries}
    looked_up = {name: entry for name, entry in found.items() if "skip_reason" not in entry}
    reasons = {name: entry["skip_reason"] for name, entry in found.items() if "skip_reason" in entry}
    vulnerable = {
        f"{name}=={entry['version']}": tuple(advisory["id"] for advisory in entry["vulns"])
        for name, entry in looked_up.items()
        if entry["vulns"]
    }
    missing = {name: reasons.get(name, "not in the report") for name in pins if name not in looked_up}
    return Audit(audited=tuple(looked_up), vulnerable=vulnerable, missing=missing)


def read_pins(constraints: Path) -> dict[str, str]:
    """Version by normalised name; hashes are left out. Raises ValueError for a line that pins nothing."""
    pins = {}
    for line in constraints.read_text().replace("\\\n", " ").splitlines():
        requirement = line.partition("#")[0].partition(";")[0].partition(" --hash")[0].strip()
        if not requirement:
            continue
        name, separator, version = requirement.partition("==")
        if not separator:
            raise ValueError(f"{constraints}: '{requirement}' is not a pin (NAME==VERSION)")
        pins[normalise(name)] = version.strip()
    return pins


def normalise(name: str) -> str:
    """The name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def main(arguments: Sequence[str] | None = None) -> int:
    """Audit constraints.txt, or the file that is named; print and return the exit code."""
    (path,) = (sys.argv[1:] if arguments is None else arguments) or ("constraints.txt",)
    result = audit(Path(path))
    for name, advisories in result.vulnerable.items():
        print(f"{name}: {', '.join(advisories)}")
    for name, reason in list(result.missing.items())[:10]:
        print(f"{name}: not looked up: {reason}", file=sys.stderr)
    print(
        f"{len(result.audited)} packages looked up, {len(result.vulnerable)} vulnerable, "
        f"{len(result.missing)} NOT looked up",
        file=sys.stderr,
    )
    return result.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
