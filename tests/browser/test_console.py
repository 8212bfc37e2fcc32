"""The console inside the real Airflow: a HOLD and its reason, labels, the question, the new champion, corrections."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import pytest

from benchmarks.airflow_rest import PATIENCE
from benchmarks.stack_home import StackHome
from sentiment_lib.steps.ingestion import check_quality
from tests.browser.console_pages import audit, photograph

pytestmark = pytest.mark.timeout(1200)
CHAMPION = "SELECT to_version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
#: The page of the question, with an option chosen.
PRESELECTED = "/required_actions?_options=%5B%22Promote%22%5D"
#: More holdout rows than the sample's first two weeks have.
MINIMUM_HOLDOUT = 700


@pytest.fixture(scope="module")
def stack():
    """The embedded stack on the sample stream; nothing but its own first retrain and the tests' asks anyone."""
    folder = Path(tempfile.mkdtemp(prefix="console-"))
    stack = StackHome(
        folder / "home",
        SENTIMENT_POLICY__RETRAIN__COOL_DOWN="P10D",
        SENTIMENT_POLICY__RETRAIN__NEW_LABELS="1000000",
        SENTIMENT_POLICY__GATE__MINIMUM_HOLDOUT_ROWS=str(MINIMUM_HOLDOUT),
        SENTIMENT_POLICY__GATE__MAXIMUM_P99_MS="5000",
        SENTIMENT_SAMPLE_PER_DAY="5760",
    )
    stack.up(sample=True)
    yield stack
    stack.down()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def sign_in(chromium, stack):
    """A page of Airflow, signed in as this user."""

    def enter(user):
        page = chromium.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        page.set_default_timeout(90_000)  # Airflow's pages beside a training on two cores
        page.goto(stack.settings.airflow_url)
        page.fill("input[name=username]", user)
        page.fill("input[name=password]", stack.passwords()[user])
        page.click("button[type=submit]")
        page.wait_for_url(re.compile("^(?!.*login)"))
        page.wait_for_load_state("networkidle")
        return page

    return enter


def gave_a_report(person, run):
    return [task["state"] for task in person.tasks("check_drift", run) if task["task_id"] == "compare_windows"] == [
        "success"
    ]


def test_an_engineer_reads_why_a_candidate_is_held_and_labels_bring_the_question(stack, sign_in):
    person = stack.airflow("mlops")
    decided = "SELECT decision_id, verdict FROM decisions ORDER BY decision_id"
    person.until(lambda: stack.rows(decided), seconds=600, what="the first decision")
    failed = "SELECT r ->> 'rule' AS rule FROM decisions, jsonb_array_elements(rules) r WHERE r ->> 'verdict' <> 'pass'"
    assert [row["rule"] for row in stack.rows(failed)] == ["holdout rows"]
    page = sign_in("mlops")
    page.goto(f"{stack.settings.airflow_url}/plugin/sentiment")
    console = page.frame_locator("iframe")
    console.get_by_text("version 1", exact=True).wait_for()
    console.get_by_role("link", name="Decisions", exact=True).click()
    console.get_by_role("heading", name="Decisions", exact=True).wait_for()
    console.locator('a[href="/sentiment/decisions/1"]').click()
    console.get_by_role("heading", name=re.compile("Decision 1")).wait_for()
    console.get_by_text("Held: not shown to be better and safe").wait_for()
    failed = console.locator("article.note", has_text="Enough holdout rows")
    assert re.search(r"What would change it: \d+ more labelled rows in the holdout", failed.inner_text())
    console.get_by_text("Promote it all the same").click()
    assert console.get_by_role("button", name=re.compile("by force")).is_enabled()
    stack.sentiment("ingest", "--sample", "--seed", "2")
    run = person.trigger("retrain")
    person.until(lambda: len(stack.rows(decided)) > 1, seconds=600, what="the second decision")
    assert [row["verdict"] for row in stack.rows(decided)] == ["HOLD", "PROMOTE"]
    person.until(lambda: run in person.waiting(), seconds=120, what="the question")


