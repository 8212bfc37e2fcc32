"""Picks over a real database: the mix, one person a tweet, second opinions, undo and skip."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sentiment_lib.errors import BadInput, NotFound
from sentiment_lib.records import API_IDS_FROM
from sentiment_lib.steps.labelling import assign, label_progress, label_queue
from sentiment_lib.storage import grants
from sentiment_lib.storage.label_candidates import LabelScope
from tests.conftest import deploy, put_into_snapshot

#: Steps run as the platform runs them.
DATABASE_ROLE = grants.APP

CERTAIN, UNSURE = (0.9, 0.05, 0.05), (0.4, 0.35, 0.25)
#: Everyone is an auditor: their audit labels need no second person.
PEOPLE = ("ann", "bob", *(f"person {number}" for number in range(5)))
POLICY = {"label": {"audit_share": 0.5, "second_share": 0, "auditors": PEOPLE}}


@pytest.fixture
def labelling(settings):
    """Settings in which nothing is doubled."""
    return settings.model_copy(update={"policy": type(settings.policy)(**POLICY)})


@pytest.fixture
def fill(store):
    """Store predictions: `fill(ids, proba, drawn=…, disputed=…, airline=…, at=…)`."""
    with store.begin() as connection:
        connection.execute(text("INSERT INTO ingests (source) VALUES ('test')"))
        for version in (1, 2):
            connection.execute(
                text(
                    "INSERT INTO model_versions (version, family, digest, run_id, training_key) "
                    "VALUES (:v, 'vader', 'd', cast(:v AS text), cast(:v AS text))"
                ),
                {"v": version},
            )
        deploy(connection, 1)

    def add(ids, proba, *, drawn=False, disputed=False, airline=None, at="now"):
        with store.begin() as connection:
            for tweet_id in ids:
                connection.execute(
                    text(
                        "INSERT INTO tweets (tweet_id, text, created_at, airline, ingest_id) "
                        "VALUES (:id, 'late again', "
                        "cast(:at AS timestamptz), :airline, (SELECT min(ingest_id) FROM ingests))"
                    ),
                    {"id": tweet_id, "airline": airline, "at": at},
                )
                for version, label in ((1, "negative"), (2, "positive"))[: 2 if disputed else 1]:
                    connection.execute(
                        text(
                            "INSERT INTO predictions (tweet_id, model_version, label, p_negative, p_neutral, "
                            "p_positive) VALUES (:id, :version, :label, :a, :b, :c)"
                        ),
                        {"id": tweet_id, "version": version, "label": label, **dict(zip("abc", proba, strict=True))},
                    )
                    if drawn:
                        connection.execute(
                            text(
                                "INSERT INTO audit_sample (tweet_id, model_version, inclusion_probability) "
                                "VALUES (:id, :version, 0.02)"
                            ),
                            {"id": tweet_id, "version": version},
                        )

    return add


@pytest.fixture
def rows(store):
    """Rows of a query, as tuples."""

    def ask(query):
        with store.begin() as connection:
            return [tuple(row) for row in connection.execute(text(query))]

    return ask


def work(store, settings, person, count, label="negative"):
    """Label the next `count` tweets; the picks."""
    done = []
    for _ in range(count):
        pick = label_queue.run(store, settings, person=person)
        if pick is None:
            break
        done.append(label_queue.answer(store, person=person, pick_id=pick.pick_id, label=label))
    return done


def test_the_audit_keeps_its_share_of_every_persons_picks(store, labelling, fill):
    fill(range(1, 41), CERTAIN, drawn=True)
    fill(range(101, 121), UNSURE)
    fill(range(201, 221), CERTAIN, disputed=True)
    done = work(store, labelling, "ann", 40)
    kinds = Counter(pick.kind for pick in done)
    assert kinds == {"audit": 20, "uncertain": 10, "disagreement": 10}
    for count in range(2, 41, 2):
        assert sum(pick.kind == "audit" for pick in done[:count]) == count // 2


def test_an_audit_answer_keeps_its_chance_and_others_are_a_persons(store, labelling, fill, rows):
    fill([1], CERTAIN, drawn=True)
    fill([2], UNSURE)
    work(store, labelling, "ann", 2)
    assert rows("SELECT tweet_id, source, inclusion_probability, labelled_by FROM labels ORDER BY 1") == [
        (1, "audit", 0.02, "ann"),
        (2, "person", None, "ann"),
    ]
    assert rows("SELECT count(*) FROM audit_sample WHERE labelled_at IS NULL") == [(0,)]


def test_a_drawn_tweet_is_left_to_the_audit_however_uncertain(store, labelling, fill):
    fill([1, 2, 3], UNSURE, drawn=True)
    assert {pick.kind for pick in work(store, labelling, "ann", 3)} == {"audit"}


def test_a_sure_prediction_that_nobody_disputes_is_not_asked_about(store, labelling, fill):
    fill([1, 2], CERTAIN)
    assert label_queue.run(store, labelling, person="ann") is None


def test_a_person_may_choose_an_airline_or_a_day_and_then_gets_no_tweet_of_the_audit(store, labelling, fill, rows):
    fill([1, 2], UNSURE)
    fill([3], UNSURE, airline="Delta")
    fill([4], UNSURE, at="2015-02-20 12:00Z")
    fill([5, 6], UNSURE, drawn=True, airline="Delta", at="2015-02-20 13:00Z")
    ever, day = (datetime.min, datetime.max), (datetime(2015, 2, 20), datetime(2015, 2, 21))

    def given(person, airline, times):
        since, until = (moment.replace(tzinfo=UTC) for moment in times)
        scope = LabelScope(airline=airline, since=since, until=until)
        pick = label_queue.run(store, labelling, person=person, scope=scope)
        if pick is not None:
            label_queue.answer(store, person=person, pick_id=pick.pick_id, label="neutral")
        return pick and (pick.tweet_id, pick.kind)

    assert given("ann", "Delta", ever) == (3, "uncertain")
    assert given("ann", "Delta", ever) is None
    assert given("ann", None, day) == (4, "uncertain")
    assert given("ann", "United", ever) is None
    assert rows("SELECT max(position) FROM label_picks") == [(0,)], "the share of the audit starts where it was"


def test_texts_of_the_api_come_only_when_asked_for(store, labelling, fill):
    fill([API_IDS_FROM + 1], UNSURE)
    assert label_queue.run(store, labelling, person="ann") is None
    assert label_queue.run(store, labelling, person="ann", api_texts=True).tweet_id == API_IDS_FROM + 1


def test_the_models_answer_is_told_after_the_persons_only(store, labelling, fill):
    fill([1], UNSURE)
    pick = label_queue.run(store, labelling, person="ann")
    assert (pick.predicted, pick.probabilities, pick.model_version) == (None, None, None)
    told = label_queue.answer(store, person="ann", pick_id=pick.pick_id, label="neutral")
    assert (told.predicted, told.model_version) == ("negative", 1)
    assert told.probabilities["negative"] == pytest.approx(0.4)


def test_asking_again_gives_the_tweet_that_is_in_hand(store, labelling, fill):
    fill([1, 2], UNSURE)
    assert label_queue.run(store, labelling, person="ann") == label_queue.run(store, labelling, person="ann")


def test_many_people_at_once_never_work_on_one_tweet(store, labelling, fill, rows):
    fill(range(1, 31), UNSURE)
    fill(range(101, 131), CERTAIN, drawn=True)
    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(lambda number: work(store, labelling, f"person {number}", 12), range(5)))
    tweets = [pick.tweet_id for picks in done for pick in picks]
    assert len(tweets) == 60
    assert len(set(tweets)) == 60
    assert rows("SELECT max(n) FROM (SELECT count(*) AS n FROM labels GROUP BY tweet_id) c") == [(1,)]


def test_a_drawn_share_is_doubled_by_someone_else_and_agreement_is_measured(store, settings, fill, rows):
    everything = settings.model_copy(
        update={"policy": type(settings.policy)(label={"audit_share": 0.5, "second_share": 1})}
    )
    fill(range(1, 13), UNSURE)
    fill(range(21, 33), CERTAIN, drawn=True)
    first = work(store, everything, "ann", 6, "negative") + work(store, everything, "ann", 6, "positive")
    assert all(pick.kind != "second" for pick in first), "one's own answer is never doubled by oneself"
    doubled = {pick.tweet_id: pick.label for pick in first}
    for _ in range(12):
        pick = label_queue.run(store, everything, person="bob")
        assert (pick.kind, pick.tweet_id in doubled) == ("second", True)
        label_queue.answer(store, person="bob", pick_id=pick.pick_id, label=doubled[pick.tweet_id])
    assert label_queue.run(store, everything, person="bob").kind != "second"
    found = label_progress.run(store, person="bob")
    assert (found.own, found.all_people) == (12, 24)
    assert (found.agreement.pairs, found.agreement.share, found.agreement.kappa) == (12, 1.0, 1.0)
    assert rows("SELECT count(*), count(DISTINCT tweet_id) FROM labels WHERE source = 'audit'") == [(6, 6)]
    assert [pair.text for pair in found.sources] == [
        "audit sample and people: 100 % equal, on 6 tweets; too few for kappa"
    ]


def test_agreement_of_sources_counts_the_newest_label_of_each_and_no_two_of_one_author(store, fill):
    fill(range(1, 41), CERTAIN)
    known = ["negative" if tweet % 2 else "positive" for tweet in range(41)]
    with store.begin() as connection:
        insert = text(
            "INSERT INTO labels (tweet_id, label, source, labelled_by, labelled_at) "
            "VALUES (:tweet, :label, :source, :by, now() + :order * interval '1 second')"
        )
        for tweet in range(1, 41):
            other = "neutral" if tweet <= 4 else known[tweet]
            for order, (source, by, label) in enumerate(
                [
                    ("dataset", "file", known[tweet]),
                    ("audit", "ann", "negative" if other == "positive" else "positive"),
                    ("audit", "ann", other),
                    ("feedback", "ann", "neutral"),
                ]
            ):
                connection.execute(insert, {"tweet": tweet, "label": label, "source": source, "by": by, "order": order})
    sources = label_progress.run(store, person="ann").sources
    assert {(pair.first, pair.second): pair.agreement.pairs for pair in sources} == {
        ("audit", "dataset"): 40,
        ("dataset", "feedback"): 40,
    }
    by_name = {(pair.first, pair.second): pair for pair in sources}
    found = by_name["audit", "dataset"].agreement
    assert (found.share, found.interval is not None) == (0.9, True)
    assert re.fullmatch(
        r"audit sample and data sets: kappa 0\.8\d \(0\.\d\d to 0\.9\d\), 90 % equal, on 40 tweets",
        by_name["audit", "dataset"].text,
    )


def test_undo_takes_the_last_answer_back_and_hands_the_tweet_out_again(store, labelling, fill, rows):
    fill([1, 2], CERTAIN, drawn=True)
    (done,) = work(store, labelling, "ann", 1)
    label_queue.run(store, labelling, person="ann")
    again = label_queue.undo(store, person="ann")
    assert (again.tweet_id, again.state, again.predicted) == (done.tweet_id, "open", None)
    assert rows("SELECT count(*) FROM labels") == [(0,)]
    assert rows("SELECT count(*) FROM audit_sample WHERE labelled_at IS NULL") == [(2,)]
    assert label_queue.answer(store, person="ann", pick_id=again.pick_id, label="positive").label == "positive"
    # she has seen the prediction: her label teaches at most, and another person labels the tweet of the audit sample
    assert rows("SELECT label, source, inclusion_probability FROM labels") == [("positive", "feedback", None)]
    assert rows("SELECT count(*) FROM audit_sample WHERE labelled_at IS NULL") == [(2,)]
    (next_one,) = work(store, labelling, "ann", 1)
    assert next_one.tweet_id != done.tweet_id
    assert [pick.tweet_id for pick in work(store, labelling, "bob", 2)] == [done.tweet_id]
    assert rows(f"SELECT source, labelled_by FROM labels WHERE tweet_id = {done.tweet_id} ORDER BY 1") == [
        ("audit", "bob"),
        ("feedback", "ann"),
    ]


def test_a_second_opinion_after_undo_is_no_independent_one(store, labelling, fill, rows):
    doubled = labelling.model_copy(
        update={"policy": type(labelling.policy)(label=POLICY["label"] | {"second_share": 1})}
    )
    fill([1], CERTAIN, drawn=True)
    work(store, doubled, "ann", 1)
    work(store, doubled, "bob", 1, label="positive")
    again = label_queue.undo(store, person="bob")
    label_queue.answer(store, person="bob", pick_id=again.pick_id, label="negative")
    assert label_progress.run(store, person="bob").agreement.pairs == 0
    work(store, doubled, "person 1", 1)
    assert label_progress.run(store, person="bob").agreement.pairs == 1
    assert rows("SELECT source, labelled_by FROM labels ORDER BY 1, 2") == [
        ("audit", "ann"),
        ("feedback", "bob"),
        ("person", "person 1"),
    ]


def test_a_tweet_whose_answer_was_undone_stays_known_to_its_person(store, labelling, fill, rows):
    fill([1, 2], CERTAIN, drawn=True)
    first, second = work(store, labelling, "ann", 2)
    assert label_queue.undo(store, person="ann").pick_id == second.pick_id
    assert label_queue.undo(store, person="ann").pick_id == first.pick_id, "two answers back"
    label_queue.skip(store, person="ann", pick_id=first.pick_id)
    assert label_queue.run(store, labelling, person="ann") is None, "neither is assigned to her again"
    with pytest.raises(NotFound):
        label_queue.undo(store, person="ann")
    assert len(work(store, labelling, "bob", 3)) == 2
    assert rows("SELECT DISTINCT labelled_by FROM labels") == [("bob",)]


def test_a_skip_that_was_undone_is_labelled_as_before(store, labelling, fill, rows):
    fill([1], CERTAIN, drawn=True)
    pick = label_queue.run(store, labelling, person="ann")
    label_queue.skip(store, person="ann", pick_id=pick.pick_id)
    again = label_queue.undo(store, person="ann")
    label_queue.answer(store, person="ann", pick_id=again.pick_id, label="neutral")
    assert rows("SELECT source FROM labels") == [("audit",)]


def test_undo_is_refused_once_a_snapshot_holds_the_label(store, labelling, fill, rows):
    fill([1], UNSURE)
    work(store, labelling, "ann", 1)
    with store.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO snapshots (content_hash, split_at, train_rows, holdout_rows, uri, policy) "
                "VALUES ('h', now(), 1, 0, 'u', '{}')"
            )
        )
        put_into_snapshot(connection, 1, "SELECT 1, 'negative', 'train'")
    with pytest.raises(BadInput, match="snapshot 1 holds this label"):
        label_queue.undo(store, person="ann")
    assert rows("SELECT count(*) FROM labels") == [(1,)]


def test_undo_without_an_answer_says_so(store, labelling):
    with pytest.raises(NotFound, match="answer to undo"):
        label_queue.undo(store, person="ann")


def test_a_skipped_tweet_goes_to_others_and_not_back(store, labelling, fill):
    fill([1], CERTAIN, drawn=True)
    pick = label_queue.run(store, labelling, person="ann")
    label_queue.skip(store, person="ann", pick_id=pick.pick_id)
    assert label_queue.run(store, labelling, person="ann") is None
    assert label_queue.run(store, labelling, person="bob").tweet_id == 1
    with pytest.raises(BadInput, match="someone else"):
        label_queue.undo(store, person="ann")


def test_an_answer_twice_is_one_and_another_one_needs_undo(store, labelling, fill, rows):
    fill([1], UNSURE)
    pick = label_queue.run(store, labelling, person="ann")
    for _ in range(2):
        label_queue.answer(store, person="ann", pick_id=pick.pick_id, label="neutral")
    with pytest.raises(BadInput, match="undo it first"):
        label_queue.answer(store, person="ann", pick_id=pick.pick_id, label="positive")
    assert rows("SELECT label FROM labels") == [("neutral",)]


def test_nobody_answers_what_is_in_another_persons_hands(store, labelling, fill):
    fill([1], UNSURE)
    pick = label_queue.run(store, labelling, person="ann")
    with pytest.raises(NotFound, match="in your hands"):
        label_queue.answer(store, person="bob", pick_id=pick.pick_id, label="neutral")


def test_a_tweet_that_was_left_lying_goes_to_someone_else(store, labelling, fill, rows):
    fill([1], UNSURE)
    pick = label_queue.run(store, labelling, person="ann")
    assert label_queue.run(store, labelling, person="bob") is None
    with store.begin() as connection:
        connection.execute(
            text("UPDATE label_picks SET handed_at = :then"), {"then": datetime.now(UTC) - timedelta(hours=1)}
        )
    assert label_queue.run(store, labelling, person="bob").tweet_id == 1
    with pytest.raises(NotFound):
        label_queue.answer(store, person="ann", pick_id=pick.pick_id, label="neutral")


def test_what_is_not_a_label_is_refused(store, labelling, fill):
    fill([1], UNSURE)
    pick = label_queue.run(store, labelling, person="ann")
    with pytest.raises(BadInput, match="none of negative"):
        label_queue.answer(store, person="ann", pick_id=pick.pick_id, label="angry")


def test_one_person_cannot_empty_the_audit_sample(store, labelling, fill, monkeypatch):
    monkeypatch.setattr(assign, "FREE_LABELS", 4)
    policy = labelling.policy.model_copy(
        update={"label": labelling.policy.label.model_copy(update={"auditors": ("bob",)})}
    )
    labelling = labelling.model_copy(update={"policy": policy})
    fill(range(1, 21), CERTAIN, drawn=True)
    assert Counter(pick.kind for pick in work(store, labelling, "ann", 40)) == {"audit": 10}
    # an auditor of the policy takes the rest, and confirms what the other person said
    assert Counter(pick.kind for pick in work(store, labelling, "bob", 40)) == {"second": 10, "audit": 10}


def test_ten_at_once_are_the_tweets_that_come_one_after_another(store, labelling, fill):
    fill(range(1, 41), CERTAIN, drawn=True)
    fill(range(101, 121), UNSURE)
    fill(range(201, 221), CERTAIN, disputed=True)
    picks = assign.run(store, labelling, person="ann", count=10)
    assert assign.run(store, labelling, person="ann", count=10) == picks
    assert Counter(pick.kind for pick in picks) == {"audit": 5, "uncertain": 2, "disagreement": 3}
    assert label_queue.run(store, labelling, person="ann") == picks[0], "the view of one goes on with them"
    for pick in picks[:3]:
        label_queue.answer(store, person="ann", pick_id=pick.pick_id, label="negative")
    again = assign.run(store, labelling, person="ann", count=10)
    assert len(again) == 10
    assert {pick.pick_id for pick in picks[3:]} < {pick.pick_id for pick in again}
    assert label_queue.undo(store, person="ann").tweet_id == picks[2].tweet_id
    assert [pick.tweet_id for pick in assign.run(store, labelling, person="ann")] == [picks[2].tweet_id]


def test_ten_at_once_do_not_pass_the_share_of_one_person(store, labelling, fill, monkeypatch):
    label = POLICY["label"] | {"person_share": 0.5, "audit_share": 1, "auditors": ("bob",)}
    policy = type(labelling.policy)(label=label)
    strict = labelling.model_copy(update={"policy": policy})
    monkeypatch.setattr(assign, "FREE_LABELS", 0)
    fill(range(1, 9), CERTAIN, drawn=True)
    assert len(assign.run(store, strict, person="ann", count=10)) == 4


def test_two_windows_of_one_person_share_ten_tweets(store, labelling, fill):
    fill(range(1, 41), CERTAIN, drawn=True)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: assign.run(store, labelling, person="ann", count=10), range(4)))
    assert len(assign.run(store, labelling, person="ann", count=10)) == 10
