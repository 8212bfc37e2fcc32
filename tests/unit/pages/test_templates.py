"""Templates are strict, and Markdown brings no markup of its own."""

from __future__ import annotations

import jinja2
import pytest

from sentiment_lib.pages.markdown import html
from sentiment_lib.pages.templates import environment


def test_a_name_that_a_template_does_not_know_is_an_error():
    with pytest.raises(jinja2.UndefinedError):
        environment().from_string("{{ mistyped }}").render()


def test_markdown_is_rendered_below_the_pages_heading_and_brings_no_markup_of_its_own():
    table = "| a | b |\n|---|---:|\n| <b>x</b> | \u202e1 |"
    shown = html(f"# fam_ily\n\n{table}\n\n[go](//elsewhere) ![p](//x/y.png) `<i>`")
    assert "<h2>fam_ily</h2>" in shown
    assert '<td role="cell" data-title="a">&lt;b&gt;x&lt;/b&gt;</td>' in shown
    assert shown.count('<table class="listed" role="table">') == shown.count("</table></div>") == 1
    assert "\u202e" not in shown
    assert "<a" not in shown
    assert "<img" not in shown
    assert "<code>&lt;i&gt;</code>" in shown


def test_each_row_of_a_wide_table_names_its_values_for_a_phone():
    template = (
        '{% import "macros.html" as ui %}{% call ui.grid(head) %}'
        '{% for one in ("<td>", "b") %}<tr><td class="x">{{ one }}</td><td>2</td></tr>{% endfor %}{% endcall %}'
    )
    wide = environment().from_string(template).render(head=("a & b", ("n", "num"), "c", "d"))
    assert '<td role="cell" data-title="a &amp; b" class="x">&lt;td&gt;</td><td role="cell" data-title="n">2' in wide
    assert wide.count('data-title="a &amp; b"') == 2
    narrow = environment().from_string(template).render(head=("a", "b"))
    assert "data-title" not in narrow
    with_texts = template.replace("(head)", "(head, listed=True)")
    assert "data-title" in environment().from_string(with_texts).render(head=("a", "b"))
