"""Steps that take tweets in: validation, storage, quarantine, data quality."""
