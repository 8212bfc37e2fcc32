"""What the retrain DAG says about itself."""

from __future__ import annotations

DOCS = """
### retrain
**begin** says which rule asked (calendar, drift, labels, a person) → **snapshot** freezes the labels, newest part as
holdout → **candidate** and **fine_tuned**: each family is trained and compared with the champion on the same holdout,
those that fine-tune a network in a pool of their own; a family that fails does not stop the others → **ask** takes the
best PROMOTE, if there is one → **approval**: a person answers under *Required actions* → **record** writes the answer
down, Promote and Reject alike → **promote** moves the alias.

- The decision is in the ledger before anyone is asked. HOLD and REJECT end the run well: they are normal answers.
- A newer PROMOTE supersedes a question that still waits; the older run ends by itself. A question that nobody answers
  expires (`SENTIMENT_POLICY__APPROVAL__EXPIRES_AFTER`).
- An answer counts only from an allowed approver, for unchanged evidence, while the champion is the one compared with.
- All families share `SENTIMENT_POLICY__RETRAIN__BUDGET_MINUTES` from the run's begin: one that would start later is
  refused, and each gets at most what is left.
- **Reads**: assets `drift`, `labels`. **Writes**: asset `champion`.
- **By hand**: trigger it here (params: families, seed), or `sentiment retrain`.
"""

REASON = "Why. A rejection needs a reason of at least three letters; for a promotion it is welcome."

EXPIRES = "Waits without holding a worker. No answer in time counts as expired, and the champion stays."
