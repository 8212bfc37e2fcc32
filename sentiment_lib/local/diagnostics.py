"""Checks of an installation, each with what to do when it does not pass: `sentiment doctor`."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx
import psutil

from sentiment_lib import clock
from sentiment_lib.errors import SentimentError
from sentiment_lib.local import first_loop, postgres, stack
from sentiment_lib.local.first_loop import FirstLoop
from sentiment_lib.local.state_folder import Home
from sentiment_lib.records import NO_CHAMPION, ModelVersion
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.settings import Settings, home_folder, load_settings
from sentiment_lib.steps.training import family_selection
from sentiment_lib.storage import alerts, backups, migrate, model_versions, orphans, retention
from sentiment_lib.storage.backups import Backup
from sentiment_lib.storage.engine import Store, is_starting_up

GIB = 1 << 30
#: Free disk and memory below which a check warns.
DISK, MEMORY = 2 * GIB, 2 * GIB
#: Seconds that a component has to answer.
PATIENCE = 5.0

#: waiting: not there yet, and nobody has to do anything about it.
State = Literal["ok", "waiting", "warning", "failed"]


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What one check saw, and what to do about it; no remedy when it passed."""

    check: str
    state: State
    finding: str
    remedy: str = ""


def run() -> Iterator[Diagnosis]:
    """Every check in turn; those that need the database are left out when it cannot be reached."""
    yield _python()
    yield _disk(home_folder())
    yield _memory()
    settings, problem = None, None
    try:
        settings = load_settings()
        family_selection.select_families(settings)
    except SentimentError as error:
        problem = str(error)
    if settings is None or problem:
        yield _failed("settings", problem or "they cannot be read", "correct the setting; `sentiment config check`")
        return
    yield Diagnosis(check="settings", state="ok", finding="valid")
    yield _permissions(settings.home)
    yield from _components()
    loop = first_loop.state()
    yield from _with_database(settings, loop)
    yield _api(settings, loop)


def _failed(check: str, finding: str, remedy: str) -> Diagnosis:
    return Diagnosis(check=check, state="failed", finding=finding, remedy=remedy)


def _python() -> Diagnosis:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Diagnosis(check="Python", state="ok", finding=version)
    return _failed("Python", version, "install again with Python 3.11 or 3.12: PYTHON=python3.12 make setup")


def _disk(home: Path) -> Diagnosis:
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    finding = f"{free / GIB:.1f} GiB free at {existing}"
    if free >= DISK:
        return Diagnosis(check="disk", state="ok", finding=finding)
    remedy = f"free some space, or set SENTIMENT_HOME to another disk; at least {DISK / GIB:.0f} GiB are advised"
    return Diagnosis(check="disk", state="warning", finding=finding, remedy=remedy)


def _memory() -> Diagnosis:
    available = psutil.virtual_memory().available
    finding = f"{available / GIB:.1f} GiB available"
    if available >= MEMORY:
        return Diagnosis(check="memory", state="ok", finding=finding)
    return Diagnosis(check="memory", state="warning", finding=finding, remedy="end other programs before a training")


def _permissions(home: Path) -> Diagnosis:
    secrets = home / "secrets"
    if not secrets.exists():
        return Diagnosis(check="secrets", state="ok", finding="none written yet")
    if others := stat.S_IMODE(secrets.stat().st_mode) & 0o077:
        finding = f"others have access to {secrets} (mode {others:03o})"
        remedy = f"chmod 700 {secrets}, then replace the signing key: `sentiment signing-keys rotate`"
        return _failed("secrets", finding, remedy)
    return Diagnosis(check="secrets", state="ok", finding="readable by their owner alone")


def _components() -> Iterator[Diagnosis]:
    state = stack.status()
    if not state["supervisor"]:
        finding = f"no stack runs in {state['home']}"
        remedy = "`sentiment up`; with servers of your own, look at their status instead"
        yield Diagnosis(check="stack", state="warning", finding=finding, remedy=remedy)
        return
    for name, component in state["components"].items():
        problem = component["problem"]
        finding = f"{component['state']}, restarts {component['restarts']}" + (f"; {problem}" if problem else "")
        if problem == postgres.RECOVERING:
            yield Diagnosis(check=name, state="waiting", finding=finding, remedy=_recovery())
        elif component["state"] in ("healthy", "done") and not problem:
            yield Diagnosis(check=name, state="ok", finding=finding)
        elif not state["up"] and component["state"] in ("waiting", "starting"):
            yield Diagnosis(check=name, state="waiting", finding=finding, remedy="the stack is starting, wait for it")
        else:
            yield _failed(name, finding, f"read its log in {stack.log_folder()}")


def _with_database(settings: Settings, loop: FirstLoop | None) -> Iterator[Diagnosis]:
    try:
        store = Store.open(settings)
    except SentimentError as error:
        yield _failed("database", str(error), "start the stack: `sentiment up`")
        return
    try:
        try:
            with store.begin() as connection:
                revision, newest = migrate.revisions(connection)
                champion = model_versions.champion(connection)
                newest_backup = next(iter(backups.newest(connection)), None)
                critical = sum(alert.severity == "critical" for alert in alerts.list_alerts(connection))
        except Exception as error:
            if is_starting_up(error):
                yield Diagnosis(check="database", state="waiting", finding=postgres.RECOVERING, remedy=_recovery())
                return
            # whatever the driver raises is the finding
            text = " ".join(str(error).split())[:200]
            yield _failed("database", text, "`sentiment up`, or check SENTIMENT_DATABASE_URL and the server")
            return
        if revision != newest:
            finding = f"the schema is at {revision or 'no revision'}, this version needs {newest}"
            yield _failed("database", finding, "restart the stack: migrations run at its start")
            return
        yield Diagnosis(check="database", state="ok", finding=f"reachable, schema {revision}")
        yield _references(store)
        yield _sizes(store)
        yield _champion(settings, champion, loop)
        yield _backup(settings, newest_backup)
        if critical:
            finding = f"{critical} unresolved and critical"
            yield Diagnosis(check="alerts", state="warning", finding=finding, remedy="`sentiment alerts list`")
        else:
            yield Diagnosis(check="alerts", state="ok", finding="none critical")
    finally:
        store.close()


