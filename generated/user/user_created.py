"""user user.created, version 1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

from mega_typed import Event, EventType
from pydantic import Field


class UserCreated(Event):
    """Somebody signed up."""

    __event_type__: ClassVar[EventType] = EventType("user", "user.created", 1)
    __wire_names__: ClassVar[Mapping[str, str]] = {"class_": "class"}
    __nullable__: ClassVar[frozenset[str]] = frozenset({"name"})

    username: Annotated[str, Field(max_length=64, min_length=3)]
    """What the user logs in with."""
    name: str | None = None
    """Full name, as the user writes it; null when the user would not say."""
    class_: Literal["member", "staff", "guest"]
    """What the account may do."""
    email: Annotated[str | None, Field(min_length=3)] = None
    """Where the user is reached."""
    birth_date: date | None = None
    """Where the user gave it."""
    preferences: dict[str, bool] | None = None
    """Switches of the account, by name."""
