"""The commands of ``mega-typed``, one file for each, and what they share. ``mega_typed.cli`` is the entry."""
