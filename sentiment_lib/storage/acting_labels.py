"""Acting audit labels: those that may roll back a promotion, request a retrain, or evaluate a candidate in a holdout.

A single person's label is not enough: an audit label acts when its author is an auditor of the policy, or when another
person gave the tweet the same label.
"""

from __future__ import annotations

_BY_AUDITOR = "l.labelled_by = ANY(CAST(:auditors AS text[]))"
_SAME = (
    "FROM labels o WHERE o.tweet_id = l.tweet_id AND o.label = l.label AND o.labelled_by <> l.labelled_by "
    "AND o.source IN ('audit', 'person')"
)
#: SQL condition on a label `l` of source audit; :auditors is an array of names.
ACTS = f"({_BY_AUDITOR} OR EXISTS (SELECT {_SAME}))"
#: SQL expression: time from which the acting label `l` acts. Sequential tests use labels in this order, so that a
#: late confirmation does not insert a label among those already tested.
ACTS_SINCE = (
    f"CASE WHEN {_BY_AUDITOR} THEN l.stored_at ELSE greatest(l.stored_at, (SELECT min(o.stored_at) {_SAME})) END"
)
