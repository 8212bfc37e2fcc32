"""Tampering with ledger, facts, files and aliases: what `verify` finds."""
