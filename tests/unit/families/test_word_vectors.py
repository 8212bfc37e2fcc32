"""GloVe from a text file: accepted formats, and packages that no longer need the file."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sentiment_lib.errors import BadInput
from sentiment_lib.families import catalog
from sentiment_lib.families.embeddings import vector_file, word_vectors
from sentiment_lib.registry import model_package
from tests.unit.families.made_up import made_up, vocabulary


def written(path, known, *, dimensions=6, header=False, seed=0):
    """A file of random vectors."""
    draw = np.random.default_rng(seed)
    lines = [f"{len(known)} {dimensions}"] if header else []
    lines += [" ".join([word, *(f"{number:.4f}" for number in draw.normal(size=dimensions))]) for word in known]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def trained(path):
    texts, labels = made_up(300)
    return catalog.train("glove_logreg", texts, labels, seed=0, vectors=str(path))


def test_a_package_carries_its_vectors_and_needs_no_file(tmp_path):
    path = written(tmp_path / "vectors.txt", vocabulary())
    model = trained(path)
    digest = model_package.write(model, tmp_path / "package")
    path.unlink()
    texts, _ = made_up(50, seed=3)
    np.testing.assert_array_equal(
        model_package.read(tmp_path / "package", digest).predict_proba(texts), model.predict_proba(texts)
    )
    told = (tmp_path / "package" / word_vectors.SOURCE).read_text()
    assert json.loads(told)["file"] == "vectors.txt"
    assert str(tmp_path) not in told


def test_a_model_that_only_names_its_file_answers_as_it_did_until_the_file_changes(tmp_path):
    path = written(tmp_path / "vectors.txt", vocabulary())
    model = trained(path)
    model.save(tmp_path)
    digest = json.loads((tmp_path / word_vectors.SOURCE).read_text())["sha256"]
    for name in (word_vectors.VOCABULARY, word_vectors.VECTORS):
        (tmp_path / name).unlink()
    (tmp_path / word_vectors.SOURCE).write_text(json.dumps({"source": f"{path}#sha256={digest}"}))
    old = catalog.load(tmp_path, "glove_logreg")
    texts, _ = made_up(50, seed=3)
    np.testing.assert_allclose(old.predict_proba(texts), model.predict_proba(texts), atol=0.01)
    old.save(tmp_path)
    assert json.loads((tmp_path / word_vectors.SOURCE).read_text()) == {"source": f"{path}#sha256={digest}"}
    written(path, vocabulary(), seed=1)
    with pytest.raises(BadInput, match="missing or not the one"):
        catalog.load(tmp_path, "glove_logreg")


def test_a_file_that_changes_is_read_again(tmp_path):
    path = written(tmp_path / "vectors.txt", vocabulary())
    first = trained(path)
    second = trained(written(path, vocabulary(), seed=1))
    texts, _ = made_up(50, seed=3)
    assert not np.allclose(first.predict_proba(texts), second.predict_proba(texts))


def test_only_frequent_words_and_those_of_the_training_are_carried(tmp_path, monkeypatch):
    monkeypatch.setattr(word_vectors, "FREQUENT", 2)
    trained(written(tmp_path / "vectors.txt", ["the", "of", "zebra", "delayed"])).save(tmp_path)
    assert json.loads((tmp_path / word_vectors.VOCABULARY).read_text()) == ["the", "of", "delayed"]


def test_the_header_of_word2vecs_format_is_no_word(tmp_path):
    with_header = vector_file.read(written(tmp_path / "one.txt", ["a", "b"], header=True))
    without = vector_file.read(written(tmp_path / "two.txt", ["a", "b"]))
    assert with_header[0] == without[0] == ["a", "b"]
    np.testing.assert_array_equal(with_header[1], without[1])


def test_words_with_spaces_in_them_and_with_other_white_space_are_read_whole(tmp_path):
    known = [". . .", "at name@domain.com", "1 2", "plain", "a\u2028b", "c\rd", "\u00a0"]
    words, vectors = vector_file.read(written(tmp_path / "vectors.txt", known))
    assert words == known
    assert vectors.shape == (7, 6)


def test_bytes_that_are_no_utf_8_stop_nothing(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_bytes(b"good 1 2\ncaf\xe9 3 4\n\n")
    words, vectors = vector_file.read(path)
    assert words == ["good", "caf\ufffd"]
    assert vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "not a word and numbers"),
        ("word\nother\n", "not a word and numbers"),
        ("a 1 2\nb 1 x\n", "line 2 .*its last 2 fields are not all numbers"),
        ("a 1 2\nb 1 nan\n", "line 2 .*larger than 65504, or none"),
        ("a 1 2\nb 1 1e9\n", "line 2 .*larger than 65504"),
        ("a 1 2\n" * 1001 + "b 1\n", "line 1002 .*fewer than 2 numbers after a word"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_line(tmp_path, content, problem):
    path = tmp_path / "vectors.txt"
    path.write_text(content)
    with pytest.raises(BadInput, match=problem):
        trained(path)


@pytest.mark.parametrize("name", ["nope.txt", ""])
def test_a_file_that_is_not_there_is_named(tmp_path, name):
    with pytest.raises(BadInput, match=f"option vectors of glove_logreg .*there is no file {tmp_path / name}"):
        trained(tmp_path / name)
