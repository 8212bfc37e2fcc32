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
_AUTHOR = "split_part({0}.labelled_by, '" + _FILE + "', 1)"
_SAME = (
    "FROM labels o WHERE o.tweet_id = l.tweet_id AND o.label = l.label "
    f"AND {_AUTHOR.format('o')} <> {_AUTHOR.format('l')} "
    f"AND o.{_ANSWERS} AND {is_newest('o')}"
)


def name_from_file(importer: str, name: str | None) -> str:
    """The author of an imported label: the importer, beside whoever else the file names."""
    return importer if name is None or name == importer else f"{importer}{_FILE}{name})"


#: SQL condition on a label `l` of source audit; :auditors is an array of names.
ACTS = f"({is_newest('l')} AND ({_BY_AUDITOR} OR EXISTS (SELECT {_SAME})))"
#: SQL condition on a label `l`: its tweet was not chosen for its content, so it may evaluate a model; of several the
#: first by EVALUATING_FIRST counts.
MAY_EVALUATE = (
    f"(l.source = 'dataset' OR (l.source = 'audit' AND {ACTS}) "
    f"OR (l.source = 'person' AND l.inclusion_probability IS NOT NULL AND {is_newest('l')}))"
)
EVALUATING_FIRST = f"array_position(ARRAY['audit', 'person', 'dataset'], l.source), {NEWEST_FIRST}"
_BOTH = "greatest(one.stored_at, o.stored_at)"


def _withdrawn(label: str) -> str:
    """SQL condition: before both `one` and `o` were stored, the author of this label had given another answer."""
    return (
        f"EXISTS (SELECT FROM labels other WHERE other.tweet_id = {label}.tweet_id AND other.{_ANSWERS} "
        f"AND other.labelled_by = {label}.labelled_by AND other.label <> {label}.label "
        f"AND other.stored_at > {label}.stored_at AND other.stored_at <= {_BOTH})"
    )


#: SQL expression: time at which the answer of the acting label `l` first acted for its tweet. Sequential tests use
#: labels in this order: who gives or confirms the same answer later does not move it, and one that was withdrawn and is
#: given again returns to its place.
ACTS_SINCE = (
    "(SELECT min(CASE WHEN one.labelled_by = ANY(CAST(:auditors AS text[])) THEN one.stored_at ELSE "
    f"(SELECT min({_BOTH}) FROM labels o WHERE o.tweet_id = one.tweet_id AND o.label = one.label AND o.{_ANSWERS} "
    f"AND {_AUTHOR.format('o')} <> {_AUTHOR.format('one')} "
    f"AND NOT {_withdrawn('one')} AND NOT {_withdrawn('o')}) END) "
    "FROM labels one WHERE one.tweet_id = l.tweet_id AND one.label = l.label AND one.source = 'audit')"
)
