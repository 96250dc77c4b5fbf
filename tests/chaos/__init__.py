"""Trials of the listener against an SQS that fails in every way it can; ``python -m tests.chaos`` runs a large one."""
