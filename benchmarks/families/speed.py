"""Prediction speed: int8 against single precision in torch, linear models against bare scikit-learn.

    python -m benchmarks.families.speed [--quick] [--check] [--package FOLDER]

One core, alternating, so that other load affects both sides. FOLDER holds a trained package of bert
(`benchmarks.families` keeps them in FOLDER/packages); without it a short training makes one of low quality.
Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.families import data as families_data
from benchmarks.families.measure import latency, machine, revision
from sentiment_lib.families import catalog
from sentiment_lib.registry import model_package
from sentiment_lib.statistics.metrics import classification_metrics

LINEAR_MS, INT8_MS = 2.0, 15.0
FASTER, LOSS, OF_BARE, TEN_TIMES = 3.0, 0.005, 0.9, 1.5
LINEAR = ("count_logreg", "tfidf_logreg")
Scorer = Callable[[Sequence[str]], Any]


def main() -> None:
    """Both comparisons; exit 1 under --check when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few tweets, and a training of thirty steps")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--package", type=Path)
    chosen = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    split = families_data.split("airline" if families_data.there("airline") else "made_up")
    split = split.shortened(1500, 300) if chosen.quick else split
    found: dict[str, Any] = {name: linear(name, split) for name in LINEAR}
    with tempfile.TemporaryDirectory(prefix="speed-") as scratch:
        found["bert"] = transformer(split, chosen.package or _short(split, Path(scratch) / "bert"))
    found["distinct"] = repeated("tfidf_logreg", split)
    for name, figure in found.items():
        print(f"{name}: {figure}")
    checks = _checks(found, quality=chosen.package is not None)
    for what, figure, bound, holds in checks:
        print(f"{'holds ' if holds else 'MISSED'}  {what}: {figure:.4g}, bound {bound}")
    missed = [what for what, *_, holds in checks if not holds]
    where = {"machine": machine(), "revision": revision()}
    print(json.dumps({"benchmark": "families_speed", **found, "missed": missed, **where}))
    raise SystemExit(1 if chosen.check and missed else 0)


def linear(name: str, split: families_data.Split) -> dict[str, float]:
    """Tweets a second of a family beside scikit-learn's own vectoriser and model with the same features."""
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline, make_union

    from sentiment_lib.families.bag_of_words.features import PARTS
    from sentiment_lib.text.normalise import normalise

    model = catalog.train(name, split.train_texts, split.train_labels.tolist(), seed=0)
    kind = TfidfVectorizer if name == "tfidf_logreg" else CountVectorizer
    bare = make_pipeline(make_union(*(kind(**part) for part in PARTS[name])), LogisticRegression(max_iter=100))
    bare.fit([normalise(text) for text in split.train_texts], split.train_labels)
    ours, theirs = in_turn(model.predict_proba, bare.predict_proba, split.test_texts)
    _, p99 = latency(lambda text: model.predict_proba([text]), split.test_texts[:400])
    return {"per_s": round(ours), "bare_per_s": round(theirs), "of_bare": round(ours / theirs, 3), "p99_ms": p99}


