"""Explanations from a process of their own, so that they share neither the interpreter nor the priority of the API."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
from numpy.typing import NDArray

from sentiment_lib.errors import SentimentError
from sentiment_lib.families.attribution import Attribution
from sentiment_lib.settings import PREFIX

WORKER = "sentiment_lib.serving.prediction.explanation_worker"
#: Seconds for one answer, the loading of the model included; a process that takes longer is killed.
ANSWER_SECONDS = 120.0
#: Beginnings of the names of variables that may hold secrets: the process needs none.
SECRET_PREFIXES = (PREFIX, "MLFLOW_", "AIRFLOW_", "AWS_")


class ExplanationsUnavailable(SentimentError):
    """The explanation cannot be computed: {problem}"""


@dataclass(frozen=True)
class Explanation:
    """The parts of one text with their weights, as the JSON of a list of schemas.PartOut."""

    json: bytes

    def parts(self) -> list[Attribution]:
        """The parts in the order of the text."""
        return [
            Attribution(start=part["start"], end=part["end"], weight=part["weight"]) for part in orjson.loads(self.json)
        ]


class ExplanationProcess:
    """Starts the worker at the first request and again whenever it has ended. For one thread."""

    def __init__(self, packages: Path) -> None:
        self._packages = packages
        self._process: subprocess.Popen[bytes] | None = None

    def explain(self, digest: str, texts: Sequence[str]) -> tuple[NDArray[np.float64], list[Explanation]]:
        """Probabilities, shape (n, 3), and explanations of n texts by the packaged model with this digest.

        Raises ExplanationsUnavailable.
        """
        request = {"package": str(self._packages / digest), "digest": digest, "texts": list(texts)}
        line = orjson.dumps(request) + b"\n"
        # a process that ended for want of requests, or was killed, is replaced once
        answer = self._ask(line, len(texts)) or self._ask(line, len(texts))
        if answer is None:
            raise ExplanationsUnavailable(problem="the process that computes it has ended")
        probabilities = np.array(orjson.loads(answer[0])["probabilities"], dtype=np.float64)
        return probabilities, [Explanation(json) for json in answer[1:]]

    def stop(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):  # what was not sent cannot be sent
                        pipe.close()

    def _ask(self, line: bytes, texts: int) -> list[bytes] | None:
        """The lines of the answer; None, without a process, when it ended before its answer was complete."""
        process = self._process = self._process or _start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError:
            self.stop()
            return None
        if not select.select([process.stdout], [], [], ANSWER_SECONDS)[0]:
            self.stop()
            raise ExplanationsUnavailable(problem=f"no answer within {ANSWER_SECONDS:g} seconds")
        first = process.stdout.readline()
        if first.startswith(b'{"error":'):
            raise ExplanationsUnavailable(problem=orjson.loads(first)["error"])
        lines = [first, *(process.stdout.readline() for _ in range(texts))]
        if not lines[-1].endswith(b"\n"):
            self.stop()
            return None
        return [one.rstrip(b"\n") for one in lines]


def _start() -> subprocess.Popen[bytes]:
    environment = {name: text for name, text in os.environ.items() if not name.upper().startswith(SECRET_PREFIXES)}
    return subprocess.Popen(
        [sys.executable, "-m", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
