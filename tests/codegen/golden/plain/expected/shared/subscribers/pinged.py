"""Subscribers of pinged, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import MappingMatcher, Matcher, any_

from ..pinged import Pinged


class PingedAttributes(TypedDict, total=False):
    """Pattern of the attributes of Pinged."""


class PingedSubscriber(EventSubscriber[Pinged]):
    """Receives pinged, version 1."""

    domain: ClassVar[None] = None
    name: ClassVar[Literal["pinged"]] = "pinged"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[Matcher[str] | None] = any_()
    publisher: ClassVar[Matcher[str] | None] = any_()
    attributes: ClassVar[PingedAttributes] = {}
    object_id: ClassVar[Matcher[str] | None] = any_()
    object_current: ClassVar[MappingMatcher[Any] | None] = any_()
    object_previous: ClassVar[MappingMatcher[Any] | None] = any_()
