"""shop item.measured, version 1."""

from __future__ import annotations

from datetime import date as date_aliased
from datetime import time as time_aliased
from typing import Annotated, Any, ClassVar, Literal

from mega_typed import DecimalString, Event, EventType, Timestamp
from pydantic import Field


class ItemMeasured(Event):
    """Every constraint, alone and inside of containers."""

    __event_type__: ClassVar[EventType] = EventType("shop", "item.measured", 1)
    __nullable__: ClassVar[frozenset[str]] = frozenset({"state", "count", "nothing"})
    __closed__: ClassVar[bool] = True
    __schema__: ClassVar[str | None] = "item_measured.schema.json"

    kind: Literal["measure"] = "measure"
    state: Literal["new", "old"] | None = None
    level: Literal[1, 2, 3] | None = None
    answer: Literal["yes", "no", 42, True] | None = None
    codes: Annotated[
        list[Annotated[str, Field(pattern="^[0-9]{4}$")]],
        Field(min_length=1),
    ]
    colours: list[Literal["red", "green"]] | None = None
    matrix: list[Annotated[list[float], Field(max_length=3)]] | None = None
    ratio: Annotated[float, Field(gt=0.0, le=1.0)]
    count: Annotated[int | None, Field(ge=2, le=100000000000000000000)] = None
    either: (
        Annotated[
            str,
            Field(max_length=5),
        ]
        | Annotated[int, Field(ge=3)]
        | None
    ) = None
    dates: list[Timestamp] | None = None
    date: date_aliased | None = None
    time: time_aliased | None = None
    prices: Annotated[dict[str, DecimalString], Field(min_length=1)] | None = None
    anything: Any
    free: dict[str, Any] | None = None
    nothing: None = None
    mail: str | None = None
    long: (
        Literal[
            "a value that is rather long",
            "another value that is rather long",
            "the third",
        ]
        | None
    ) = None
    deep: (
        list[
            Literal[
                "first alternative",
                "second alternative",
                "third alternative",
                "4",
            ]
            | None
        ]
        | None
    ) = None
    pattern: Annotated[
        str | None,
        Field(
            pattern="^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}-and-more$",
        ),
    ] = None
