"""The JSON Schema of the whole payload of an event class: the one that it carries, else what its types say.

It is there to draw documents from, so it may say a little less than the class does; what is drawn is judged by the
class itself. This file knows events and JSON Schema, and no strategy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from types import NoneType
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from uuid import UUID

from mega_typed.annotations import Bounds, members
from mega_typed.event import Event, Model, ObjectState, schema_of
from mega_typed.schema_check import carried_schema
from pydantic.fields import FieldInfo

__all__ = ["payload_schema"]

_FORMATS: Final[Mapping[Any, str]] = {
    UUID: "uuid",
    datetime: "date-time",
    date: "date",
    time: "time",
    Decimal: "decimal",
}


_MOMENT: Final = {"properties": {"event": {"properties": {"timestamp": {"type": "string", "format": "date-time"}}}}}
"""The protocol's own pattern for a timestamp admits days that no calendar has."""


def payload_schema(cls: type[Event]) -> dict[str, Any]:
    """The schema of the payloads of an event class.

    Args:
        cls: a class with an identity, not ``Event`` itself.
    """
    place = schema_of(cls)
    if place is None:
        return _Types().payload(cls)
    carried = carried_schema(*place)
    return {**carried, "allOf": [*carried.get("allOf", ()), _MOMENT]}


class _Types:
    """Types as schemas; a model becomes a definition, so that it may refer to itself."""

    def __init__(self) -> None:
        self._definitions: dict[str, Any] = {}
        self._names: dict[Any, str] = {}

    def payload(self, cls: type[Event]) -> dict[str, Any]:
        identity, fields = cls.__event_type__, cls.model_fields
        needed = [wire for name, wire in cls.__attribute_names__.items() if _is_needed(cls, name)]
        event: dict[str, Any] = {
            "name": {"const": identity.name},
            "version": {"const": identity.version},
            "timestamp": {"type": "string", "format": "date-time"},
            "subject": self._field(fields["subject"], nullable=False),
            "publisher": self._field(fields["publisher"], nullable=False),
            "attributes": {
                "type": "object",
                "properties": {
                    wire: self._field(fields[name], nullable=name in cls.__nullable__ or fields[name].is_required())
                    for name, wire in cls.__attribute_names__.items()
                },
                "required": needed,
            },
        }
        required = ["name", "version", "timestamp", *(["attributes"] if needed else [])]
        required += [name for name in ("subject", "publisher") if fields[name].is_required()]
        if identity.domain is not None:
            event["domain"] = {"const": identity.domain}
            required.append("domain")
        parts = [name for name in ("object", "extra") if fields[name].is_required()]
        return {
            "type": "object",
            "properties": {
                "protocol": {"const": "mega"},
                "version": {"const": 1},
                "event": {"type": "object", "properties": event, "required": required},
                "object": {"allOf": [self._field(fields["object"], nullable=False), _object(cls)]},
                "extra": {"type": "object"},
            },
            "required": ["protocol", "version", "event", *parts],
            "$defs": self._definitions,
        }

    def _field(self, field: FieldInfo, *, nullable: bool) -> dict[str, Any]:
        return self._any_of(Annotated[field.annotation, field], nullable=nullable)

    def _any_of(self, annotation: object, *, nullable: bool = True) -> dict[str, Any]:
        found, may_be_null = members(annotation)
        schemas = [self._one(member.type, member.bounds) for member in found]
        if nullable and may_be_null and {} not in schemas:
            schemas.append({"type": "null"})
        return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}

    def _one(self, kind: Any, bounds: Bounds) -> dict[str, Any]:
        origin = get_origin(kind)
        if origin is Literal:
            return {"enum": list(get_args(kind))}
        if kind is bool:
            return {"type": "boolean"}
        if kind in (int, float):
            return {"type": "integer" if kind is int else "number", **_numeric(bounds)}
        if kind is str:
            patterns = [{"pattern": each} for each in bounds.patterns]
            return {"type": "string", **_lengths("Length", bounds), **({"allOf": patterns} if patterns else {})}
        if kind in _FORMATS:
            return {"type": "string", "format": _FORMATS[kind]}
        if kind is NoneType:
            return {"type": "null"}
        if origin is list or kind is list:
            items = self._any_of(get_args(kind)[0]) if get_args(kind) else {}
            return {"type": "array", "items": items, **_lengths("Items", bounds)}
        if origin is dict or kind is dict:
            values = self._any_of(get_args(kind)[1]) if get_args(kind) else {}
            return {"type": "object", "additionalProperties": values, **_lengths("Properties", bounds)}
        if isinstance(kind, type) and issubclass(kind, Model):
            return self._model(kind)
        return {}

    def _model(self, model: type[Model]) -> dict[str, Any]:
        if model not in self._names:
            name = self._names[model] = f"{len(self._names)}"
            fields = model.model_fields
            wire = {each: model.__wire_names__.get(each, each) for each in fields}
            envelope = issubclass(model, ObjectState)
            self._definitions[name] = {
                "type": "object",
                "properties": {
                    wire[each]: self._field(
                        field, nullable=not envelope and (each in model.__nullable__ or field.is_required())
                    )
                    for each, field in fields.items()
                },
                "required": [wire[each] for each in fields if _is_needed(model, each)],
            }
        return {"$ref": f"#/$defs/{self._names[model]}"}


def _is_needed(model: type[Model], name: str) -> bool:
    """Whether a payload must have a field: it has no default, or the schema fixes it."""
    return model.model_fields[name].is_required() or name in model.__constants__


def _object(cls: type[Event]) -> dict[str, Any]:
    """What an event fixes of the entity that it is about."""
    fixed: dict[str, Any] = {}
    if cls.__object_type__ is not None:
        fixed["type"] = {"const": cls.__object_type__}
    fixed["version"] = {"const": cls.__object_version__} if cls.__object_version__ else {"minimum": 1}
    return {"properties": fixed}


def _numeric(bounds: Bounds) -> dict[str, Any]:
    said = {
        "minimum": max(bounds.at_least, default=None),
        "maximum": min(bounds.at_most, default=None),
        "exclusiveMinimum": max(bounds.above, default=None),
        "exclusiveMaximum": min(bounds.below, default=None),
    }
    found = {keyword: value for keyword, value in said.items() if value is not None}
    steps = [{"multipleOf": each} for each in bounds.multiple_of]
    return {**found, **({"allOf": steps} if steps else {})}


def _lengths(what: str, bounds: Bounds) -> dict[str, Any]:
    said = {f"min{what}": max(bounds.shortest, default=None), f"max{what}": min(bounds.longest, default=None)}
    return {keyword: value for keyword, value in said.items() if value is not None}
