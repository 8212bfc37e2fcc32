"""Acting audit labels: those that may roll back a promotion, request a retrain, or evaluate a candidate in a holdout.

A single person's label is not enough: an audit label acts when its author is an auditor of the policy, or when another
person gave the tweet the same label. Whom a file names is no person by that alone: its labels are those of who
imported it, and never those of an auditor. Of several answers of one person for a tweet only the newest counts, in
every query: a withdrawn answer neither acts nor confirms another's.
"""

from __future__ import annotations

#: SQL order of labels `l` of a tweet, of one person or of several: the one that counts is first.
NEWEST_FIRST = "l.labelled_at DESC, l.confidence DESC NULLS LAST, l.label_id DESC"
#: Answers by which a person may replace an own one; feedback is given with the prediction in view.
_ANSWERS = "source IN ('audit', 'person')"


def is_newest(label: str) -> str:
    """SQL condition: the label with this alias is its author's newest answer for the tweet, by NEWEST_FIRST."""
    rank = "{0}.labelled_at, coalesce({0}.confidence, -1), {0}.label_id"
    return (
        f"NOT EXISTS (SELECT FROM labels newer WHERE newer.tweet_id = {label}.tweet_id AND newer.{_ANSWERS} "
        f"AND newer.labelled_by = {label}.labelled_by AND ({rank.format('newer')}) > ({rank.format(label)}))"
    )


_BY_AUDITOR = "l.labelled_by = ANY(CAST(:auditors AS text[]))"
#: Between the importer's name and the one that the file gives.
_FILE = " (file: "
_SAME = (
    "FROM labels o WHERE o.tweet_id = l.tweet_id AND o.label = l.label "
    f"AND split_part(o.labelled_by, '{_FILE}', 1) <> split_part(l.labelled_by, '{_FILE}', 1) "
    f"AND o.{_ANSWERS} AND {is_newest('o')}"
)


def name_from_file(importer: str, name: str | None) -> str:
    """The author of an imported label: the importer, beside whoever else the file names."""
    return importer if name is None or name == importer else f"{importer}{_FILE}{name})"


#: SQL condition on a label `l` of source audit; :auditors is an array of names.
ACTS = f"({is_newest('l')} AND ({_BY_AUDITOR} OR EXISTS (SELECT {_SAME})))"
#: SQL expression: time from which the acting label `l` acts. Sequential tests use labels in this order, so that a
#: late confirmation does not insert a label among those already tested.
ACTS_SINCE = (
    f"CASE WHEN {_BY_AUDITOR} THEN l.stored_at ELSE greatest(l.stored_at, (SELECT min(o.stored_at) {_SAME})) END"
)
