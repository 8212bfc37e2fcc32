"""Commands about tweets and predictions: ingest, score, predict, label, the sample."""
