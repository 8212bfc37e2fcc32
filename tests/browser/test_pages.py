"""A person at the test page and at the labelling page, by mouse, by keyboard, on a phone, and without scripts."""

from __future__ import annotations

import csv
import re
import time

import pytest
from sqlalchemy import text

HOSTILE = "<img src=x onerror=alert(1)> \u202etxt.exe\u202c " + "\U0001f6eb" * 200 + " late" + "\u0301" * 60


def rows(store, query):
    with store.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def eventually(ask, wanted):
    """Wait for what the spool brings into the database."""
    until = time.monotonic() + 30
    while (found := ask()) != wanted:
        assert time.monotonic() < until, found
        time.sleep(0.1)


def test_tweets_are_typed_read_and_corrected(signed_in, scored, kept):
    page = signed_in("/")
    page.get_by_label("Tweets").fill("three hours late and so rude, never again\nthank you lovely crew @delta")
    page.keyboard.press("Control+Enter")
    cards = page.locator("article.result")
    assert cards.nth(1).locator(".verdict").inner_text().startswith("positive")
    assert cards.nth(0).locator("mark.for").count() > 0, "the most influential words are highlighted"
    assert "version 1" in cards.nth(0).inner_text()
    cards.nth(0).get_by_role("button", name="Neutral").click()
    cards.nth(0).get_by_text("Saved: neutral").wait_for()
    cards.nth(1).get_by_role("button", name="Correct").click()
    cards.nth(1).get_by_text("Saved: positive").wait_for()
    kept(page, "try")
    eventually(
        lambda: rows(scored, "SELECT f.label, given_by FROM feedback f ORDER BY 1"),
        [("neutral", "ann"), ("positive", "ann")],
    )
    assert rows(scored, "SELECT count(*) FROM labels WHERE source = 'feedback'") == [(2,)]


def test_results_are_downloaded_as_csv_that_a_spreadsheet_does_not_run(signed_in):
    page = signed_in("/")
    assert page.get_by_role("button", name="Download").count() == 0
    page.get_by_label("Tweets").fill('=1+1 worst flight, "ever"\nthank you lovely crew')
    page.get_by_role("button", name="Analyse").click()
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Download results").click()
    with downloading.value.path().open(newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert first["text"] == '\'=1+1 worst flight, "ever"'
    assert (first["label"], second["label"]) == ("negative", "positive")
    assert sum(float(first[f"p_{label}"]) for label in ("negative", "neutral", "positive")) == pytest.approx(
        1, abs=1e-3
    )


def test_the_api_reference_shows_the_calls(signed_in, kept):
    page = signed_in("/")
    page.get_by_role("link", name="API", exact=True).first.click()
    page.get_by_text("/v1/feedback").first.wait_for()
    page.locator("#operations-default-predict, .opblock-post").first.wait_for()
    kept(page, "api-reference")


def test_tries_stay_in_this_browser_until_they_are_cleared(signed_in):
    page = signed_in("/")
    page.get_by_label("Tweets").fill("lost my bag")
    page.get_by_role("button", name="Analyse").click()
    page.locator("article.result").wait_for()
    page.reload()
    page.locator("#history li").get_by_text("lost my bag").wait_for()
    page.get_by_role("button", name="Clear").click()
    page.locator("#history").wait_for(state="hidden")
    page.reload()
    assert page.locator("#history li").count() == 0


def test_a_csv_file_is_read(signed_in):
    page = signed_in("/")
    page.get_by_text("Or a CSV file").click()
    content = "id,text\n" + "".join(f"{number},flight {number} is late\n" for number in range(1000))
    page.get_by_label("File").set_input_files({"name": "t.csv", "mimeType": "text/csv", "buffer": content.encode()})
    page.get_by_role("button", name="Analyse").click()
    page.locator("tr.result").nth(999).wait_for()


def test_ten_tweets_are_labelled_with_the_keyboard_alone(signed_in, scored, kept):
    page = signed_in("/label")
    for number in range(10):
        assert "version 1 predicted" not in page.locator("article.pick").inner_text()
        page.keyboard.press("132"[number % 3])
        page.get_by_text("Your labels today").locator("xpath=..").get_by_text(str(number + 1), exact=True).wait_for()
        told = page.get_by_role("status").inner_text()
        assert re.search(r"Your label: (negative|positive|neutral),\s+version 1 predicted negative", told), told
    kept(page, "label")
    assert rows(scored, "SELECT source, count(*) FROM labels GROUP BY 1 ORDER BY 1") == [("audit", 5), ("person", 5)]
    assert rows(scored, "SELECT DISTINCT inclusion_probability, labelled_by FROM labels WHERE source = 'audit'") == [
        (0.5, "ann")
    ]


def test_ten_at_once_are_labelled_with_the_keyboard_alone(signed_in, scored, kept):
    page = signed_in("/label")
    page.get_by_role("link", name="Ten at once").click()
    page.locator("fieldset.one").nth(9).wait_for()
    assert "predicted" not in page.locator("#ten").inner_text().replace("Predictions", "")
    for key in "1231231":
        page.keyboard.press(key)
    page.keyboard.press("s")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("1")
    kept(page, "label-ten")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile(r"\d of 8 labels as predicted")).wait_for()
    assert rows(scored, "SELECT state, count(*) FROM label_picks GROUP BY 1 ORDER BY 1") == [
        ("labelled", 8),
        ("open", 10),
    ]
    page.get_by_role("button", name="Undo the last answer").click()
    page.wait_for_url(re.compile("/label/ten"))
    assert rows(scored, "SELECT count(*) FROM labels") == [(7,)]


