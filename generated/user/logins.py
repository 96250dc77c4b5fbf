"""Types of user: Device."""

from __future__ import annotations

from mega_typed import Model


class Device(Model):
    """What the user logged in with."""

    model: str
    """As the maker calls it."""
    os_version: str | None = None
    """Version of the operating system."""
