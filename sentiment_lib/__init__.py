"""Continuous retraining for tweet sentiment: all logic, free of Airflow."""
