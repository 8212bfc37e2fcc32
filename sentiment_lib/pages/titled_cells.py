"""Cells of a table that carry the title of their column, so that a phone can show each row as a list."""

from __future__ import annotations

import re
from collections.abc import Sequence

from markupsafe import Markup, escape

#: Start tags of rows and cells; a template's text is escaped, so nothing else begins like this.
TAG = re.compile(r"<(tr|td)\b")


def titled(rows: Markup, head: Sequence[tuple[str, str] | str]) -> Markup:
    """The rows of a table's body with `data-title` in each cell; `head` as of the macro `grid`.

    Roles are explicit because a row that is no table row to the stylesheet is none to a screen reader either.
    """
    titles = [title if isinstance(title, str) else title[0] for title in head]
    column = 0

    def mark(tag: re.Match[str]) -> str:
        nonlocal column
        if tag[1] == "tr":
            column = 0
            return '<tr role="row"'
        title = titles[column] if column < len(titles) else ""
        column += 1
        return f'<td role="cell" data-title="{escape(title)}"'

    return Markup(TAG.sub(mark, rows))  # noqa: S704 - the rows are markup, titles are escaped
