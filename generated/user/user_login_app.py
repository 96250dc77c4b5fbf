"""user user.login.app, version 1."""

from __future__ import annotations

from typing import Annotated, ClassVar

from mega_typed import Event, EventType
from pydantic import Field

from .logins import Device


class UserLoginApp(Event):
    """A user logged in with the app."""

    __event_type__: ClassVar[EventType] = EventType("user", "user.login.app", 1)

    device: Device
    app_version: Annotated[str, Field(pattern="^[0-9]+\\.[0-9]+(\\.[0-9]+)?$")]
    """Version of the app, in two or three parts."""
