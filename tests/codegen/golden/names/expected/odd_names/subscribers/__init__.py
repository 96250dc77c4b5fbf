"""Subscribers of the events of odd_names, and the types of their patterns."""
