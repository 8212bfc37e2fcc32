"""The MLflow model registry, and model packages that are verified before loading."""