def test_undo_and_skip_by_key(signed_in, scored):
    page = signed_in("/label")
    first = page.locator("article.pick .tweet").inner_text()
    page.keyboard.press("1")
    page.get_by_text("Your label:").wait_for()
    page.keyboard.press("u")
    page.get_by_text("Undone.").wait_for()
    assert page.locator("article.pick .tweet").inner_text() == first
    assert rows(scored, "SELECT count(*) FROM labels") == [(0,)]
    page.keyboard.press("s")
    page.get_by_text("Skipped. Someone else").wait_for()
    assert page.locator("article.pick .tweet").inner_text() != first


def test_a_key_held_down_answers_one_tweet_only(signed_in, scored):
    page = signed_in("/label")
    page.keyboard.down("1")
    page.get_by_text("Your label:").wait_for()
    for _ in range(5):  # Playwright sends these as repeats, as a held key does
        page.keyboard.down("1")
    page.wait_for_timeout(300)
    assert rows(scored, "SELECT count(*) FROM labels") == [(1,)]


def test_hostile_text_is_shown_and_does_nothing(signed_in):
    page = signed_in("/")
    page.on("dialog", lambda dialog: pytest.fail(f"a script of the text ran: {dialog.message}"))
    page.get_by_label("Tweets").fill(HOSTILE)
    page.get_by_role("button", name="Analyse").click()
    card = page.locator("article.result")
    card.wait_for()
    assert page.locator("img").count() == 0
    assert "<img src=x onerror=alert(1)>" in card.locator(".tweet").inner_text()
    assert card.locator(".unseen").all_inner_texts() == ["202E", "202C"]
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("path", ["/", "/label", "/label/ten"])
def test_nothing_is_wider_than_a_phone(signed_in, path):
    page = signed_in(path, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    if path == "/":
        page.get_by_label("Tweets").fill("lost my bag " + "x" * 400)
        page.get_by_role("button", name="Analyse").click()
        page.locator("article.result").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    small = page.evaluate(
        "[...document.querySelectorAll('main button')].filter(b => b.offsetHeight && !b.classList.contains('plain')"
        " && b.offsetHeight < 40).map(b => b.textContent)"
    )
    assert small == [], "a finger needs 40 pixels"


def test_both_pages_work_without_scripts(signed_in, scored):
    page = signed_in("/", java_script_enabled=False)
    page.get_by_label("Tweets").fill("lost my bag")
    page.get_by_role("button", name="Analyse").click()
    page.get_by_role("button", name="Positive").click()
    assert "Saved:" in page.locator("main").inner_text()
    page.goto("/label")
    page.get_by_role("button", name="Negative").click()
    assert "Your label:" in page.get_by_role("status").inner_text()
    assert rows(scored, "SELECT count(*) FROM labels WHERE source <> 'feedback'") == [(1,)]


def test_the_keyboard_reaches_everything_in_a_sensible_order(signed_in):
    page = signed_in("/")
    reached = []
    while "send" not in reached and len(reached) < 20:
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
    wanted = ["Skip to content", "Try", "Label", "Sign out", "typed", "Or a CSV file", "send"]
    assert [name for name in reached if name in wanted] == wanted