def transformer(split: families_data.Split, folder: Path) -> dict[str, Any]:
    """The served package beside the same weights in torch, single tweets and batches of 64 sorted by length."""
    import torch

    from sentiment_lib.families import calibration
    from sentiment_lib.families.transformers import networks, warm_start
    from sentiment_lib.families.transformers.batching import pad
    from sentiment_lib.families.weights.pinned import locate

    torch.set_num_threads(1)
    served = catalog.load(folder, "bert")
    exact = networks.build("mean", locate("all-minilm-l6-v2", "bert"))
    networks.freeze_embeddings(exact)
    warm_start.read(folder).load_into(exact)
    exact.eval()

    def in_torch(texts: Sequence[str]) -> Any:
        from sentiment_lib.families.text_preparation import prepare

        way = served._settings["preparation"]

        tokens = [encoding.ids for encoding in served._tokenizer.encode_batch([prepare(t, way) for t in texts])]
        order = sorted(range(len(tokens)), key=lambda row: len(tokens[row]))
        scores = np.zeros((len(tokens), 3))
        with torch.inference_mode():
            for start in range(0, len(order), 64):
                rows = order[start : start + 64]
                scores[rows] = exact(*pad([tokens[row] for row in rows], 0)).numpy()
        return calibration.softmax(scores)

    singles = split.test_texts[:200]
    fast, slow = (
        latency(lambda text, score=score: score([text]), singles) for score in (served.predict_proba, in_torch)
    )
    ours, theirs = in_turn(served.predict_proba, in_torch, split.test_texts[:1000])
    small = classification_metrics(split.test_labels, served.predict_proba(split.test_texts))["macro_f1"]
    whole = classification_metrics(split.test_labels, in_torch(split.test_texts))["macro_f1"]
    return {
        "precision": served.notes.get("precision"),
        "p50_ms": fast[0],
        "p99_ms": fast[1],
        "torch_p50_ms": slow[0],
        "torch_p99_ms": slow[1],
        "single_faster": round(slow[0] / fast[0], 2),
        "per_s": round(ours),
        "torch_per_s": round(theirs),
        "batch_faster": round(ours / theirs, 2),
        "macro_f1": round(small, 4),
        "torch_macro_f1": round(whole, 4),
    }


def repeated(name: str, split: families_data.Split) -> dict[str, float]:
    """Seconds for a hundred distinct texts, and for each of them ten times."""
    model = catalog.train(name, split.train_texts[-1500:], split.train_labels[-1500:].tolist(), seed=0)
    texts = split.test_texts[:100]
    once, ten = in_turn(model.predict_proba, lambda texts: model.predict_proba([*texts] * 10), texts)
    return {"ten_times_costs": round(once / ten, 2)}


def in_turn(ours: Scorer, theirs: Scorer, texts: Sequence[str], *, turns: int = 5) -> tuple[float, float]:
    """Texts a second of both, the best of turns that follow each other."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(turns):
        for score, seconds in zip((ours, theirs), spent, strict=True):
            begun = time.perf_counter()
            score(texts)
            seconds.append(time.perf_counter() - begun)
    return len(texts) / min(spent[0]), len(texts) / min(spent[1])


def _short(split: families_data.Split, folder: Path) -> Path:
    model = catalog.train("bert", split.train_texts, split.train_labels.tolist(), seed=0, max_steps=100)
    model_package.write(model, folder)
    return folder


def _checks(found: dict[str, Any], *, quality: bool) -> list[tuple[str, float, str, bool]]:
    bert = found["bert"]
    checks = []
    for name in LINEAR:
        row = found[name]
        checks.append((f"{name} p99 ms", row["p99_ms"], f"≤ {LINEAR_MS}", row["p99_ms"] <= LINEAR_MS))
        checks.append((f"{name} of bare scikit-learn", row["of_bare"], f"≥ {OF_BARE}", row["of_bare"] >= OF_BARE))
    again = found["distinct"]["ten_times_costs"]
    checks.append(("every text ten times, cost against once", again, f"≤ {TEN_TIMES}", again <= TEN_TIMES))
    checks.append(("bert p99 ms", bert["p99_ms"], f"≤ {INT8_MS}", bert["p99_ms"] <= INT8_MS))
    for how in ("single", "batch"):
        faster = bert[f"{how}_faster"]
        checks.append((f"bert faster than torch, {how}", faster, f"≥ {FASTER}", faster >= FASTER))
    if quality:
        lost = bert["torch_macro_f1"] - bert["macro_f1"]
        checks.append(("bert macro-F1 lost in int8", lost, f"≤ {LOSS}", lost <= LOSS))
    return checks


if __name__ == "__main__":
    main()
