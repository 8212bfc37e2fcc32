"""Drift detection: false alarms, power, cost."""
