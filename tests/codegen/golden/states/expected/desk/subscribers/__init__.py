"""Subscribers of the events of desk, and the types of their patterns."""
