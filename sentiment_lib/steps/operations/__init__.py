"""Operations: reconcile, verify, check alerts, roll back automatically."""
