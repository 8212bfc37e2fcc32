"""MLflow's registry, and artefacts that are safe to load."""
