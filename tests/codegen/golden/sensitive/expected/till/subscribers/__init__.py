"""Subscribers of the events of till, and the types of their patterns."""
