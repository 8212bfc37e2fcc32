"""A package that was tampered with is refused before it is loaded, and the error names what was done."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest

from sentiment_lib.errors import UnsafeArtefact
from sentiment_lib.families import catalog
from sentiment_lib.families.ensemble.stacking import Stack
from sentiment_lib.families.weights import pinned
from sentiment_lib.registry import model_package


@pytest.fixture
def packed(tmp_path):
    folder = tmp_path / "package"
    return folder, model_package.write(catalog.train("vader", [], [], seed=0), folder)


def rewritten(folder, change):
    """The manifest changed by an attacker who can also choose the digest."""
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    data = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(data)
    return hashlib.sha256(data).hexdigest()


def test_an_untouched_package_is_read(packed):
    assert model_package.read(*packed).family == "vader"


def test_a_model_keeps_the_normaliser_that_it_was_trained_with(packed):
    folder, digest = packed
    curly, straight = "the crew isn\u2019t good", "the crew isn't good"
    model = model_package.read(folder, digest)
    assert model.predict_proba([curly]).tolist() == model.predict_proba([straight]).tolist()
    older = model_package.read(folder, rewritten(folder, lambda manifest: manifest.update(normaliser="1")))
    assert older.predict_proba([straight]).tolist() == model.predict_proba([straight]).tolist()
    assert older.predict_proba([curly])[0, 2] > 0.5 > model.predict_proba([curly])[0, 2]
    assert (older.family, model_package.normaliser_of(older)) == ("vader", "1")
    assert model.predict_proba([curly]).tolist() == model.predict_proba([straight]).tolist()


def test_a_changed_byte(packed):
    folder, digest = packed
    content = (folder / "lexicon.json").read_bytes()
    (folder / "lexicon.json").write_bytes(content.replace(b"4.0", b"4.1", 1))
    with pytest.raises(UnsafeArtefact, match=r"lexicon.json was changed"):
        model_package.verify(folder, digest)


def test_a_changed_manifest(packed):
    folder, digest = packed
    rewritten(folder, lambda manifest: manifest.update(normaliser="0"))
    with pytest.raises(UnsafeArtefact, match="not the one that was approved"):
        model_package.verify(folder, digest)


def test_a_missing_file(packed):
    folder, digest = packed
    (folder / "lexicon.json").unlink()
    with pytest.raises(UnsafeArtefact, match="is missing"):
        model_package.verify(folder, digest)


def test_a_file_more(packed):
    folder, digest = packed
    (folder / "extra.json").write_text("{}")
    with pytest.raises(UnsafeArtefact, match="extra\\.json is not in its manifest"):
        model_package.verify(folder, digest)


def test_a_link_out_of_the_package(packed, tmp_path):
    folder, digest = packed
    (tmp_path / "outside.json").write_bytes((folder / "lexicon.json").read_bytes())
    (folder / "lexicon.json").unlink()
    (folder / "lexicon.json").symlink_to(tmp_path / "outside.json")
    with pytest.raises(UnsafeArtefact, match="not a plain file"):
        model_package.verify(folder, digest)


def test_a_name_that_leads_out(packed):
    folder, _ = packed
    digest = rewritten(folder, lambda m: m["files"].update({"../up.json": {"sha256": "0", "bytes": 1}}))
    with pytest.raises(UnsafeArtefact, match="leads out of it"):
        model_package.verify(folder, digest)


@pytest.mark.parametrize("name", ["model.pkl", "model.py", "model.joblib"])
def test_a_kind_of_file_that_can_run(packed, name):
    folder, _ = packed
    digest = rewritten(folder, lambda m: m["files"].update({name: {"sha256": "0", "bytes": 1}}))
    with pytest.raises(UnsafeArtefact, match="no model consists of"):
        model_package.verify(folder, digest)


def test_a_pickle_under_an_innocent_name(packed):
    folder, _ = packed
    data = pickle.dumps({"a": 1})
    (folder / "weights.bin").write_bytes(data)
    entry = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    digest = rewritten(folder, lambda m: m["files"].update({"weights.bin": entry}))
    with pytest.raises(UnsafeArtefact, match="is a pickle"):
        model_package.verify(folder, digest)


def test_a_file_larger_than_promised(packed):
    folder, digest = packed
    with (folder / "lexicon.json").open("ab") as file:
        file.write(b" " * 1000)
    with pytest.raises(UnsafeArtefact, match="not as promised"):
        model_package.verify(folder, digest)


@pytest.fixture(scope="module")
def on_glove(tmp_path_factory):
    """A package of a family whose vectors stay in the package that pip installed."""
    folder = tmp_path_factory.mktemp("glove") / "package"
    texts = [f"{word} flight {number}" for number in range(20) for word in ("bad", "gate", "great")]
    return folder, model_package.write(catalog.train("glove_logreg", texts, [0, 1, 2] * 20, seed=0), folder)


def test_weights_outside_of_the_package_are_part_of_its_manifest(on_glove):
    named = json.loads((on_glove[0] / "manifest.json").read_text())["weights"]
    assert named == {"glove-6b-50d": pinned.PINNED["glove-6b-50d"].files}
    assert model_package.read(*on_glove).family == "glove_logreg"


def test_a_package_that_needs_nothing_from_outside_names_no_weights(packed):
    assert "weights" not in json.loads((packed[0] / "manifest.json").read_text())


@pytest.mark.parametrize("pins", [{"glove_6B_50d_emb.npy": "0" * 64}, {}])
def test_a_package_of_weights_that_are_not_the_pinned_ones_is_refused(on_glove, monkeypatch, pins):
    then = pinned.PINNED["glove-6b-50d"]
    monkeypatch.setitem(pinned.PINNED, "glove-6b-50d", replace(then, files=pins))
    now = pins.get("glove_6B_50d_emb.npy", "none")[:12]
    with pytest.raises(UnsafeArtefact, match=rf"glove_6B_50d_emb\.npy of the weights glove-6b-50d .*{now}.* is pinned"):
        model_package.read(*on_glove)
    model_package.verify(*on_glove)


def test_a_package_of_before_weights_were_named_is_read(on_glove, tmp_path):
    shutil.copytree(on_glove[0], tmp_path / "old")
    digest = rewritten(tmp_path / "old", lambda manifest: manifest.pop("weights"))
    assert model_package.read(tmp_path / "old", digest).family == "glove_logreg"


def test_the_weights_of_its_members_are_a_stacks():
    made = Stack({"glove_logreg": SimpleNamespace(weights=("glove-6b-50d",)), "vader": object()}, [], [], 1.0)
    assert list(pinned.external_weights(made)) == ["glove-6b-50d"]


def test_texts_normalised_by_a_version_that_this_code_has_not_are_refused_with_what_to_do(packed):
    folder, _ = packed
    digest = rewritten(folder, lambda manifest: manifest.update(normaliser="99"))
    told = r"normalised by version 99.* train it again, or install the airline-sentiment \d.* that wrote it"
    with pytest.raises(UnsafeArtefact, match=told):
        model_package.read(folder, digest)
    model_package.verify(folder, digest)
