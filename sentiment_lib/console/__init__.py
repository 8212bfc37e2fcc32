"""Pages for the people who run the platform; Airflow shows them, and nothing here knows Airflow."""
