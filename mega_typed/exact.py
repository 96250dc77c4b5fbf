"""Make pydantic accept exactly what JSON Schema accepts, where the two differ for the same type.

Pydantic reads a number, or a date with a blank for the ``T``, as a date-time; it takes true for the constant 1; and a
field with a default may be absent, although the default only spares the constructor an argument that the schema fixes.
The core schema of a model is rewritten once, when its validator is built; a good value costs a pattern at most.

An integer that is written ``1.0`` is not handled there, because it would cost every integer: ``integral_floats`` is for
the second attempt, after a first one has failed.

This file knows pydantic's core schemas and the forms of formats. It knows no event.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any, Final, Literal, cast

import msgspec
from mega_typed.schema_check import PATTERNS
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

__all__ = ["MOMENT", "Tags", "date_time", "decimal_string", "exact", "integral_floats", "required_in_json"]

MOMENT: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?([Zz]|[+-][0-9]{2}(:?[0-9]{2})?)?$"
)
"""The form of ``event.timestamp``, as the protocol's schema has it; wider than that of ``format: date-time``."""

_Schema = dict[str, Any]


def date_time(pattern: str) -> CoreSchema:
    """A date-time whose value is always aware: a text of this form, in which no offset means UTC."""
    usual = core_schema.no_info_after_validator_function(datetime.fromisoformat, _text(_USUAL))
    other = core_schema.chain_schema([_text(pattern), _aware(strict=False)])
    read = core_schema.union_schema([usual, other], mode="left_to_right", **_NO_MOMENT)
    written = core_schema.simple_ser_schema("datetime")
    return core_schema.json_or_python_schema(read, _aware(strict=True), serialization=written)


_USUAL: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})$"
"""What nearly every date-time looks like; the standard library reads it faster than pydantic reads a string."""

_NO_MOMENT: Final[dict[str, Any]] = {
    "custom_error_type": "datetime",
    "custom_error_message": "Input should be a date-time in ISO 8601, such as 2020-05-04T15:53:23.123Z",
}


def _aware(*, strict: bool) -> CoreSchema:
    naive = core_schema.no_info_after_validator_function(_as_utc, core_schema.datetime_schema(strict=strict))
    return core_schema.union_schema(
        [core_schema.datetime_schema(strict=strict, tz_constraint="aware"), naive],
        mode="left_to_right",
        **_NO_MOMENT,
    )


def _as_utc(value: datetime) -> datetime:
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def decimal_string() -> CoreSchema:
    """A decimal that travels as a string, never as a JSON number."""
    text = core_schema.no_info_after_validator_function(Decimal, _text(PATTERNS["decimal"]))
    written = core_schema.to_string_ser_schema()
    return core_schema.json_or_python_schema(text, core_schema.decimal_schema(), serialization=written)


def _text(pattern: str) -> CoreSchema:
    return core_schema.str_schema(pattern=pattern)


Tags = Callable[[CoreSchema], Mapping[str, Collection[str]]]
"""For the schema of a member of a union: the constants that a value must have one of, by name on the wire."""


def exact(schema: CoreSchema, tags: Tags) -> CoreSchema:
    """The same schema with exact leaves and tagged unions; models inside of it are left to themselves."""
    return cast("CoreSchema", _rewritten(cast("_Schema", schema), tags))


def required_in_json(fields: CoreSchema, names: Collection[str]) -> CoreSchema:
    """The fields of a model, of which some have a default in Python and must be present in JSON."""
    plain = cast("_Schema", fields)
    members = cast("dict[str, _Schema]", plain["fields"])
    strict = {name: {**members[name], "schema": members[name]["schema"]["schema"]} for name in sorted(names)}
    json = {**plain, "fields": {**members, **strict}}
    return core_schema.json_or_python_schema(cast("CoreSchema", json), fields)


def _rewritten(schema: _Schema, tags: Tags) -> _Schema:
    leaf = _LEAVES.get(schema["type"])
    if leaf is not None:
        return leaf(schema)
    if schema["type"] in _LEFT_ALONE:
        return schema
    changed: _Schema = {key: _rewritten(schema[key], tags) for key in _PARTS if isinstance(schema.get(key), dict)}
    if schema["type"] == "union":
        changed["choices"] = [_rewritten(each, tags) for each in schema["choices"]]
        return _tagged({**schema, **changed}, tags)
    return {**schema, **changed}


