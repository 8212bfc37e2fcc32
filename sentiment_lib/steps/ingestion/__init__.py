"""Ingestion steps: validation, storage, quarantine, data quality."""
