"""user user.login.web, version 1."""

from __future__ import annotations

from typing import ClassVar

from mega_typed import Event, EventType


class UserLoginWeb(Event):
    """A user logged in with a browser."""

    __event_type__: ClassVar[EventType] = EventType("user", "user.login.web", 1)
    __nullable__: ClassVar[frozenset[str]] = frozenset({"user_agent"})

    ip_address: str
    user_agent: str | None = None
    two_factor: bool | None = None