def _tagged(union: _Schema, tags: Tags) -> _Schema:
    """A union of which two members or more are told apart by a constant: JSON goes to the member that has it."""
    choices: list[CoreSchema] = union["choices"]
    found = [tags(each) for each in choices]
    for name in next(filter(None, found), {}):
        members = [(choice, each[name]) for choice, each in zip(choices, found, strict=True) if name in each]
        values = [value for _, constants in members for value in constants]
        if len(members) > 1 and len(values) == len(set(values)):
            by_tag = {value: choice for choice, constants in members for value in constants}
            tagged: CoreSchema = core_schema.tagged_union_schema(by_tag, discriminator=name)
            others = [choice for choice, each in zip(choices, found, strict=True) if name not in each]
            read = core_schema.union_schema([*others, tagged]) if others else tagged
            return _json_or_python(read, union)
    return union


def _json_or_python(read: CoreSchema, python: _Schema) -> _Schema:
    """Reads JSON in another way than Python values, and writes what Python holds."""
    as_it_is = core_schema.plain_serializer_function_ser_schema(lambda value: value)
    return cast("_Schema", core_schema.json_or_python_schema(read, cast("CoreSchema", python), serialization=as_it_is))


_PARTS: Final = ("schema", "items_schema", "keys_schema", "values_schema", "json_schema", "python_schema")


def _literal(schema: _Schema) -> _Schema:
    """Constants that are equal in Python and not in JSON are told apart by their type first."""
    values: Sequence[Any] = schema["expected"]
    integers = [value for value in values if type(value) is int]
    booleans = [value for value in values if type(value) is bool]
    others = [value for value in values if type(value) not in (int, bool)]
    parts: list[CoreSchema | tuple[CoreSchema, str]] = [core_schema.literal_schema(others)] if others else []
    if integers:
        first: CoreSchema = core_schema.int_schema(strict=True)
        parts.append(core_schema.chain_schema([first, core_schema.literal_schema(integers)]))
    if booleans:
        first = core_schema.bool_schema(strict=True)
        parts.append(core_schema.chain_schema([first, core_schema.literal_schema(booleans)]))
    if not integers and not booleans:
        return schema
    return cast(
        "_Schema",
        core_schema.union_schema(
            parts,
            mode="left_to_right",
            custom_error_type="constant",
            custom_error_message=f"Input should be {_listed(values)}",
            serialization=schema.get("serialization"),
        ),
    )


def _listed(values: Sequence[Any]) -> str:
    *most, last = [str(value).lower() if isinstance(value, bool) else repr(value) for value in values]
    return f"{', '.join(most)} or {last}" if most else last


def _uuid(schema: _Schema) -> _Schema:
    # of the forms that pydantic reads, the one of the format is the only one of this length
    text = core_schema.str_schema(min_length=36, max_length=36)
    return _from_text(schema, core_schema.chain_schema([text, core_schema.uuid_schema(strict=False)]), "uuid")


def _date(schema: _Schema) -> _Schema:
    text = core_schema.str_schema(pattern=PATTERNS["date"])
    return _from_text(schema, core_schema.chain_schema([text, core_schema.date_schema(strict=False)]), "date")


def _time(schema: _Schema) -> _Schema:
    text = core_schema.str_schema(pattern=PATTERNS["time"])
    read = core_schema.chain_schema([text, core_schema.time_schema(strict=False)])
    python = core_schema.no_info_after_validator_function(_with_offset, cast("CoreSchema", schema))
    written = core_schema.simple_ser_schema("time")
    return cast("_Schema", core_schema.json_or_python_schema(read, python, serialization=written))


def _with_offset(value: time) -> time:
    if value.tzinfo is None:
        raise PydanticCustomError("time_offset", "Input should be a time with an offset, as JSON Schema has it")
    return value


def _from_text(schema: _Schema, read: CoreSchema, kind: Literal["date", "uuid"]) -> _Schema:
    written = core_schema.simple_ser_schema(kind)
    return cast("_Schema", core_schema.json_or_python_schema(read, cast("CoreSchema", schema), serialization=written))


_LEAVES: Final[dict[str, Callable[[_Schema], _Schema]]] = {
    "literal": _literal,
    "uuid": _uuid,
    "date": _date,
    "time": _time,
}
"""Types of core schema that are replaced."""

_LEFT_ALONE: Final = frozenset({"chain", "definition-ref", "function-after", "function-plain", "model"})
"""Other models, and what this file has made itself."""


def integral_floats(text: str | bytes) -> bytes | None:
    """JSON text in which every number that is an integer is written as one; ``None`` when a number is too large."""
    try:
        return msgspec.json.encode(_integral(msgspec.json.decode(text)))
    except (ValueError, RecursionError):
        return None


def _integral(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _integral(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_integral(each) for each in value]
    return value
