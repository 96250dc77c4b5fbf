"""Subscribers of odd-names the:odd-one, version 2."""

from __future__ import annotations

from datetime import date as date_aliased
from datetime import datetime as datetime_aliased
from typing import ClassVar, Literal, TypedDict
from uuid import UUID

from mega_typed import EventSubscriber
from mega_typed.match import Matcher, OptionalMatcher, OptionalMatcherOf, any_

from ..the_odd_one_v2 import TheOddOneV2, TheOddOneV2Event


class Event_Pattern(TypedDict, total=False):
    """Pattern of Event_."""

    any: Matcher[bool]


class TheOddOneV2EventPattern(TypedDict, total=False):
    """Pattern of TheOddOneV2Event."""

    x: OptionalMatcher[int]


class TheOddOneV2Attributes(TypedDict, total=False):
    """Pattern of the attributes of TheOddOneV2."""

    class_: Matcher[str]
    type: Matcher[str]
    name: OptionalMatcher[str]
    version: OptionalMatcher[int]
    subject_: OptionalMatcher[str]
    id_: OptionalMatcher[str]
    id: OptionalMatcher[str]
    itemId: OptionalMatcher[str]
    item_id: OptionalMatcher[str]
    context_: OptionalMatcher[str]
    field_1st: OptionalMatcher[str]
    model_config_: OptionalMatcher[str]
    doc_: OptionalMatcher[str]
    größe: OptionalMatcher[float]
    dict_: OptionalMatcher[str]
    date: OptionalMatcher[date_aliased]
    day: OptionalMatcher[date_aliased]
    datetime: OptionalMatcher[datetime_aliased]
    UUID_: OptionalMatcher[UUID]
    better_name: OptionalMatcher[str]
    Event_: OptionalMatcherOf[TheOddOneV2EventPattern, TheOddOneV2Event]


class TheOddOneV2Subscriber(EventSubscriber[TheOddOneV2]):
    """Receives odd-names the:odd-one, version 2."""

    domain: ClassVar[Literal["odd-names"]] = "odd-names"
    name: ClassVar[Literal["the:odd-one"]] = "the:odd-one"
    version: ClassVar[Literal[2]] = 2
    timestamp: ClassVar[Matcher[datetime_aliased]] = any_()
    subject: ClassVar[OptionalMatcher[str]] = any_()
    publisher: ClassVar[OptionalMatcher[str]] = any_()
    attributes: ClassVar[TheOddOneV2Attributes] = {}
