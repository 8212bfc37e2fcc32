"""`make release VERSION=1.2.0`: write version and changelog, commit and tag; nothing is pushed."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

VERSION = re.compile(r"\d+\.\d+\.\d+")


class Refused(Exception):
    """The release cannot be made; the message says why."""


def release(root: Path, version: str, *, today: str) -> str:
    """Write version and changelog, commit, tag; returns the tag. Raises Refused before anything is written."""
    if not VERSION.fullmatch(version):
        raise Refused(f"VERSION={version!r} is not of the form 1.2.0")
    if _git(root, "status", "--porcelain"):
        raise Refused("the working tree has uncommitted changes")
    if (branch := _git(root, "rev-parse", "--abbrev-ref", "HEAD")) != "main":
        raise Refused(f"releases are made on main, not on {branch}")
    tag = f"v{version}"
    if _git(root, "tag", "--list", tag):
        raise Refused(f"the tag {tag} exists")
    changelog, project = root / "CHANGELOG.md", root / "pyproject.toml"
    new_changelog = dated(changelog.read_text(), version, today)
    new_project = re.sub(r'(?m)^version = "[^"]*"$', f'version = "{version}"', project.read_text(), count=1)
    changelog.write_text(new_changelog)
    project.write_text(new_project)
    _git(root, "commit", "--quiet", "--all", "--message", f"Release {version}")
    _git(root, "tag", "--annotate", tag, "--message", f"Release {version}")
    return tag


def dated(changelog: str, version: str, today: str) -> str:
    """The changelog with the entries under Unreleased as a section of their own; Refused when there are none."""
    head, mark, rest = changelog.partition("## [Unreleased]\n")
    entries = re.split(r"(?m)^## \[", rest, maxsplit=1)[0]
    if not mark or "\n- " not in entries:
        raise Refused("CHANGELOG.md has no entry under Unreleased")
    return f"{head}{mark}\n## [{version}] - {today}\n{rest}"


def _git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Refused(f"git {words[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def main() -> None:
    """Release the version named on the command line."""
    version = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        tag = release(Path(__file__).parents[1], version, today=f"{datetime.now(UTC):%Y-%m-%d}")
    except Refused as refused:
        raise SystemExit(f"no release: {refused}") from None
    print(f"{tag} is tagged. Publish it: git push origin main {tag}")


if __name__ == "__main__":
    main()
