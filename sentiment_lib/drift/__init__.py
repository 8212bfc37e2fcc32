"""Has the stream changed? Pure detectors, and the Evidently report."""
