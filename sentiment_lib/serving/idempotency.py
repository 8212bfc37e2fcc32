"""Answers by Idempotency-Key: a retry of a request gets the first answer, and nothing is stored twice.

Answers are kept in memory and in a file, so that they outlive the process, up to an age and a size; the oldest go
first. A process that is killed between storing a prediction and its answer answers a retry with a new prediction.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from sentiment_lib.errors import BadInput
from sentiment_lib.files import write_atomically

#: Bytes of memory of an answer beside its body: two hashes and the objects that hold them.
OVERHEAD = 512
#: Ids of tweets in an answer.
_TWEET_ID = re.compile(rb'"prediction_id": ?"(\d+)-')
#: Longest value of the header.
LONGEST_KEY = 200


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A stored answer: hash of the request it belongs to, its time (Unix seconds) and its body."""

    request_hash: str
    at: float
    body: bytes


class AnswerStore:
    """Answers by key, up to `maximum_bytes` of memory and a `lifetime` in seconds. For one process and event loop."""

    def __init__(self, folder: Path, *, maximum_bytes: int, lifetime: float) -> None:
        self._path = folder / "answers.jsonl"
        self._maximum_bytes = maximum_bytes
        self._lifetime = lifetime
        self._answers: OrderedDict[str, Answer] = OrderedDict()
        self._bytes = 0
        #: requests in progress: their hash, and an event that ends with them
        self._pending: dict[str, tuple[str, asyncio.Event]] = {}
        self._file_lock = threading.Lock()

    def start(self) -> None:
        """Read the answers of an earlier process; a line that was cut off is left out."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            for line in self._path.read_bytes().splitlines():
                with suppress(orjson.JSONDecodeError, KeyError, TypeError):
                    stored = orjson.loads(line)
                    answer = Answer(request_hash=stored["request_hash"], at=stored["at"], body=stored["body"].encode())
                    self._keep(stored["key"], answer)
        self._rewrite()

    async def run(
        self, *, caller: int, key: str, request: bytes, work: Callable[[], Awaitable[bytes]]
    ) -> tuple[bytes, bool]:
        """The body of the answer, and whether it is the one of an earlier request with this key.

        caller: id of the API key, whose keys are its own; request: path and body. A retry that comes while the first
        request is in progress waits for it. Raises BadInput when the key was used with another request, and what `work`
        raises, which is not kept.
        """
        name, request_hash = _hash(f"{caller} {key}".encode()), _hash(request)
        while True:
            answer = self._find(name)
            pending = self._pending.get(name)
            known = answer.request_hash if answer else pending and pending[0]
            if known and known != request_hash:
                raise BadInput(what="Idempotency-Key", problem="it was used with another request")
            if answer:
                return answer.body, True
            if pending is None:
                break
            await pending[1].wait()
        ended = asyncio.Event()
        self._pending[name] = request_hash, ended
        try:
            answer = Answer(request_hash=request_hash, at=time.time(), body=await work())
            self._keep(name, answer)
            await asyncio.to_thread(self._append, name, answer)
            return answer.body, False
        finally:
            del self._pending[name]
            ended.set()

    def tweet_ids(self) -> set[int]:
        """Ids of the tweets that the stored answers name."""
        return {int(digits) for answer in list(self._answers.values()) for digits in _TWEET_ID.findall(answer.body)}

    def drop(self, tweet_ids: Collection[int]) -> None:
        """Drop the answers that name one of these tweets, from the file too: a retry makes a new prediction."""
        gone = {str(tweet_id).encode() for tweet_id in tweet_ids}
        names = [name for name, one in list(self._answers.items()) if not gone.isdisjoint(_TWEET_ID.findall(one.body))]
        for name in names:
            answer = self._answers.pop(name, None)
            self._bytes -= _size(answer) if answer else 0
        if names:
            self._rewrite()

    def _find(self, name: str) -> Answer | None:
        answer = self._answers.get(name)
        return answer if answer and answer.at > time.time() - self._lifetime else None

    def _keep(self, name: str, answer: Answer) -> None:
        previous = self._answers.pop(name, None)
        self._bytes += _size(answer) - (_size(previous) if previous else 0)
        self._answers[name] = answer
        oldest = time.time() - self._lifetime
        while self._answers:
            first = next(iter(self._answers.values()))
            if self._bytes <= self._maximum_bytes and first.at > oldest:
                return
            self._bytes -= _size(self._answers.popitem(last=False)[1])

    def _append(self, name: str, answer: Answer) -> None:
        with self._file_lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "ab") as file:
                file.write(_line(name, answer))
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
        if size > 2 * self._maximum_bytes + (1 << 20):
            self._rewrite()

    def _rewrite(self) -> None:
        """Leave out what has expired, so that the file is bounded as well."""
        with self._file_lock:
            kept = list(self._answers.items())
            write_atomically(self._path, b"".join(_line(name, answer) for name, answer in kept), mode=0o600)


def _size(answer: Answer) -> int:
    return len(answer.body) + OVERHEAD


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _line(name: str, answer: Answer) -> bytes:
    return orjson.dumps({"key": name, **vars(answer), "body": answer.body.decode()}) + b"\n"
