"""Attacks on the API, which `benchmarks.doors` starts as a process of their own, with name, port and API key.

Says a line when it has begun, goes on until its input is closed, and then says what it saw as JSON.
"""

from __future__ import annotations

import json
import socket
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from threading import Event

HALF_OPEN, COSTLY_CALLERS, SLOW_HEADS, ENDLESS_HEADS = 1500, 20, 200, 4
ATTACKER = "127.0.0.2"
SENTENCE = "flight {number} was cancelled and nobody at the desk knew when the next one leaves"
#: 50 explained texts of 140 words.
COSTLY = {"texts": [" ".join([SENTENCE.format(number=number)] * 10) for number in range(50)], "explain": True}


def main() -> None:
    """All threads of an attack until the input is closed."""
    name, port, key = sys.argv[1:]
    stop, seen = Event(), Counter[str]()
    threads = [
        threading.Thread(target=target, args=(int(port), key, stop, seen))
        for target, count in ATTACKS[name]
        for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    print(flush=True)
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join()
    print(json.dumps(seen), flush=True)


def _connect(port: int, data: bytes) -> socket.socket:
    opened = socket.create_connection(("127.0.0.1", port), timeout=5, source_address=(ATTACKER, 0))
    opened.sendall(data)
    return opened


def _endless_head(port: int, _key: str, stop: Event, seen: Counter[str]) -> None:
    while not stop.wait(0.02):
        with suppress(OSError), _connect(port, b"GET /healthz HTTP/1.1\r\nX-Endless: ") as endless:
            while not stop.is_set():
                endless.sendall(b"a" * 65536)
        seen["endless heads cut off"] += 1


def _slow_heads(port: int, _key: str, stop: Event, seen: Counter[str]) -> None:
    slow: list[socket.socket] = []
    while not stop.wait(0.2):
        while len(slow) < SLOW_HEADS and not stop.is_set():
            with suppress(OSError):
                slow.append(_connect(port, b"GET /healthz HTTP/1.1\r\nX-Slow: "))
        alive = []
        for connection in slow:
            try:
                connection.sendall(b"a")
                alive.append(connection)
            except OSError:
                seen["slow heads cut off"] += 1
                connection.close()
        slow = alive
    for connection in slow:
        connection.close()


def _half_open(port: int, _key: str, stop: Event, seen: Counter[str]) -> None:
    held = []
    for _ in range(HALF_OPEN):
        with suppress(OSError):
            held.append(_connect(port, b"GET /healthz HTTP/1.1\r\nX-Half: "))
    seen["half-open connections"] = len(held)
    stop.wait()
    for connection in held:
        connection.close()


def _costly(port: int, key: str, stop: Event, seen: Counter[str]) -> None:
    body = json.dumps(COSTLY).encode()
    head = f"POST /v1/predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nX-API-Key: {key}\r\n"
    head += f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    while not stop.wait(0.1):
        try:
            with _connect(port, head.encode() + body) as sent:
                sent.settimeout(60)
                answer = sent.recv(65536)
                while sent.recv(1 << 20):
                    pass
            seen[answer[9:12].decode()] += 1
        except OSError:
            seen["broken"] += 1


#: Threads of each attack: what each does, and how many do it.
ATTACKS: dict[str, list[tuple[Callable[[int, str, Event, Counter[str]], None], int]]] = {
    "heads": [(_endless_head, ENDLESS_HEADS), (_slow_heads, 1)],
    "half_open": [(_half_open, 1)],
    "costly": [(_costly, COSTLY_CALLERS)],
}


if __name__ == "__main__":
    main()
