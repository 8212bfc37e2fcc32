"""Numbers of points stay readable: points on one another share a text, and no text is over another one."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from sentiment_lib.steps.replay import svg


def drawn(points):
    """The circles, and (y, text) of the numbers, of a panel with points (x, y, number)."""
    panel = svg.Panel(x_range=(0, 10), y_range=(0, 100), x_title="x", y_title="y")
    for x, y, number in points:
        panel.point(x, y, number, f"policy <{number}>", hollow=False)
    panel.error_bar(5, -500, 500)
    tree = ElementTree.fromstring(str(panel.render("points")))
    texts = [(float(one.get("y")), one.text) for one in tree.iter("text") if one.get("class") == "mark"]
    return tree, texts


def test_points_on_one_another_share_a_text():
    tree, texts = drawn([(3, 50, 2), (3, 50.2, 11), (3, 50, 2), (7, 50, 4)])
    assert len(list(tree.iter("circle"))) == 4
    assert sorted(text for _, text in texts) == ["2,11", "4"]


def test_no_number_is_written_over_another_one():
    _, texts = drawn([(3, 50, 1), (3, 48, 2), (3, 46, 3), (3, 20, 4)])
    heights = sorted(y for y, _ in texts)
    assert all(later - earlier >= svg.LINE for earlier, later in pairwise(heights))


def test_many_numbers_are_shortened_and_every_point_keeps_its_title():
    tree, texts = drawn([(3, 50, number) for number in range(1, 9)])
    assert texts[0][1] == "1,2,3…"
    titles = [one.text for one in tree.iter("title")]
    assert titles == [f"policy <{number}>" for number in range(1, 9)]


def test_an_interval_ends_where_the_panel_ends():
    tree, _ = drawn([])
    bar = next(one for one in tree.iter("line") if one.get("class") == "bar")
    ends = sorted(float(bar.get(name)) for name in ("y1", "y2"))
    assert ends == [svg.TOP, svg.HEIGHT - svg.BOTTOM]
