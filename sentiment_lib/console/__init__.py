"""Console pages for operators; Airflow serves them, but nothing here depends on Airflow."""
