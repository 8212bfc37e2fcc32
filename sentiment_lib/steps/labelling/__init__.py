"""Labelling steps: the label queue, import and export of labels."""
