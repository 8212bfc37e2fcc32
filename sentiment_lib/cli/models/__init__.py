"""Commands about models and decisions: list, train, replay, decide, approve, deploy."""
