"""Subscribers of till payer.changed, version 1."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal, TypedDict

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..orders import Card
from ..payer_changed import PayerChanged
from .orders import CardPattern


class PayerChangedAttributes(TypedDict, total=False):
    """Pattern of the attributes of PayerChanged."""


class PayerChangedSubscriber(EventSubscriber[PayerChanged]):
    """Receives till payer.changed, version 1."""

    domain: ClassVar[Literal["till"]] = "till"
    name: ClassVar[Literal["payer.changed"]] = "payer.changed"
    version: ClassVar[Literal[1]] = 1
    timestamp: ClassVar[Matcher[datetime]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[PayerChangedAttributes] = {}
    object_type: ClassVar[OptionalMatcherOf[Literal["payer"], str]] = any_()
    object_version: ClassVar[OptionalMatcher[int]] = any_()
    object_id: ClassVar[OptionalMatcher[str]] = any_()
    object_current: ClassVar[OptionalMatcherOf[CardPattern, Card]] = any_()
    object_previous: ClassVar[OptionalMatcherOf[CardPattern, Card]] = any_()
