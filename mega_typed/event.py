"""Typed events: what generated classes inherit, and how they go to the wire and come back.

An event class is flat: the attributes that its schema lists are its fields, beside the envelope fields that ``Event``
declares. On the wire it is nested (protocol.md, PATTERNS.md section 1). Reading takes one pass of pydantic over the
JSON text, with a path for each field, so it costs what a plain nested model costs; nothing is parsed twice. What the
schema does not know stays in the text, which the event keeps, and is merged back when the event is written again.

Three kinds of optional field differ on the wire, and a ``None`` default alone does not tell them apart:

* an ordinary one may be absent and never null; ``None`` in Python means absent (the default),
* one whose schema admits null reads and writes null (listed in ``__nullable__``),
* an optional part of the envelope may be null and is written by leaving it out (``_TOLERATING``).

A class whose schema says more than types can hold names it (``__schema__``); the whole payload is then checked as well,
after pydantic's pass, and by the constructor in the form that it has on the wire.

This file knows payloads and pydantic; it knows no envelope, no subscriber and no client.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar, cast, get_args, get_origin

import msgspec
from mega_typed.codecs import encode_document, parse_json
from mega_typed.errors import EncodeError, Fault, InvalidPayload
from mega_typed.exact import MOMENT, date_time, decimal_string, exact, integral_floats, required_in_json
from mega_typed.payload import EventType, MegaPayload, identity_of_json, read_head
from mega_typed.registry import registered_class
from mega_typed.schema_check import PATTERNS, Violation, violations
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    PydanticSerializationError,
    core_schema,
    to_json,
)

__all__ = ["DecimalString", "Event", "Model", "ObjectState", "Timestamp"]

T = TypeVar("T")

_is_none = partial(operator.is_, None)


class _Rejecting:
    """An optional field that is not nullable: ``None`` in Python is absence, null on the wire is an error."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        inner = schema["schema"] if schema["type"] == "nullable" else schema
        return core_schema.json_or_python_schema(json_schema=inner, python_schema=schema)


class _Tolerating:
    """A part of the envelope: null on the wire is absence."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return core_schema.json_or_python_schema(json_schema=core_schema.nullable_schema(schema), python_schema=schema)


_REJECTING = _Rejecting()
_TOLERATING = _Tolerating()


class _Read:
    """Reads and writes a type in a way of its own."""

    def __init__(self, schema: CoreSchema) -> None:
        self._schema = schema

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return self._schema


Timestamp = Annotated[datetime, _Read(date_time(PATTERNS["date-time"]))]
"""A ``datetime`` that is always aware (schema: ``format: date-time``); one without offset is read as UTC."""

DecimalString = Annotated[Decimal, _Read(decimal_string())]
"""A ``Decimal`` that travels as a string (schema: ``type: string, format: decimal``)."""


def _is_constant(field: FieldInfo) -> bool:
    """Whether the schema fixes and requires a field: the constructor fills it in, and a payload must have it."""
    return (
        field.default is not None and get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
    )


class Model(BaseModel):
    """Base of generated models: strict, frozen, and tolerant of keys that its schema does not list.

    Keys that the schema does not list are kept in ``model_extra`` and written again.

    Attributes:
        __wire_names__: field name to name on the wire, for the fields whose name is taken in Python.
        __nullable__: optional fields whose schema admits null.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="allow",
        allow_inf_nan=False,
        defer_build=True,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )

    __wire_names__: ClassVar[Mapping[str, str]] = {}
    __nullable__: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if name in cls.__wire_names__:
                field.validation_alias = field.serialization_alias = cls.__wire_names__[name]
            settled = _REJECTING in field.metadata or _TOLERATING in field.metadata
            if field.default is None and not settled and name not in cls.__nullable__:
                field.metadata.append(_REJECTING)
                field.exclude_if = _is_none

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        schema = handler(source)
        model: dict[str, Any] = cast("dict[str, Any]", handler.resolve_ref_schema(schema))
        metadata: dict[str, Any] = model.setdefault("metadata", {})
        if "mega_exact" not in metadata:  # else it is part of another class that was built before
            metadata["mega_exact"] = True
            fields: dict[str, Any] = model["schema"]
            fields["fields"] = {
                name: {**field, "schema": exact(field["schema"])} for name, field in fields["fields"].items()
            }
            constants = {name for name, field in cls.model_fields.items() if _is_constant(field)}
            if constants:
                model["schema"] = required_in_json(cast("CoreSchema", fields), constants)
        return schema


