"""Subscribers of the events of user, and the types of their patterns."""
