"""Subscribers of the events of shop, and the types of their patterns."""
