"""The embedded stack: Postgres, MLflow and Airflow on one machine."""
