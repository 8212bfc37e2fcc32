"""Tampering: `python -m benchmarks.tampering`."""
