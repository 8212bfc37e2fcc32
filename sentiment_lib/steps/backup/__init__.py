"""Backups: take them, keep them for a time, check them, restore from them, and drill the restore."""
