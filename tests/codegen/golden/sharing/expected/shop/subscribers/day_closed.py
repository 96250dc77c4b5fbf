"""Subscribers of shop day.closed, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, any_

from ..day_closed import DayClosed


class DayClosedAttributes(TypedDict, total=False):
    """Pattern of the attributes of DayClosed."""

    shop_id: Matcher[int]


class DayClosedSubscriber(EventSubscriber[DayClosed]):
    """Receives shop day.closed, version 1."""

    domain: ClassVar[Literal["shop"]] = "shop"
    name: ClassVar[Literal["day.closed"]] = "day.closed"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[DayClosedAttributes] = {}
