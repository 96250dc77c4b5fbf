"""Subscribers of the events of crm, and the types of their patterns."""
