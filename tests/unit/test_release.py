"""`make release`: version, changelog, commit and tag; refused before anything is written."""

from __future__ import annotations

import subprocess

import pytest

from scripts.release import Refused, release

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n- Shadow mode.\n"


@pytest.fixture
def project(tmp_path):
    def git(*words):
        return subprocess.run(["git", *words], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "--quiet", "--initial-branch", "main")
    git("config", "user.name", "Anna")
    git("config", "user.email", "anna@example.org")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.1.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    git("add", "--all")
    git("commit", "--quiet", "--message", "first")
    return tmp_path, git


def test_a_release_dates_the_changelog_sets_the_version_and_tags_the_commit(project):
    root, git = project
    assert release(root, "1.2.0", today="2026-12-01") == "v1.2.0"
    assert (root / "CHANGELOG.md").read_text() == (
        "# Changelog\n\n## [Unreleased]\n\n## [1.2.0] - 2026-12-01\n\n### Added\n- Shadow mode.\n"
    )
    assert 'version = "1.2.0"' in (root / "pyproject.toml").read_text()
    assert git("status", "--porcelain") == ""
    assert git("rev-list", "-n", "1", "v1.2.0") == git("rev-parse", "HEAD")


def test_a_release_without_entries_is_refused(project):
    root, _ = project
    release(root, "1.2.0", today="2026-12-01")
    with pytest.raises(Refused, match="no entry under Unreleased"):
        release(root, "1.3.0", today="2026-12-02")


@pytest.mark.parametrize(
    ("prepare", "version", "why"),
    [
        ([], "1.2", "form 1.2.0"),
        (["tag", "v1.2.0"], "1.2.0", "exists"),
        (["checkout", "--quiet", "-b", "other"], "1.2.0", "on main"),
    ],
)
def test_a_release_that_cannot_be_made_writes_nothing(project, prepare, version, why):
    root, git = project
    if prepare:
        git(*prepare)
    with pytest.raises(Refused, match=why):
        release(root, version, today="2026-12-01")
    assert (root / "CHANGELOG.md").read_text() == CHANGELOG


def test_uncommitted_changes_are_refused(project):
    root, _ = project
    (root / "pyproject.toml").write_text("changed")
    with pytest.raises(Refused, match="uncommitted"):
        release(root, "1.2.0", today="2026-12-01")
