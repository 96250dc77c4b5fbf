"""Subscribers of the events of shopping_cart, and the types of their patterns."""
