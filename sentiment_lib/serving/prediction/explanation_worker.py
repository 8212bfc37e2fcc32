"""The process that explains, at a low priority of the operating system: `python -m` of this module.

Occlusion and exact attributions keep an interpreter busy for long; a thread that computes them makes every other thread
of its process wait for the interpreter. Protocol: a request is a line of JSON on stdin (`package`, `digest`, `texts`).
The answer on stdout is a line with `probabilities` and then one for each text with its parts, or one line with `error`.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import orjson

from sentiment_lib.families.attribution import attribute
from sentiment_lib.families.base import Model, check_probabilities
from sentiment_lib.registry import model_package

#: The priority's number (`nice`): whatever else wants a processor goes first.
NICENESS = 10
#: Seconds without a request after which the process ends and frees its memory; the next request starts another.
IDLE_SECONDS = 600.0


def main() -> None:
    """Answer requests until stdin ends, or none comes for IDLE_SECONDS."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which closes stdin when it has finished
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    loaded: tuple[str, Model] | None = None
    while select.select([sys.stdin], [], [], IDLE_SECONDS)[0] and (line := sys.stdin.buffer.readline()):
        request = orjson.loads(line)
        try:
            if loaded is None or loaded[0] != request["digest"]:
                loaded = None  # not two models in memory
                loaded = request["digest"], model_package.read(Path(request["package"]), request["digest"])
                _lower_priority()  # not earlier: somebody waits for the start
            lines = explain(loaded[1], request["texts"])
        except Exception as error:
            lines = [orjson.dumps({"error": f"{type(error).__name__}: {error}".splitlines()[0]})]
        answers.write(b"\n".join(lines) + b"\n")
        answers.flush()


def _lower_priority() -> None:
    os.nice(max(0, NICENESS - os.nice(0)))


def explain(model: Model, texts: list[str]) -> list[bytes]:
    """The lines of an answer."""
    probabilities = check_probabilities(model, texts)
    lines = [orjson.dumps({"probabilities": probabilities.tolist()})]
    for text, row in zip(texts, probabilities, strict=True):
        parts: list[dict[str, Any]] = [
            {"start": part.start, "end": part.end, "weight": part.weight, "text": text[part.start : part.end]}
            for part in attribute(model, text, row)
        ]
        lines.append(orjson.dumps(parts))
    return lines


if __name__ == "__main__":
    main()