def _recovery() -> str:
    return f"wait, it ends by itself; how far it is: {stack.log_folder() / 'postgres.log'}"


def _references(store: Store) -> Diagnosis:
    with store.begin() as connection:
        found = orphans.find(connection)
    if found:
        return _failed("references", "; ".join(found), "restore the missing rows from a backup")
    return Diagnosis(check="references", state="ok", finding="every label and prediction has its tweet")


def _sizes(store: Store) -> Diagnosis:
    with store.begin() as connection:
        measured = retention.newest_sizes(connection)
    if measured is None:
        remedy = "the DAG retention measures once a day; or `sentiment retention`"
        return Diagnosis(check="sizes", state="waiting", finding="nothing measured yet", remedy=remedy)
    at, sizes = measured
    largest = sorted(sizes.items(), key=lambda pair: -pair[1])[:3]
    finding = ", ".join(f"{name} {size / GIB:.2f} GiB" for name, size in largest)
    return Diagnosis(check="sizes", state="ok", finding=f"{finding} ({at:%Y-%m-%d %H:%M} UTC)")


def _champion(settings: Settings, champion: ModelVersion | None, loop: FirstLoop | None) -> Diagnosis:
    if champion is None:
        return _no_champion("champion", loop)
    try:
        Registry(settings).load(champion.version, champion.digest)
    except Exception as error:
        # MLflow raises errors of its own and those of its HTTP client
        finding = f"version {champion.version} cannot be loaded: {' '.join(str(error).split())[:200]}"
        return _failed("champion", finding, "`sentiment status` for MLflow, then `sentiment reconcile`")
    return Diagnosis(check="champion", state="ok", finding=f"version {champion.version} ({champion.family}) loads")


def _no_champion(check: str, loop: FirstLoop | None) -> Diagnosis:
    """What it means that there is none: the first loop brings one, unless it failed or never began."""
    if loop == "running":
        return Diagnosis(check=check, state="waiting", finding="no champion yet", remedy=first_loop.WAIT)
    if loop == "failed":
        remedy = "read the failed run of score_tweets or retrain in Airflow, then trigger it again"
        return _failed(check, "no champion yet, and a run of the first loop failed", remedy)
    remedy = "the first tweets that are scored bring it, or `sentiment bootstrap`"
    return Diagnosis(check=check, state="warning", finding="no champion yet", remedy=remedy)


def _backup(settings: Settings, newest: Backup | None) -> Diagnosis:
    if newest is None:
        remedy = "`sentiment backup`" if settings.backup.recipient else "`sentiment backup key FILE`, then as it says"
        return Diagnosis(check="backup", state="warning", finding="never taken", remedy=remedy)
    drill = "never drilled" if newest.drilled_at is None else newest.drill_problem or "restored in a drill"
    finding = f"of {newest.as_of:%Y-%m-%d %H:%M} UTC, {newest.size_bytes / 1e6:,.1f} MB, {drill}"
    if clock.now() - newest.as_of > settings.policy.alerts.backup_age:
        return _failed("backup", finding, "look at the DAG `backup`, or take one: `sentiment backup`")
    if newest.drill_problem:
        return _failed("backup", finding, "take another, and `sentiment restore-drill`")
    return Diagnosis(check="backup", state="ok", finding=finding)


def _api(settings: Settings, loop: FirstLoop | None) -> Diagnosis:
    address = _api_address(settings)
    try:
        response = httpx.get(f"{address}/readyz", timeout=PATIENCE)
    except httpx.HTTPError as error:
        remedy = "`sentiment up`, or check SENTIMENT_API_URL and SENTIMENT_PORT_API"
        finding = f"{address} does not answer: {error}"
        return Diagnosis(check="API", state="warning", finding=finding, remedy=remedy)
    if response.status_code == httpx.codes.OK:
        return Diagnosis(check="API", state="ok", finding=f"ready at {address}")
    if NO_CHAMPION in response.text:
        return _no_champion("API", loop)
    finding = f"answers {response.status_code}: {response.text[:120]}"
    return _failed("API", finding, f"read its log in {stack.log_folder()}")


def _api_address(settings: Settings) -> str:
    """Where the API of this installation listens: the address that is set, else the port of the stack.

    A stack that runs has recorded its ports; one that does not would take that of SENTIMENT_PORT_API.
    """
    if "SENTIMENT_API_URL" in os.environ:
        return settings.api_url
    home = Home(home_folder())
    if stack.status()["supervisor"] and (home.run / stack.PORTS_FILE).exists():
        return f"http://127.0.0.1:{stack.ports_in_use(home).api}"
    return f"http://127.0.0.1:{stack.ports().api}" if os.environ.get("SENTIMENT_PORT_API") else settings.api_url
