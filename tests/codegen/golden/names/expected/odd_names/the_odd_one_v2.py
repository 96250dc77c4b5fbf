"""odd-names the:odd-one, version 2."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date as date_aliased
from typing import ClassVar
from uuid import UUID

from mega_typed import Event, EventType, Model, Timestamp


class Event_(Model):
    """Event_."""

    any: bool


class TheOddOneV2Event(Model):
    """TheOddOneV2Event."""

    x: int | None = None


class TheOddOneV2(Event):
    """Names that are taken, odd, or no names at all; "quoted" \\ and \"\"\" too.

    This description is so long that it does not fit into one line.

    And it has two paragraphs.
    """

    __event_type__: ClassVar[EventType] = EventType("odd-names", "the:odd-one", 2)
    __wire_names__: ClassVar[Mapping[str, str]] = {
        "class_": "class",
        "subject_": "subject",
        "id_": "_id",
        "item_id": "item-id",
        "context_": "@context",
        "field_1st": "1st",
        "model_config_": "model_config",
        "doc_": "__doc__",
        "dict_": "dict",
        "UUID_": "UUID",
        "better_name": "renamed",
        "Event_": "Event",
    }

    class_: str
    type: str
    name: str | None = None
    version: int | None = None
    subject_: str | None = None
    """An attribute, not the subject of the envelope."""
    id_: str | None = None
    id: str | None = None
    itemId: str | None = None
    item_id: str | None = None
    context_: str | None = None
    field_1st: str | None = None
    model_config_: str | None = None
    doc_: str | None = None
    größe: float | None = None
    dict_: str | None = None
    date: date_aliased | None = None
    day: date_aliased | None = None
    datetime: Timestamp | None = None
    UUID_: UUID | None = None
    better_name: str | None = None
    Event_: TheOddOneV2Event | None = None
