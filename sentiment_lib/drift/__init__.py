"""Drift detection: pure detectors, and the Evidently report."""
