"""Every rule over the database. A rule is one function and one line here."""

from __future__ import annotations

from sentiment_lib.alerts import backup_rules, budget_rules, calibration, operational_rules, wrong_predictions

RULES = (*operational_rules.RULES, wrong_predictions.RULE, calibration.RULE, *backup_rules.RULES, *budget_rules.RULES)
