"""user user.login.web, version 1."""

from __future__ import annotations

from typing import ClassVar

from mega_typed import Event, EventType


class UserLoginWeb(Event):
    """A user logged in with a browser."""

    __event_type__: ClassVar[EventType] = EventType("user", "user.login.web", 1)
    __nullable__: ClassVar[frozenset[str]] = frozenset({"user_agent"})

    ip_address: str
    """Address of the browser, version 4 or 6."""
    user_agent: str | None = None
    """What the browser says of itself; null when it says nothing."""
    two_factor: bool | None = None
    """Whether a second factor was asked for."""
