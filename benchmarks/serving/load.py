"""Load generator in its own process: keep-alive connections without think time, over plain sockets."""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


def measure(
    port: int,
    path: str,
    bodies: Sequence[Mapping[str, Any]],
    headers: Mapping[str, str],
    *,
    clients: int,
    seconds: float,
) -> dict[str, float]:
    """requests_s, p50_ms, p99_ms, and failed: answers other than 200."""
    requests = [_request(path, body, headers) for body in bodies]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        times, failed, took = pool.apply(_run, (port, requests, clients, seconds))
    return {
        "requests_s": round(len(times) / took, 1),
        "p50_ms": round(1000 * float(np.percentile(times, 50)), 2),
        "p99_ms": round(1000 * float(np.percentile(times, 99)), 2),
        "failed": failed,
    }


def _request(path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> bytes:
    content = json.dumps(body).encode()
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: application/json"]
    lines += [f"Content-Length: {len(content)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def _run(port: int, requests: list[bytes], clients: int, seconds: float) -> tuple[list[float], int, float]:
    return asyncio.run(_all(port, requests, clients, seconds))


async def _all(port: int, requests: list[bytes], clients: int, seconds: float) -> tuple[list[float], int, float]:
    times: list[float] = []
    failed = 0
    started = time.perf_counter()
    give_up = started + seconds

    async def client(number: int) -> None:
        nonlocal failed
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        turn = number
        while (began := time.perf_counter()) < give_up:
            writer.write(requests[turn % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
            )
            await reader.readexactly(length)
            times.append(time.perf_counter() - began)
            failed += b" 200 " not in head[:16]
            turn += clients
        writer.close()

    await asyncio.gather(*(client(number) for number in range(clients)))
    return times, failed, time.perf_counter() - started
