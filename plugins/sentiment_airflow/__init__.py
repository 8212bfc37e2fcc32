"""Code shared by the DAGs. Hidden from Airflow's plugin search, so that no module here shadows another."""