class ObjectState(Model, Generic[T]):
    """The entity that an event is about: its state now and, where it is known, before.

    Attributes:
        current: the state now.
        previous: the state before the event.
        id: the entity's key.
        type: the entity's type; an event whose schema fixes it fills it in.
        version: version of the entity's representation, 1 by default.
    """

    current: Annotated[T | None, _TOLERATING, Field(exclude_if=_is_none)] = None
    previous: Annotated[T | None, _TOLERATING, Field(exclude_if=_is_none)] = None
    id: Annotated[str | None, _TOLERATING, Field(exclude_if=_is_none)] = None
    type: Annotated[str | None, _TOLERATING, Field(exclude_if=_is_none)] = None
    version: Annotated[int, _TOLERATING] = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # pickle finds a class by its name, and ObjectState[Cart] has none
        return _restored_state, (self.__pydantic_generic_metadata__["args"], self.__getstate__())


def _restored_state(arguments: tuple[Any, ...], values: dict[Any, Any]) -> ObjectState[Any]:
    cls = cast("type[ObjectState[Any]]", ObjectState.__class_getitem__(arguments) if arguments else ObjectState)
    state = cls.__new__(cls)
    state.__setstate__(values)
    return state


_ENVELOPE_KEYS = frozenset({"name", "domain", "version", "timestamp", "subject", "publisher", "attributes"})
_NULLABLE_KEYS = frozenset(
    {"domain", "version", "subject", "publisher", "attributes", "current", "previous", "id", "type"}
)
_SECTIONS = frozenset({"protocol", "version", "event", "object", "extra"})


def _now() -> datetime:
    return datetime.now(UTC)


