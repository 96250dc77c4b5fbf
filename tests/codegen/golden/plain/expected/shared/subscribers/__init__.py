"""Subscribers of the events of shared, and the types of their patterns."""
