"""Only a deployment that the platform signed makes a champion, whatever the role of the steps writes into tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput, LedgerBroken
from sentiment_lib.registry.mlflow_registry import CHAMPION, Registry
from sentiment_lib.signing import KeyRing
from sentiment_lib.steps.deployment import bootstrap, promote, rollback
from sentiment_lib.steps.operations import reconcile, verify
from sentiment_lib.storage import deployments, grants, ledger, model_versions
from sentiment_lib.storage.engine import KEY_RING, Store
from tests.conftest import as_role

COLUMNS = "INSERT INTO deployments (kind, from_version, to_version, reason, state, finished_at) VALUES "
#: What the role of the steps may do to make version 2 the champion, or version 1 after version 2 was promoted.
FORGERIES = {
    "done": f"{COLUMNS} ('forced', 1, 2, 'mine', 'done', now())",
    "intent": f"{COLUMNS} ('forced', 1, 2, 'mine', 'intent', NULL)",
}


@pytest.fixture
def intruder(database_url, tmp_path):
    """A store with the role of the steps and keys of its own."""
    store = Store(as_role(database_url, grants.APP), key_ring=KeyRing(tmp_path / "own keys"))
    yield store
    store.close()


def run(store, statement):
    with store.begin() as connection:
        connection.execute(text(statement))


def champions(store, database_url):
    """The champion as the steps, the API and the console see it."""
    found = []
    for role in grants.ROLES:
        reader = Store(as_role(database_url, role))
        with reader.begin() as connection:
            found.append(model_versions.champion(connection).version)
        reader.close()
    return found


def alerts(store):
    with store.begin() as connection:
        query = "SELECT body FROM alerts WHERE kind = 'forged_deployment' AND severity = 'critical' ORDER BY alert_id"
        return list(connection.execute(text(query)).scalars())


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_deployment_without_a_signed_row_is_undone(store, settings, decided, say, intruder, database_url, forgery):
    run(intruder, FORGERIES[forgery])
    assert champions(store, database_url) == [1, 1, 1]
    with store.begin() as connection:
        assert deployments.last_move(connection).kind == "bootstrap"
        assert not deployments.served_before(connection, 2)
    with pytest.raises(BadInput, match="never the champion"):
        rollback.by_hand(store, settings, to_version=2, reason="it served before", by="mlops")
    assert reconcile.run(store, settings).finished is None
    assert Registry(settings).alias(CHAMPION) == 1
    assert [f"was marked as {forgery}, and no signed row" in body for body in alerts(store)] == [True]
    assert "deployment 2 has no ledger row" in verify.run(store, settings, artefacts=False).problems
    # it does not stand in the way of a real one
    say(decided.question)
    assert promote.run(store, settings, decision_id=decided.decision.decision_id).to_version == 2
    assert champions(store, database_url) == [2, 2, 2]


@pytest.mark.parametrize("state", ["undone", "intent"])
def test_a_state_that_the_ledger_does_not_say_changes_nothing(
    store, settings, decided, say, intruder, database_url, state
):
    say(decided.question)
    promote.run(store, settings, decision_id=decided.decision.decision_id)
    rollback.by_hand(store, settings, to_version=1, reason="worse", by="mlops")
    finished = "NULL" if state == "intent" else "now()"
    # the promotion again, or without the rollback
    row = 2 if state == "intent" else 3
    run(intruder, f"UPDATE deployments SET state = '{state}', finished_at = {finished} WHERE deployment_id = {row}")
    assert champions(store, database_url) == [1, 1, 1]
    assert reconcile.run(store, settings).finished is None
    assert (Registry(settings).alias(CHAMPION), champions(store, database_url)) == (1, [1, 1, 1])
    assert ["the signed ledger says done" in body for body in alerts(store)] == [True]
    assert verify.run(store, settings, artefacts=False).problems == ()


def test_a_ledger_row_signed_with_another_key_makes_no_champion(store, decided, intruder, database_url, caplog):
    with intruder.begin() as connection:
        facts = {"deployment_id": 2, "kind": "forced", "from_version": 1, "to_version": 2}
        ledger.append(connection, "forced.intent", facts)
        ledger.append(connection, "forced.done", {**facts, "finished_at": datetime.now(UTC)})
    run(intruder, FORGERIES["done"])
    assert champions(store, database_url) == [1, 1, 1]
    with store.begin() as connection:
        assert [move.deployment_id for move in deployments.signed_moves.all_moves(connection).values()] == [1]


def test_without_the_public_keys_nothing_is_deployed_as_if_for_the_first_time(store, settings, decided, tmp_path):
    stranger = Store(store.engine.url.render_as_string(hide_password=False), key_ring=KeyRing(tmp_path / "none"))
    with pytest.raises(LedgerBroken, match="no deployment has a valid signature"):
        bootstrap.run(stranger, settings)
    assert stranger.engine.get_execution_options()[KEY_RING].public_keys() == ()
    stranger.close()
    assert Registry(settings).alias(CHAMPION) == 1
