"""A list that does not show all says so: pages in the console, a line on stderr, and counts of everything."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import text

from sentiment_lib.cli.common import newest
from sentiment_lib.console import alerts, decisions, drift, health, models
from sentiment_lib.console.pages import draw
from sentiment_lib.policy import Policy
from sentiment_lib.storage import decision_summaries

#: More rows than any page has.
MANY = 130
IN_FIRST_CELL = r'<tr[^>]*><td[^>]*><a[^>]*/(\d+)"'
FLOOD = (
    "INSERT INTO alerts (kind, severity, dedup_key, title, body) SELECT 'forged_approval', 'critical', 'first', "
    "'The approval of decision 7 was forged', '' UNION ALL SELECT 'no_tweets', 'warning', 'key ' || n, 'No tweets', '' "
    f"FROM generate_series(2, {MANY}) n",
)
DECIDED = (
    "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) VALUES "
    "('h', now(), 1, 1, 'u', '{}')",
    "INSERT INTO model_versions (version, family, digest, run_id, training_key) SELECT n, 'vader', 'd' || n, 'r' || n, "
    f"'k' || n FROM generate_series(1, {MANY + 1}) n",
    "INSERT INTO evaluations (snapshot_id, candidate_version, champion_version, evidence, evidence_hash) SELECT "
    f"snapshot_id, n, 1, '{{}}', 'e' || n FROM snapshots, generate_series(2, {MANY + 1}) n",
    "INSERT INTO decisions (evaluation_id, verdict, rules, evidence_hash, policy, requested_by) SELECT evaluation_id, "
    "'HOLD', '[]', evidence_hash, '{}', 'retrain/manual & again' FROM evaluations ORDER BY evaluation_id",
)
CHECKED = (
    "INSERT INTO model_versions (version, family, digest, run_id, training_key) VALUES (1, 'vader', 'd', 'r', 'k')",
    "INSERT INTO drift_reports (model_version, reference_start, reference_end, current_start, current_end, verdict, "
    "signals) SELECT 1, now() - interval '9 days', now() - interval '8 days', now() + n * interval '1 hour', "
    f"now() + (n + 1) * interval '1 hour', 'stable', '[]' FROM generate_series(1, {MANY}) n",
)


@pytest.fixture
def connection(store):
    with store.begin() as connection:
        yield connection


def walk(connection, statements, shown):
    """Ids that the pages link to or hold, one page after the other."""
    for statement in statements:
        connection.execute(text(statement))
    seen, before = [], None
    while True:
        page, pattern = shown(before)
        seen += [int(number) for number in re.findall(pattern, page)]
        older = re.search(r'before=(\d+)"[^>]*>Older', page)
        if older is None:
            return seen
        assert before is None or int(older[1]) < before
        before = int(older[1])


@pytest.mark.parametrize(
    ("statements", "draw_page", "pattern"),
    [
        (
            FLOOD,
            lambda c, before: draw(
                "alerts.html", "/alerts", problem="", may_act=False, **alerts.view(c, "unresolved", before)
            ),
            r'id="alert-(\d+)"',
        ),
        (
            DECIDED,
            lambda c, before: draw(
                "decisions.html", "/decisions", run="manual & again",
                **vars(decisions.page(c, "manual & again", before)),
            ),
            r'/decisions/(\d+)"',
        ),
        (CHECKED, lambda c, before: draw("drift.html", "/drift", **drift.list_view(c, before)), IN_FIRST_CELL),
        (DECIDED, lambda c, before: draw("models.html", "/models", **models.view(c, before)), IN_FIRST_CELL),
    ],
    ids=["alerts", "decisions", "drift reports", "versions"],
)  # fmt: skip
def test_every_row_is_on_a_page(connection, statements, draw_page, pattern):
    seen = walk(connection, statements, lambda before: (draw_page(connection, before), pattern))
    assert len(set(seen)) == len(seen) >= MANY
    assert seen == sorted(seen, reverse=True)


def test_a_flood_of_alerts_hides_no_critical_one(connection):
    connection.execute(text(*FLOOD))
    values = health.view(connection, Policy())
    assert (len(values["alerts"]), sum(one.severity == "critical" for one in values["alerts"])) == (MANY, 1)
    assert f"{MANY} alerts are unresolved" in alerts.view(connection)["answer"]


def test_a_run_finds_its_decision_among_any_number(connection):
    for statement in DECIDED:
        connection.execute(text(statement))
    assert len(decision_summaries.of_request(connection, "retrain/manual & again")) == MANY


def test_a_command_says_when_there_are_more_rows(capsys):
    assert newest([3, 2, 1], 2) == [3, 2]
    assert "the newest 2 are shown, and there are more; see --limit" in capsys.readouterr().err
    assert newest([3, 2], 2) == [3, 2]
    assert not capsys.readouterr().err
