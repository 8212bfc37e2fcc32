"""Markdown as HTML: headings one level below the page's own, tables in a scrolling box.

Raw HTML, links and images are shown as text, and invisible characters as their code points (`visible`).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sentiment_lib.pages.safe_text import printable, visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token


def html(text: str) -> Markup:
    """The document as HTML for a template."""
    parser = _parser()
    tokens = parser.parse(text)
    heads: list[str] = []
    column = 0
    for token, following in pairwise([*tokens, *tokens[-1:]]):
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        elif token.type == "table_open":
            heads = []
        elif token.type == "tr_open":
            token.attrSet("role", "row")
            column = 0
        elif token.type == "th_open":
            heads.append(following.content)
        elif token.type == "td_open":
            # on a phone a row is a list of names and values
            token.attrSet("role", "cell")
            token.attrSet("data-title", printable(heads[column]))
            column += 1
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - its own texts are escaped


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["link", "image", "autolink"])
    parser.add_render_rule("text", _text)
    parser.add_render_rule("table_open", _table_open)
    parser.add_render_rule("table_close", _table_close)
    return parser


def _text(_renderer: Any, tokens: Sequence[Token], index: int, *_: Any) -> str:
    return str(visible(tokens[index].content))


def _table_open(*_: Any) -> str:
    return '<div class="scroll" tabindex="0"><table class="listed" role="table">\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"
