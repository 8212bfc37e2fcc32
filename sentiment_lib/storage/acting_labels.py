"""Acting audit labels: those that may roll back a promotion, request a retrain, or evaluate a candidate in a holdout.

A single person's label is not enough: an audit label acts when its author is an auditor of the policy, or when another
person gave the tweet the same label. Whom a file names is no person by that alone: its labels are those of who
imported it, and never those of an auditor.
"""

from __future__ import annotations

_BY_AUDITOR = "l.labelled_by = ANY(CAST(:auditors AS text[]))"
#: Between the importer's name and the one that the file gives.
_FILE = " (file: "
_SAME = (
    "FROM labels o WHERE o.tweet_id = l.tweet_id AND o.label = l.label "
    f"AND split_part(o.labelled_by, '{_FILE}', 1) <> split_part(l.labelled_by, '{_FILE}', 1) "
    "AND o.source IN ('audit', 'person')"
)


def name_from_file(importer: str, name: str | None) -> str:
    """The author of an imported label: the importer, beside whoever else the file names."""
    return importer if name is None or name == importer else f"{importer}{_FILE}{name})"


#: SQL condition on a label `l` of source audit; :auditors is an array of names.
ACTS = f"({_BY_AUDITOR} OR EXISTS (SELECT {_SAME}))"
#: SQL expression: time from which the acting label `l` acts. Sequential tests use labels in this order, so that a
#: late confirmation does not insert a label among those already tested.
ACTS_SINCE = (
    f"CASE WHEN {_BY_AUDITOR} THEN l.stored_at ELSE greatest(l.stored_at, (SELECT min(o.stored_at) {_SAME})) END"
)
