"""The tasks of the DAG forget on a real database: a request of the privacy desk is carried out within the hour."""

from __future__ import annotations

from sqlalchemy import text

from sentiment_lib.steps.erasure import request_erasure
from sentiment_lib.steps.erasure.request_erasure import ErasureOrder
from sentiment_lib.storage import erasure_requests, grants

DATABASE_ROLE = grants.APP
TWEET = 1_200_000_000_000_000_000


def test_its_tasks_carry_a_request_out_and_hand_on_numbers_alone(dags, store, owner, settings, monkeypatch):
    for name, value in {
        "DATABASE_URL": store.engine.url.render_as_string(hide_password=False),
        "HOME": str(settings.home),
        "MLFLOW_URI": settings.mlflow_uri,
    }.items():
        monkeypatch.setenv(f"SENTIMENT_{name}", value)
    with owner.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('file:a.csv')"))
        connection.execute(
            text(
                "INSERT INTO tweets (tweet_id, text, created_at, ingest_id) VALUES (1200000000000000000, 'x', now(), 1)"
            )
        )
    order = ErasureOrder(tweet_ids=[TWEET], requested_by="desk", recorded=False)
    number = request_erasure.run(store, settings, order)
    tasks = dags["forget"].task_dict
    assert [*tasks] == ["poll_compliance", "erase", "replace_models"]
    assert tasks["erase"].trigger_rule == "all_done", "requests of people do not wait for X"
    results = {name: task.python_callable() for name, task in tasks.items()}
    assert results["poll_compliance"] == {"request_id": None, "reasons": None, "uploaded": None}
    assert (results["erase"]["erased"], results["erase"]["done"]) == ([number], [number])
    assert str(TWEET) not in str(results)
    with store.begin() as connection:
        assert erasure_requests.by_id(connection, number).state == "done"
        assert connection.execute(text("SELECT count(*) FROM tweets")).scalar_one() == 0
