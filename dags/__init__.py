"""The DAGs, one per file. A package only so that mypy and import-linter can name them; Airflow reads the files."""
