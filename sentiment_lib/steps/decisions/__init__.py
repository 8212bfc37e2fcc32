"""Steps from a candidate to a recorded approval: evaluation, gate, evidence, replay."""
