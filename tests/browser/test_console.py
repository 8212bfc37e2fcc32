"""The console inside the real Airflow: read a decision, approve, see the new champion; who may only look cannot act."""

from __future__ import annotations

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

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def stack():
    """The embedded stack on the sample stream; nothing but its own first retrain asks anyone."""
    folder = Path(tempfile.mkdtemp(prefix="console-"))
    stack = StackHome(
        folder / "home",
        SENTIMENT_POLICY__RETRAIN__COOL_DOWN="P10D",
        SENTIMENT_POLICY__RETRAIN__NEW_LABELS="1000000",
    )
    stack.up(sample=True)
    yield stack
    stack.down()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def sign_in(chromium, stack):
    """A page of Airflow, signed in as this user."""

    def enter(user):
        page = chromium.new_context(viewport={"width": 1440, "height": 1000}).new_page()
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


def test_an_engineer_reads_the_decision_approves_in_airflow_and_sees_the_new_champion(stack, sign_in, kept):
    person = stack.airflow("mlops")
    person.until(person.waiting, seconds=600, what="the first question")
    time.sleep(PATIENCE)
    page = sign_in("mlops")
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
    kept(page, "drift")
    page.goto(f"{stack.settings.airflow_url}/plugin/sentiment")
    console = page.frame_locator("iframe")
    console.get_by_text("version 1", exact=True).wait_for()
    console.get_by_role("link", name=re.compile("Review decision \\d+")).click()
    console.get_by_role("heading", name=re.compile("Decision \\d+")).wait_for()
    assert console.get_by_text("intact", exact=True).is_visible()
    kept(page, "decision")
    assert console.get_by_role("link", name="Review in Airflow").get_attribute("href").endswith("/required_actions")
    console.get_by_role("button", name="Reject").click()
    console.get_by_text("A rejection needs a reason.").wait_for()
    console.get_by_role("button", name="Promote").click()
    console.get_by_text("Answered: Promote.").wait_for()
    champion = "SELECT to_version FROM deployments WHERE state = 'done' ORDER BY deployment_id DESC LIMIT 1"
    person.until(lambda: stack.rows(champion)[0]["to_version"] != 1, seconds=120, what="the promotion")
    # Airflow's own record says who answered, as for an answer in its pages
    assert stack.rows("SELECT response, answered_by FROM approvals WHERE response <> 'void'") == [
        {"response": "approved", "answered_by": "mlops"}
    ]
    version = stack.rows(champion)[0]["to_version"]
    page.goto(f"{stack.settings.airflow_url}/plugin/sentiment")
    page.frame_locator("iframe").get_by_text(f"version {version}", exact=True).first.wait_for()
    kept(page, "overview")
    page.goto(f"{stack.settings.api_url}/login")
    page.get_by_label("Key").fill((stack.home / "secrets" / "api-key").read_text().strip())
    page.keyboard.press("Enter")
    page.get_by_label("Tweets").fill("three hours late and nobody tells us anything")
    page.get_by_role("button", name="Analyse").click()
    assert f"version {version}" in page.locator("article.result").inner_text()


def test_who_may_only_look_sees_every_page_and_no_action_and_strangers_see_nothing(stack, sign_in, chromium):
    address = f"{stack.settings.airflow_url}/sentiment"
    stranger = chromium.new_context().new_page()
    assert stranger.goto(f"{address}/").status == 401
    stack.rows(
        "INSERT INTO alerts (kind, severity, dedup_key, title) VALUES ('drift', 'warning', 'test', '<b>moved</b>') "
        "RETURNING 1"
    )
    viewer, engineer = sign_in("platform"), sign_in("mlops")
    for path in ("/", "/tweets", "/decisions", "/drift", "/alerts", "/models", "/lineage"):
        assert viewer.goto(address + path).status == 200
    for path in ("/decisions/9999999999999999999999", "/drift/0", "/lineage?tweet=-1"):
        assert viewer.goto(address + path).status == 422
    assert viewer.goto(f"{address}/decisions/{2**63 - 1}").status == 404
    viewer.goto(f"{address}/lineage?tweet={2**63}")
    assert viewer.get_by_text("There is no tweet").is_visible()
    assert viewer.goto(f"{address}/quality").status == 404
    kept = stack.settings.reports / check_quality.PAGE
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text("<p>Evidently's page</p>")
    assert viewer.goto(f"{address}/quality").headers["content-security-policy"].startswith("sandbox")
    viewer.goto(f"{address}/alerts")
    assert viewer.get_by_text("<b>moved</b>").count() == 1
    assert viewer.get_by_role("button", name="Acknowledge").count() == 0
    form = "{method: 'POST', body: new URLSearchParams({action: 'resolve'})}"
    answer = f"fetch('/sentiment/alerts/1', {form}).then(answer => answer.status)"
    assert viewer.evaluate(answer) == 403
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
