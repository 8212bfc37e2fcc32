"""Steps that keep the platform in order: reconcile, verify, alerts, automatic rollback."""
