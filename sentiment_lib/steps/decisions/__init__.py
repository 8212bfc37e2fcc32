"""Steps from a candidate to a recorded approval: evaluation, evidence, approval request, approval, replay."""