class Event(Model):
    """Base of all generated events. The constructor takes the schema's attributes and the envelope by keyword.

    Events are frozen, compare by value, and are hashable where the values of their attributes are.

    Attributes:
        timestamp: when it happened, aware; now by default. A value without offset means UTC.
        subject: what the event is about, usually an entity's key.
        publisher: the service that publishes it.
        object: the entity before and after.
        extra: anything else.
        __event_type__: the identity: domain, name and version.
        __object_type__: what the schema fixes ``object.type`` to.
        __object_version__: what the schema fixes ``object.version`` to.
        __closed__: whether the schema forbids attributes that it does not list.
        __spread__: whether keys of ``event`` that the protocol does not list are attributes.
        __schema__: the file beside the module with the schema of the whole payload, for what types do not say.

    Raises:
        pydantic.ValidationError: the constructor's arguments are not what the schema says.
    """

    model_config = ConfigDict(extra="ignore", validate_by_name=False)

    __event_type__: ClassVar[EventType]
    __object_type__: ClassVar[str | None] = None
    __object_version__: ClassVar[int | None] = None
    __closed__: ClassVar[bool] = False
    __spread__: ClassVar[bool] = True
    __schema__: ClassVar[str | None] = None
    __attribute_names__: ClassVar[Mapping[str, str]] = {}
    """Field name to wire name of the attributes, made by the class itself."""

    timestamp: Annotated[datetime, _Read(date_time(MOMENT))] = Field(default_factory=_now)
    subject: Annotated[str | None, _TOLERATING] = None
    publisher: Annotated[str | None, _TOLERATING] = None
    if TYPE_CHECKING:  # a subclass narrows it
        object: ObjectState[Any] | None = None
    else:
        object: Annotated[ObjectState[dict[str, Any]] | None, _TOLERATING] = None
    extra: Annotated[dict[str, Any], _TOLERATING] = Field(default_factory=dict)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        names: dict[str, str] = {}
        for name, field in cls.model_fields.items():
            if name in ("object", "extra"):
                field.validation_alias = name
            elif name in Event.model_fields:
                field.validation_alias = AliasPath("event", name)
            else:
                wire = names[name] = cls.__wire_names__.get(name, name)
                in_attributes = AliasPath("event", "attributes", wire)
                spread = cls.__spread__ and wire not in _ENVELOPE_KEYS
                field.validation_alias = (
                    AliasChoices(in_attributes, AliasPath("event", wire)) if spread else in_attributes
                )
        object_field = cls.model_fields["object"]
        if _TOLERATING not in object_field.metadata and not object_field.is_required():
            object_field.metadata[:] = [_TOLERATING]
        cls.__attribute_names__ = names

    if not TYPE_CHECKING:  # the type checkers derive the constructor from the fields

        def __init__(self, /, **data: Any) -> None:
            cls = type(self)
            unknown = data.keys() - cls.model_fields.keys()
            if unknown:
                raise ValidationError.from_exception_data(
                    cls.__name__,
                    [
                        InitErrorDetails(type="extra_forbidden", loc=(name,), input=data[name])
                        for name in sorted(unknown)
                    ],
                )
            state = data.get("object")
            if isinstance(state, ObjectState):
                data["object"] = cls.__fixed_object__(state)
            self.__pydantic_validator__.validate_python(data, self_instance=self, by_alias=False, by_name=True)
            found = _violations(cls, msgspec.json.decode(self.to_json())) if cls.__schema__ is not None else ()
            if found:
                raise ValidationError.from_exception_data(cls.__name__, [_line_error(each) for each in found])

        __init__.__pydantic_base_init__ = True  # pydantic then builds instances without calling it, as for BaseModel

    @classmethod
    def __fixed_object__(cls, state: ObjectState[Any]) -> ObjectState[Any]:
        """The same state with what the schema fixes filled in; unchanged where it already says something."""
        fixed: dict[str, Any] = {}
        if cls.__object_type__ is not None and state.type is None:
            fixed["type"] = cls.__object_type__
        if cls.__object_version__ is not None and "version" not in state.model_fields_set:
            fixed["version"] = cls.__object_version__
        return state.model_copy(update=fixed) if fixed else state

    # --- reading ------------------------------------------------------------------------------------------------------

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read an event from JSON text in the form of the protocol.

        On ``Event`` itself, the class is looked up in the registry of the packages that were imported.

        Raises:
            CodecError: the text is not JSON.
            InvalidPayload: it is not a MEGA payload, not this event, or not valid by the event's schema.
        """
        event: Self = _reader(cls)[0](text)
        return event

    @classmethod
    def __from_wire__(cls, text: str | bytes) -> Self:
        """Read an event whose identity has been checked already. Dispatch calls this; see ``from_json``."""
        event: Self = _reader(cls)[1](text)
        return event

    @classmethod
    def from_payload(cls, payload: MegaPayload | Mapping[str, Any]) -> Self:
        """Read an event from an untyped payload, or from the document of one.

        Raises:
            EncodeError: the payload holds a value that JSON cannot say.
            InvalidPayload: it is not this event, or not valid by the event's schema.
        """
        document = payload.to_document() if isinstance(payload, MegaPayload) else payload
        return cls.from_json(encode_document(document).body)

    # --- writing ------------------------------------------------------------------------------------------------------

    def to_json(self) -> bytes:
        """The event as compact JSON text in the form of the protocol.

        Attributes and sections that came in and that the schema does not list are written again.

        Raises:
            EncodeError: a value in ``extra`` cannot be said in JSON.
        """
        fields = self.__dict__
        nulls = self.__nullable__ & self.__pydantic_fields_set__
        attributes: dict[str, Any] = {}
        for name, wire in self.__attribute_names__.items():
            value = fields[name]
            if value is not None or name in nulls:
                attributes[wire] = value
        identity = self.__event_type__
        event: dict[str, Any] = {"name": identity.name, "version": identity.version, "timestamp": fields["timestamp"]}
        if identity.domain is not None:
            event["domain"] = identity.domain
        if fields["subject"] is not None:
            event["subject"] = fields["subject"]
        if fields["publisher"] is not None:
            event["publisher"] = fields["publisher"]
        event["attributes"] = attributes
        document: dict[str, Any] = {"protocol": "mega", "version": 1, "event": event}
        if fields["object"] is not None:
            document["object"] = fields["object"]
        if fields["extra"]:
            document["extra"] = fields["extra"]
        if self.__pydantic_private__ is not None:
            unlisted, sections = self.__unlisted__()
            attributes.update(unlisted)
            document.update(sections)
        try:
            text = to_json(document, by_alias=True, inf_nan_mode="constants")
            if b"NaN" in text or b"Infinity" in text:  # in a string, or in `extra`, where JSON cannot say it
                msgspec.json.decode(text)
            return text
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            raise EncodeError(f"{type(self).__name__} cannot be written as JSON: {error}") from error

    def to_payload(self) -> MegaPayload:
        """The event as an untyped payload, its values as JSON says them."""
        return MegaPayload.from_document(msgspec.json.decode(self.to_json()))

    def __unlisted__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What came in and is not in the schema: attributes, and sections of the payload."""
        source = (self.__pydantic_private__ or {}).get("source")
        if source is None:
            return {}, {}
        document: dict[str, Any] = msgspec.json.decode(source)
        event: dict[str, Any] = document["event"]
        known = set(self.__attribute_names__.values())
        attributes = {key: value for key, value in event.items() if key not in _ENVELOPE_KEYS and key not in known}
        attributes.update((key, value) for key, value in (event.get("attributes") or {}).items() if key not in known)
        return attributes, {key: value for key, value in document.items() if key not in _SECTIONS}

    # --- value --------------------------------------------------------------------------------------------------------

    def __eq__(self, other: Any) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        return self.__dict__ == other.__dict__ and (
            self.__pydantic_private__ == other.__pydantic_private__ or self.__unlisted__() == other.__unlisted__()
        )

    def __hash__(self) -> int:
        fields = self.__dict__
        own = tuple(fields[name] for name in self.__attribute_names__)
        return hash((type(self), fields["timestamp"], fields["subject"], fields["publisher"], own))