def test_a_newcomer_promotes_on_the_page_and_sees_new_tweets_under_the_new_version(stack, sign_in, kept):
    # who asked for the retrain may not approve it
    person = stack.airflow("admin")
    time.sleep(PATIENCE)
    page = sign_in("admin")
    run = quote(person.waiting()[0], safe="")
    page.goto(f"{stack.settings.airflow_url}/dags/retrain/runs/{run}")
    page.get_by_role("link", name="Sentiment").last.click()
    page.frame_locator("iframe").get_by_role("heading", name=re.compile("Decision \\d+")).wait_for()
    kept(page, "run")
    page.goto(f"{stack.settings.airflow_url}/dags/retrain/runs/{run}/tasks/approval")
    page.get_by_role("link", name="Sentiment").last.click()
    page.frame_locator("iframe").get_by_role("heading", name=re.compile("Decision \\d+")).wait_for()
    page.goto(f"{stack.settings.airflow_url}/dags/check_drift/plugin/sentiment-dag")
    page.frame_locator("iframe").get_by_role("heading", name="Drift", exact=True).wait_for()
    checked = next(one for one in person.runs("check_drift") if gave_a_report(person, one))
    page.goto(f"{stack.settings.airflow_url}/dags/check_drift/runs/{quote(checked, safe='')}/plugin/sentiment-run")
    page.frame_locator("iframe").get_by_role("heading", name=re.compile("Drift report \\d+")).wait_for()
    page.goto(f"{stack.settings.airflow_url}/plugin/sentiment")
    console = page.frame_locator("iframe")
    console.get_by_text("Synthetic data.").wait_for()
    console.get_by_role("link", name=re.compile("Review decision \\d+")).click()
    console.get_by_role("heading", name=re.compile("Decision \\d+")).wait_for()
    assert console.get_by_text("intact", exact=True).is_visible()
    assert console.get_by_role("link", name="Review in Airflow").get_attribute("href").endswith(PRESELECTED)
    console.get_by_role("button", name="Reject").click()
    console.get_by_text("A rejection needs a reason.").wait_for()
    console.get_by_role("button", name="Promote").click()
    console.get_by_text("Answered: Promote.").wait_for()
    person.until(lambda: stack.rows(CHAMPION)[0]["to_version"] != 1, seconds=120, what="the promotion")
    # Airflow's own record says who answered, as for an answer in its pages
    assert stack.rows("SELECT response, answered_by FROM approvals WHERE response <> 'void'") == [
        {"response": "approved", "answered_by": "admin"}
    ]
    version = stack.rows(CHAMPION)[0]["to_version"]
    fresh = (
        "SELECT p.tweet_id FROM predictions p JOIN tweets t USING (tweet_id) WHERE p.model_version = :version "
        "AND t.collected_at > (SELECT max(finished_at) FROM deployments) LIMIT 1"
    )
    if not stack.rows(fresh, version=version):
        person.until(
            lambda: person.trigger("ingest_tweets") and stack.rows(fresh, version=version),
            seconds=400,
            every=25,
            what="a tweet of the living sample under the new version",
        )
    page.goto(f"{stack.settings.airflow_url}/sentiment/tweets?version={version}")
    assert page.locator("tbody tr").count() > 0
    page.goto(f"{stack.settings.airflow_url}/plugin/sentiment")
    page.frame_locator("iframe").get_by_text(f"version {version}", exact=True).first.wait_for()
    kept(page, "overview")
    page.goto(f"{stack.settings.api_url}/login")
    page.get_by_label("Key").fill((stack.home / "secrets" / "api-key").read_text().strip())
    page.keyboard.press("Enter")
    page.get_by_label("Tweets").fill("three hours late and nobody tells us anything")
    page.get_by_role("button", name="Analyse").click()
    assert f"version {version}" in page.locator("article.result").inner_text()


def test_an_employee_searches_a_tweet_and_corrects_it(stack, sign_in):
    page = sign_in("mlops")
    page.goto(f"{stack.settings.airflow_url}/sentiment/tweets")
    page.get_by_label("Words").fill("late")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="details").first.click()
    page.get_by_role("link", name="Highlight the words behind it").click()
    page.locator("mark").first.wait_for()
    page.get_by_role("button", name="Positive").click()
    page.get_by_role("heading", name="Corrections").wait_for()
    assert stack.rows("SELECT label, given_by FROM feedback") == [{"label": "positive", "given_by": "mlops"}]
    stack.sentiment("reconcile")
    assert stack.rows("SELECT label, labelled_by FROM labels WHERE source = 'feedback'") == [
        {"label": "positive", "labelled_by": "mlops"}
    ]


