"""Promotion dies at every line, is raced, and loses its alias: there is one champion, and the ledger holds."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from sentiment_lib.errors import Busy, ChampionMoved, MoveUnfinished, VersionDeleted
from sentiment_lib.records import AliasMove
from sentiment_lib.registry import mlflow_client
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.deployment import champion_alias, promote, rollback
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.steps.scoring import score
from sentiment_lib.storage import deployments, engine, model_versions
from tests.kill import run_and_die

FILES = (promote.__file__, champion_alias.__file__, deployments.__file__)


def one_champion(store, registry):
    """The version that database and registry agree on."""
    with store.begin() as connection:
        champion = model_versions.champion(connection)
        assert deployments.pending_move(connection) is None
    assert registry.alias("champion") == champion.version
    return champion.version


@pytest.mark.parametrize("step", [6, pytest.param(1, marks=[pytest.mark.slow, pytest.mark.timeout(900)])])
def test_killed_at_every_line_there_is_one_champion_and_the_ledger_holds(
    store, settings, decided, decide_again, say, step
):
    """At every sixth line here; at each one where minutes may be spent."""
    registry, candidate = Registry(settings), decided.version.version
    seen, line = set(), 1
    while True:
        decision = decide_again(f"retrain/line-{line}")
        assert say(decision).response == "approved"
        call = lambda number=decision.decision_id: promote.run(store, settings, decision_id=number)  # noqa: E731
        if not run_and_die(line, call, FILES):
            break
        reconcile.run(store, settings)
        seen.add(one_champion(store, registry))
        assert verify.run(store, settings, artefacts=False).problems == (), f"after dying at line {line}"
        # the task runs again, and ends where it would have ended
        assert call().to_version == candidate
        assert one_champion(store, registry) == candidate
        rollback.by_hand(store, settings, to_version=1, reason=f"round {line}", by="test")
        line += step
    assert line > 40
    assert seen == {1, candidate}
    with store.begin() as connection:
        unapproved = connection.execute(
            text("SELECT count(*) FROM deployments WHERE kind = 'promotion' AND approval_id IS NULL")
        ).scalar_one()
    assert unapproved == 0
    assert verify.run(store, settings).problems == ()


def test_a_process_killed_right_after_the_alias_moved_is_finished_by_maintain(store, settings, decided, say, tmp_path):
    say(decided.question)
    url = store.engine.url.render_as_string(hide_password=False)
    script = tmp_path / "die.py"
    script.write_text(
        "import os\n"
        "from sentiment_lib.registry.mlflow_registry import Registry\n"
        "from sentiment_lib.settings import Settings\n"
        "from sentiment_lib.steps.deployment import promote\n"
        "from sentiment_lib.storage.engine import Store\n"
        "move = Registry.set_alias\n"
        "def die(*args):\n"
        "    move(*args)\n"
        "    os.kill(os.getpid(), 9)\n"
        "Registry.set_alias = die\n"
        f"settings = Settings(home={str(settings.home)!r}, mlflow_uri={settings.mlflow_uri!r})\n"
        f"promote.run(Store({url!r}), settings, decision_id={decided.decision.decision_id})\n"
    )
    assert subprocess.run([sys.executable, str(script)], check=False).returncode == -9
    problems = verify.run(store, settings, artefacts=False).problems
    assert any("was interrupted" in problem for problem in problems)
    finished = reconcile.run(store, settings).finished
    assert (finished.kind, finished.to_version) == ("promotion", decided.version.version)
    assert verify.run(store, settings).problems == ()


def test_promotions_that_race_make_one_deployment(store, settings, decided, decide_again, say):
    orders = [decided.decision, *(decide_again(f"retrain/{number}") for number in range(2, 6))]
    for decision in orders:
        assert say(decision).response == "approved"

    def go(decision):
        try:
            return promote.run(store, settings, decision_id=decision.decision_id)
        except (ChampionMoved, Busy):
            return None

    with ThreadPoolExecutor(5) as pool:
        moved = [found for found in pool.map(go, orders) if found]
    assert len({found.deployment_id for found in moved}) == 1
    assert one_champion(store, Registry(settings)) == decided.version.version
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_an_alias_moved_by_hand_is_put_back_with_an_alert_and_a_ledger_row(store, settings, decided):
    registry = Registry(settings)
    registry.set_alias("champion", decided.version.version)
    assert any("alias champion" in problem for problem in verify.run(store, settings, artefacts=False).problems)
    assert reconcile.run(store, settings).reconciled.kind == "restored"
    assert one_champion(store, registry) == 1
    with store.begin() as connection:
        assert connection.execute(text("SELECT kind, severity FROM alerts")).one() == ("alias_moved", "critical")
    assert reconcile.run(store, settings).reconciled is None
    assert verify.run(store, settings).problems == ()


def test_a_champion_that_was_deleted_is_reported_and_the_way_back_stays_open(store, settings, decided, say, add_tweets):
    registry = Registry(settings)
    assert say(decided.question).response == "approved"
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    registry.client.delete_model_version(settings.mlflow_model, "2")
    assert reconcile.run(store, settings).reconciled is None
    with store.begin() as connection:
        assert connection.execute(text("SELECT kind, severity FROM alerts")).one() == ("champion_deleted", "critical")
    shutil.rmtree(registry.cache)
    add_tweets(10)
    with pytest.raises(VersionDeleted, match=r"Model version 2 is not in MLflow.*sentiment rollback"):
        score.run(store, settings)
    rollback.by_hand(store, settings, to_version=1, reason="version 2 was deleted", by="test")
    assert one_champion(store, registry) == 1
    assert score.run(store, settings).model_version == 1
    assert reconcile.run(store, settings).reconciled is None


def test_an_approved_version_that_was_deleted_is_named_and_the_champion_stays(store, settings, decided, say):
    assert say(decided.question).response == "approved"
    Registry(settings).client.delete_model_version(settings.mlflow_model, "2")
    with pytest.raises(VersionDeleted, match="Model version 2"):
        promote.run(store, settings, decision_id=decided.decision.decision_id)
    reconcile.run(store, settings)
    assert one_champion(store, Registry(settings)) == 1


def test_an_alias_taken_away_is_put_back(store, settings, decided):
    registry = Registry(settings)
    registry.drop_alias("champion")
    assert reconcile.run(store, settings).reconciled.kind == "restored"
    assert one_champion(store, registry) == 1
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_by_policy_an_alias_moved_by_hand_is_adopted(store, settings, decided, changed):
    Registry(settings).set_alias("champion", decided.version.version)
    found = reconcile.run(store, changed(approval={"out_of_band": "adopt"}))
    assert (found.reconciled.kind, found.reconciled.to_version) == ("adopted", decided.version.version)
    assert one_champion(store, Registry(settings)) == decided.version.version
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_an_alias_moved_between_intent_and_swap_undoes_the_promotion(store, settings, decided, say, monkeypatch):
    say(decided.question)
    registry = Registry(settings)
    stranger = registry.client.create_model_version(
        registry.name, source=registry.client.get_model_version(registry.name, "1").source, tags={"digest": "x"}
    )
    real = deployments.begin_move

    def moved_meanwhile(*args, **kwargs):
        intent = real(*args, **kwargs)
        registry.set_alias("champion", int(stranger.version))
        return intent

    monkeypatch.setattr(deployments, "begin_move", moved_meanwhile)
    with pytest.raises(ChampionMoved):
        promote.run(store, settings, decision_id=decided.decision.decision_id)
    monkeypatch.setattr(deployments, "begin_move", real)
    assert reconcile.run(store, settings).reconciled.kind == "restored"
    assert one_champion(store, registry) == 1
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_an_intent_to_a_version_the_registry_lost_is_undone(store, settings, decided, say):
    say(decided.question)
    with store.begin() as connection:
        deployments.begin_move(
            connection,
            AliasMove(
                kind="promotion",
                from_version=1,
                to_version=decided.version.version,
                approval_id=connection.execute(text("SELECT approval_id FROM approvals")).scalar_one(),
                decision_id=decided.decision.decision_id,
            ),
        )
    registry = Registry(settings)
    registry.drop_alias("challenger")
    registry.client.delete_model_version(registry.name, str(decided.version.version))
    reconcile.run(store, settings)
    assert one_champion(store, registry) == 1


def test_the_trace_really_stops_at_the_line_it_is_told():
    assert run_and_die(1, lambda: deployments.pending_move(SimpleNamespace()), FILES)


def test_a_registry_that_never_responds_holds_up_no_other_command(
    store, settings, decided, decide_again, say, monkeypatch
):
    monkeypatch.setattr(mlflow_client, "ALIAS_SECONDS", "1")
    monkeypatch.setattr(engine, "PATIENCE", 0.3)
    assert say(decided.question).response == "approved"
    number = decided.decision.decision_id
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as other:
        # accepts connections, as a stopped process does, and never responds
        stopped = settings.model_copy(update={"mlflow_uri": f"http://127.0.0.1:{silent.getsockname()[1]}"})
        promotion = other.submit(promote.run, store, stopped, decision_id=number)
        give_up = time.monotonic() + 10
        while not (pending := _pending(store)):
            assert time.monotonic() < give_up
        started = time.monotonic()
        with store.begin() as connection:
            engine.lock(connection, "champion")
        assert say(decide_again()).response == "approved"
        with pytest.raises(Busy):
            rollback.by_hand(store, settings, to_version=1, reason="while it waits", by="test")
        assert not promotion.done(), "the promotion ended before anything was tried beside it"
        assert time.monotonic() - started < 3
        with pytest.raises(MoveUnfinished, match=r"does not respond.*reconcile|reconcile.*does not respond"):
            promotion.result(timeout=30)
    assert _pending(store) == pending
    assert reconcile.run(store, settings).finished.to_version == decided.version.version
    assert one_champion(store, Registry(settings)) == decided.version.version


def _pending(store):
    with store.begin() as connection:
        return deployments.pending_move(connection)


def test_the_run_of_a_killed_training_is_closed_once_no_training_could_live_so_long(store, settings):
    registry = Registry(settings)
    run = registry.client.create_run(registry.experiment(), run_name="killed", tags={"training_key": "k"}).info
    assert reconcile.run(store, settings).closed == 0
    later = datetime.now(UTC) + 2 * timedelta(minutes=settings.policy.retrain.budget_minutes) + timedelta(minutes=1)
    assert reconcile.run(store, settings, at=later).closed == 1
    assert registry.client.get_run(run.run_id).info.status == "KILLED"
    assert reconcile.run(store, settings, at=later).closed == 0
