"""The replay lab: what a policy of retraining would have done on a labelled history. Pure, but for stored cells."""
