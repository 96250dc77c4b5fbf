"""Subscribers of odd-names the:odd-one, version 2."""

from __future__ import annotations

from datetime import date as date_aliased
from datetime import datetime as datetime_aliased
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, ModelMatcher, OptionalMatcher, any_

from ..the_odd_one_v2 import TheOddOneV2, TheOddOneV2Event


class Event_Pattern(TypedDict, total=False):
    """Pattern of Event_."""

    any: Matcher[bool]


class TheOddOneV2EventPattern(TypedDict, total=False):
    """Pattern of TheOddOneV2Event."""

    x: Matcher[int] | None


class TheOddOneV2Attributes(TypedDict, total=False):
    """Pattern of the attributes of TheOddOneV2."""

    class_: Matcher[str]
    type: Matcher[str]
    name: Matcher[str] | None
    version: Matcher[int] | None
    subject_: Matcher[str] | None
    id_: Matcher[str] | None
    id: Matcher[str] | None
    itemId: Matcher[str] | None
    item_id: Matcher[str] | None
    context_: Matcher[str] | None
    field_1st: Matcher[str] | None
    model_config_: Matcher[str] | None
    doc_: Matcher[str] | None
    größe: Matcher[float] | None
    dict_: Matcher[str] | None
    date: Matcher[date_aliased] | None
    day: Matcher[date_aliased] | None
    datetime: Matcher[datetime_aliased] | None
    UUID_: Matcher[UUID] | None
    better_name: Matcher[str] | None
    Event_: ModelMatcher[TheOddOneV2EventPattern, TheOddOneV2Event] | None


class TheOddOneV2Subscriber(EventSubscriber[TheOddOneV2]):
    """Receives odd-names the:odd-one, version 2."""

    domain: ClassVar[Literal["odd-names"]] = "odd-names"
    name: ClassVar[Literal["the:odd-one"]] = "the:odd-one"
    version: ClassVar[Literal[2]] = 2
    timestamp: ClassVar[Matcher[datetime_aliased]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[TheOddOneV2Attributes] = {}