def test_who_may_only_look_sees_every_page_and_no_action_and_strangers_see_nothing(stack, sign_in, chromium):
    address = f"{stack.settings.airflow_url}/sentiment"
    stranger = chromium.new_context().new_page()
    assert stranger.goto(f"{address}/").status == 401
    stack.rows(
        "INSERT INTO alerts (kind, severity, dedup_key, title) VALUES ('drift', 'warning', 'test', '<b>moved</b>') "
        "RETURNING 1"
    )
    viewer, engineer = sign_in("platform"), sign_in("mlops")
    for path in ("/decisions/9999999999999999999999", "/drift/0", "/lineage?tweet=-1"):
        assert viewer.goto(address + path).status == 422
        assert viewer.get_by_role("link", name="Overview").count() == 2, "the error is a page in the frame"
    assert viewer.goto(f"{address}/decisions/{2**63 - 1}").status == 404
    viewer.goto(f"{address}/lineage?tweet={2**63}")
    assert viewer.get_by_text("There is no tweet").is_visible()
    kept = stack.settings.reports / check_quality.PAGE
    kept.unlink(missing_ok=True)
    assert viewer.goto(f"{address}/quality").status == 200
    assert viewer.get_by_text("No check of new tweets yet").is_visible()
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("<p>Evidently's page</p>")
    assert viewer.goto(f"{address}/quality/page").headers["content-security-policy"].startswith("sandbox")
    viewer.goto(f"{address}/quality")
    assert viewer.frame_locator("iframe.framed").get_by_text("Evidently's page").is_visible()
    viewer.goto(f"{address}/alerts")
    article = viewer.locator("article", has_text="<b>moved</b>")
    assert article.locator(".runbook li").count() > 1, "the runbook's steps"
    assert viewer.get_by_role("button", name="Acknowledge").count() == 0
    form = "{method: 'POST', body: new URLSearchParams({action: 'resolve', label: 'positive'})}"
    (tweet,) = stack.rows("SELECT max(tweet_id) AS id FROM predictions WHERE tweet_id < 8000000000000000000")
    for path in ("/alerts/1", f"/tweets/{tweet['id']}"):
        assert viewer.evaluate(f"fetch('/sentiment{path}', {form}).then(answer => answer.status)") == 403
    engineer.goto(f"{address}/alerts")
    article = engineer.locator("article", has_text="<b>moved</b>")
    article.get_by_label("Comment").fill("a storm")
    article.get_by_label("a false alarm").check()
    article.get_by_role("button", name="Acknowledge").click()
    engineer.wait_for_load_state()
    found = stack.rows(
        "SELECT acknowledged_by, comment, verdict, given_by FROM alerts JOIN alert_responses USING (alert_id) "
        "WHERE dedup_key = 'test'"
    )
    assert found == [{"acknowledged_by": "mlops", "comment": "a storm", "verdict": "false_alarm", "given_by": "mlops"}]


def test_every_page_is_photographed_fits_a_phone_and_has_no_serious_accessibility_issue(stack, sign_in):
    (tweet,) = stack.rows("SELECT max(tweet_id) AS id FROM predictions WHERE tweet_id < 8000000000000000000")
    (report,) = stack.rows("SELECT max(report_id) AS id FROM drift_reports WHERE verdict <> 'too_few'")
    pages = {
        "overview": "/",
        "tweets": "/tweets",
        "tweet": f"/tweets/{tweet['id']}?words=yes",
        "decisions": "/decisions",
        "decision-held": "/decisions/1",
        "decision": "/decisions/2",
        "drift": "/drift",
        "drift-report": f"/drift/{report['id']}",
        "alerts": "/alerts",
        "models": "/models",
        "compare": "/models/compare?one=1&other=2",
        "card": "/models/2",
        "retraining": "/retraining",
        "lineage": "/lineage",
        "error": "/decisions/99999",
    }
    page = sign_in("mlops")
    wide, issues = [], []
    for name, path in pages.items():
        page.goto(f"{stack.settings.airflow_url}/sentiment{path}")
        page.wait_for_load_state("networkidle")
        wide += photograph(page, name)
        issues += audit(page, name)
    assert (wide, json.dumps(issues, indent=1)) == ([], "[]")
