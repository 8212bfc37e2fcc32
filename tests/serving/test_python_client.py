"""The Python example of docs/how-to/call-the-api.md runs as it stands against a listening API."""

from __future__ import annotations

import re
from ast import literal_eval
from pathlib import Path

from sentiment_lib.records import LABELS
from tests.serving.listening import listening

PAGE = (Path(__file__).parents[2] / "docs/how-to/call-the-api.md").read_text()


def test_the_example_with_httpx_predicts_and_corrects(settings, key, monkeypatch, capsys):
    example = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0]
    with listening(settings) as port:
        monkeypatch.setenv("SENTIMENT_API_URL", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("KEY", key)
        exec(compile(example, "call-the-api.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    for line in lines:
        label, _, probabilities = line.partition(" ")
        shares = literal_eval(probabilities)
        assert label == max(shares, key=shares.get)
        assert list(shares) == list(LABELS)