@cache
def _reader(cls: type[Event]) -> tuple[Callable[[str | bytes], Any], Callable[[str | bytes], Any]]:
    """Two functions that read events of a class: with the identity checked, and without.

    They hold what they need: an attribute of a pydantic class costs as much as ten local names, and reading is to cost
    no more than the one call of pydantic that it makes.
    """
    cls.model_rebuild()
    title, validate = cls.__name__, cls.__pydantic_validator__.validate_json
    kind, version, closed = cls.__object_type__, cls.__object_version__, cls.__closed__
    checked = cls.__schema__ is not None
    constants = frozenset(name for name in cls.__attribute_names__ if _is_constant(cls.model_fields[name]))
    domain, name, number = getattr(cls, "__event_type__", (None, None, None))
    keep = BaseModel.__dict__["__pydantic_private__"].__set__

    def identify_and_read(text: str | bytes) -> Event:
        try:
            head = read_head(text)
        except (ValueError, RecursionError):
            head = None
        event = head.event if head is not None else None
        if (
            head is not None
            and event is not None
            and event.name == name
            and event.domain == domain
            and event.version == number
            and head.protocol == "mega"
            and head.version == 1
        ):
            return read(text)
        identity = identity_of_json(text)
        return read(text) if identity == (domain, name, number) else _other_class(cls, identity).from_json(text)

    def read(text: str | bytes) -> Event:
        try:
            event: Event = validate(text, by_alias=True, by_name=False)
        except ValidationError as error:
            event = read_again(text, error)
        values, sent = event.__dict__, event.__pydantic_fields_set__
        if "timestamp" not in sent:
            raise InvalidPayload(title, [Fault("event.timestamp", "missing")])
        if not constants <= sent:
            missing = sorted(cls.__attribute_names__[name] for name in constants - sent)
            raise InvalidPayload(title, [Fault(f"event.attributes.{name}", "missing") for name in missing])
        if values["extra"] is None:
            vars(event)["extra"] = {}
        state: ObjectState[Any] | None = values["object"]
        if state is not None:
            parts = state.__dict__
            if kind is not None and parts["type"] != kind:
                settle(state, "type", kind, given=parts["type"] is not None)
            if parts["version"] is None or (version is not None and parts["version"] != version):
                given = parts["version"] is not None and "version" in state.__pydantic_fields_set__
                settle(state, "version", version or 1, given=given)
        keep(event, {"source": text})
        if closed:
            refuse_unlisted(event)
        if checked:
            faults = check(text)
            if faults:
                raise InvalidPayload(title, faults)
        return event

    def read_again(text: str | bytes, error: ValidationError) -> Event:
        """The second attempt: JSON's 1.0 is an integer, and pydantic's is not."""
        rewritten = integral_floats(text) if any(map(_is_integral, _inputs(error))) else None
        if rewritten is not None:
            try:
                again: Event = validate(rewritten, by_alias=True, by_name=False)
                return again
            except ValidationError as second:
                error = second
        raise InvalidPayload(title, _together(_faults(error), check(text))) from None

    def check(text: str | bytes) -> list[Fault]:
        return [_as_fault(each) for each in _violations(cls, parse_json(text))] if checked else []

    def settle(state: ObjectState[Any], part: str, expected: str | int, *, given: bool) -> None:
        if given:
            got = getattr(state, part)
            raise InvalidPayload(title, [Fault(f"object.{part}", f"expected {expected!r}, got {got!r}")])
        vars(state)[part] = expected

    def refuse_unlisted(event: Event) -> None:
        attributes, _ = event.__unlisted__()
        if attributes:
            allowed = ", ".join(sorted(cls.__attribute_names__.values())) or "none"
            message = f"not an attribute of {cls.__event_type__}; it has: {allowed}"
            raise InvalidPayload(title, [Fault(f"event.attributes.{name}", message) for name in sorted(attributes)])

    return identify_and_read, read


