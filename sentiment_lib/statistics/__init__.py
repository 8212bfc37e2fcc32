"""Statistical methods shared by evaluation, drift and families. Pure: arrays in, records out."""
