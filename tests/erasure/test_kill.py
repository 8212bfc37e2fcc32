"""A run that forgets is killed at any line and carried on: the end is the same, and nothing half done is done."""

from __future__ import annotations

import random

import pytest
from sqlalchemy import text

from benchmarks.forget import byte_search
from sentiment_lib.errors import ApprovalVoid
from sentiment_lib.registry import mlflow_erasure
from sentiment_lib.registry.mlflow_registry import Registry
from sentiment_lib.steps.deployment import promote
from sentiment_lib.steps.erasure import forget, receipt, replace_models, request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.steps.operations import verify
from sentiment_lib.storage import decisions, erasure_requests, model_versions, version_erasures
from tests.kill import run_and_die, run_until


def test_what_is_killed_is_carried_on_to_the_same_end(installation):
    made, draw = installation, random.Random(8)
    gone = made.tweets[::6]
    wanted, lost = byte_search.needles(made.tweets), {tweet.tweet_id for tweet in gone}
    before = byte_search.in_tables(made.owner, wanted)
    order = ErasureOrder(tweet_ids=sorted(lost), requested_by="ann")
    number = request_erasure.run(made.store, made.settings, order)
    kills = 0
    for longest in (100, 3_000, 10_000, 30_000, 60_000, 10**9):
        died = run_and_die(
            draw.randrange(longest // 3, longest), lambda: forget.run(made.store, made.settings, models=False)
        )
        kills += died
        after = byte_search.in_tables(made.owner, wanted)
        with made.store.begin() as connection:
            is_erased = erasure_requests.by_id(connection, number).erased_at is not None
        assert not is_erased or not any(found & lost for found in after.values()), "half forgotten and called done"
        assert is_erased or died
    assert kills >= 3
    for table in before.keys() - {"exports", "pg_stats"}:
        assert after.get(table, set()) == before[table] - lost, table
    files = byte_search.in_files([made.settings.home / name for name in ("landing", "logs", "snapshots")], wanted)
    assert not any(found & lost for found in files.values())
    assert verify.run(made.store, made.settings, artefacts=False).problems == ()


def test_a_version_whose_package_is_erased_is_trained_again_whenever_the_run_is_killed(installation, monkeypatch):
    made = installation
    order = ErasureOrder(tweet_ids=[tweet.tweet_id for tweet in made.tweets[::6]], requested_by="ann")
    number = request_erasure.run(made.store, made.settings, order)

    def versions():
        with made.store.begin() as connection:
            return {one.version: one for one in version_erasures.of_request(connection, number)}

    def run(**models):
        return forget.run(made.store, made.settings, **models)

    champion, *idle = (one.version for one in made.versions)
    run_until(replace_models, "_retrain", run, monkeypatch)
    assert [bool(versions()[one].erased_at) for one in (champion, *idle)] == [False, True, True]
    assert all(one.retrain and one.replacement is None for one in versions().values())
    run_until(replace_models, "_replace_champion", run, monkeypatch)
    assert all(one.exact and not one.retrain for one in versions().values())
    # the champion is replaced, and nobody has said so on the receipt
    run_until(receipt, "finished", run, monkeypatch)
    assert all(one.erased_at for one in versions().values())
    assert run(models=False).done == (number,)
    assert verify.run(made.store, made.settings).problems == ()


def test_a_request_ends_when_the_versions_that_it_erased_are_trained_again(installation, monkeypatch):
    made = installation
    champion, *idle = made.versions
    only_later = text(
        "SELECT min(tweet_id) FROM snapshot_rows WHERE snapshot_id = :second AND part = 'train' AND tweet_id NOT IN "
        "(SELECT tweet_id FROM snapshot_rows WHERE snapshot_id = :first)"
    )
    with made.store.begin() as connection:
        ids = {"first": champion.snapshot_id, "second": idle[0].snapshot_id}
        tweet_id = connection.execute(only_later, ids).scalar_one()
    number = request_erasure.run(made.store, made.settings, ErasureOrder(tweet_ids=[tweet_id], requested_by="ann"))
    run_until(replace_models, "_retrain", lambda: forget.run(made.store, made.settings), monkeypatch)
    assert forget.run(made.store, made.settings, models=False).done == ()
    assert forget.run(made.store, made.settings).done == (number,)
    with made.store.begin() as connection:
        erasures = version_erasures.of_request(connection, number)
        told = receipt.of_request(connection, number)["ledger"][-1]
    assert {one.version for one in erasures} == {one.version for one in idle}
    assert all(one.replacement and one.exact for one in erasures)
    assert [one["replacement"] for one in told["versions"]] == [one.replacement for one in erasures]


def test_a_champion_is_replaced_by_what_never_saw_a_tweet_that_was_forgotten_before_its_replacement_served(
    installation,
):
    made, asked = installation, installation.settings
    erasure = asked.policy.erasure.model_copy(update={"replace": "approval"})
    cautious = asked.model_copy(update={"policy": asked.policy.model_copy(update={"erasure": erasure})})
    champion = made.versions[0].version
    replacements = []
    for tweet in made.of("csv")[:2]:
        request_erasure.run(made.store, asked, ErasureOrder(tweet_ids=[tweet.tweet_id], requested_by="ann"))
        assert forget.run(made.store, cautious).done == ()
        with made.store.begin() as connection:
            replacements.append(version_erasures.relearned(connection, [champion])[champion])
    first, second = replacements
    with made.store.begin() as connection:
        assert version_erasures.relearned(connection, [first]) == {first: second}
        earlier, latest = (
            decisions.by_id(connection, max(decisions.ids_of_request(connection, f"forget/{champion}/{number}")))
            for number in (1, 2)
        )
    assert [earlier.candidate_version, latest.candidate_version] == [first, second]
    assert not mlflow_erasure.has_package(Registry(asked), first)
    with pytest.raises(ApprovalVoid, match="learned from a tweet that was forgotten"):
        promote.force(made.store, asked, decision_id=earlier.decision_id, reason="for all that", by="mlops")
    promote.force(made.store, asked, decision_id=latest.decision_id, reason="it forgot them", by="mlops")
    assert len(forget.run(made.store, cautious).done) == 2
    with made.store.begin() as connection:
        assert model_versions.champion(connection).version == second
        told = {one.version: one.replacement for one in version_erasures.of_request(connection, 2)}
    assert (told[champion], told[first]) == (second, second)
    assert verify.run(made.store, asked).problems == ()