def _other_class(asked: type[Event], identity: EventType | None) -> type[Event]:
    """The class of an event that is not that of the class which was asked; only ``Event`` itself has others."""
    if identity is None:
        fault = Fault("protocol", 'not a MEGA payload; expected "mega", version 1')
        raise InvalidPayload(asked.__name__, [fault], "not_mega")
    if asked is not Event:
        fault = Fault("event", f"expected {asked.__event_type__}, got {identity}")
        raise InvalidPayload(asked.__name__, [fault], "other_event")
    found = registered_class(identity)
    if found is None:
        fault = Fault("event", f"{identity} is not an event of any imported package; import its package first")
        raise InvalidPayload(asked.__name__, [fault], "unknown_event")
    return found


def _inputs(error: ValidationError) -> Iterator[object]:
    return (detail["input"] for detail in error.errors(include_url=False, include_context=False))


def _is_integral(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()


def _faults(error: ValidationError) -> list[Fault]:
    """Pydantic's errors with their places as paths and the value that was found."""
    faults: list[Fault] = []
    for detail in error.errors(include_url=False, include_context=False):
        got = "" if detail["type"] == "missing" else f", got {_short(detail['input'])}"
        faults.append(Fault(_dotted(detail["loc"]), f"{detail['msg']}{got}"))
    return faults


def _violations(cls: type[Event], document: dict[str, Any]) -> list[Violation]:
    """What a payload does wrong by the schema that a class carries."""
    owner = next(each for each in cls.__mro__ if vars(each).get("__schema__"))
    package, resource = owner.__module__.rpartition(".")[0], str(cls.__schema__)
    read = _as_read(document, cls.__spread__)
    found = violations(package, resource, read)
    if not found:
        return []
    present = _without_nulls(read)
    return found if present == read else violations(package, resource, present)


def _as_read(document: dict[str, Any], spread: bool) -> dict[str, Any]:
    """A payload as the protocol reads it: versions and attributes that may be left out, attributes in their place."""
    event: dict[str, Any] = document["event"]
    read = {**event, "version": 1} if event.get("version") is None else event
    given = event.get("attributes")
    if spread and (given is None or isinstance(given, dict)):
        unlisted = {key: value for key, value in event.items() if key not in _ENVELOPE_KEYS}
        read = {key: value for key, value in read.items() if key in _ENVELOPE_KEYS}
        read["attributes"] = unlisted | (given or {})
    return {**document, "protocol": "mega", "version": 1, "event": read}


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    """A payload without the optional parts of the envelope that are null."""
    present = {key: value for key, value in document.items() if value is not None}
    for section in ("event", "object"):
        part = present.get(section)
        if isinstance(part, dict):
            present[section] = {
                key: value
                for key, value in cast("dict[str, Any]", part).items()
                if value is not None or key not in _NULLABLE_KEYS
            }
    return present


def _together(faults: list[Fault], more: list[Fault]) -> list[Fault]:
    """All faults, the first that was found for each place."""
    places = {fault.path for fault in faults}
    return [*faults, *(fault for fault in more if fault.path not in places)]


def _as_fault(violation: Violation) -> Fault:
    got = "" if violation.message == "missing" else f", got {_short(violation.value)}"
    return Fault(_dotted(violation.path), f"{violation.message}{got}")


def _line_error(violation: Violation) -> InitErrorDetails:
    kind = PydanticCustomError("json_schema", "{message}", {"message": violation.message})
    return InitErrorDetails(type=kind, loc=violation.path, input=violation.value)


def _dotted(path: Iterable[str | int]) -> str:
    dotted = ""
    for part in path:
        dotted += f"[{part}]" if isinstance(part, int) else f".{part}" if dotted else str(part)
    return dotted


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
