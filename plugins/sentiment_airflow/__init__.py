"""What the DAGs share. Ignored by Airflow's plugin search, so that no module here shadows another."""
