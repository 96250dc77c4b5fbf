"""Typed events: what generated classes inherit, and how they go to the wire and come back.

An event class is flat: the attributes that its schema lists are its fields, beside the envelope fields that ``Event``
declares. On the wire it is nested (protocol.md, PATTERNS.md section 1). Reading takes one pass of pydantic over the
JSON text, with a path for each field, so it costs what a plain nested model costs; nothing is parsed twice. What the
schema does not know stays in the text, which the event keeps, and is merged back when the event is written again.

Three kinds of optional field differ on the wire, and a ``None`` default alone does not tell them apart:

* an ordinary one may be absent and never null; ``None`` in Python means absent (the default),
* one whose schema admits null reads and writes null (listed in ``__nullable__``),
* an optional part of the envelope may be null on the wire, whatever the schema says of it (``_TOLERATING``).

A class whose schema says more than types can hold names it (``__schema__``); the whole payload is then checked as well,
after pydantic's pass, and by the constructor in the form that it has on the wire.

This file knows payloads and pydantic; it knows no envelope, no subscriber and no client.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Self, cast, get_args, get_origin

import msgspec
from mega_typed.codecs import encode_document, parse_json
from mega_typed.errors import EncodeError, Fault, InvalidPayload
from mega_typed.exact import MOMENT, Tags, date_time, decimal_string, exact, integral_floats, required_in_json
from mega_typed.payload import EventType, MegaPayload, has_version, identity_of_json, read_head
from mega_typed.registry import registered_class
from mega_typed.schema_check import EVENT_KEYS, PATTERNS, Violation, payload_violations
from mega_typed.sensitive import MASK, Place, anywhere_in, document_of, has_marks, shown
from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import (
    CoreSchema,
    InitErrorDetails,
    PydanticCustomError,
    PydanticSerializationError,
    SchemaSerializer,
    core_schema,
)
from typing_extensions import TypeVar

__all__ = ["DecimalString", "Event", "Model", "ObjectState", "Timestamp", "schema_of"]

T = TypeVar("T")
E = TypeVar("E", bound="Event")
CurrentT = TypeVar("CurrentT", default=Any)
PreviousT = TypeVar("PreviousT", default=CurrentT)


class _Tolerating:
    """A part of the envelope: null on the wire is absence."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema = handler(source)
        return core_schema.json_or_python_schema(json_schema=core_schema.nullable_schema(schema), python_schema=schema)


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


class Model(BaseModel):
    """Base of generated models: strict, frozen, and tolerant of keys that its schema does not list.

    Keys that the schema does not list are kept in ``model_extra`` and written again.

    Attributes:
        __wire_names__: field name to name on the wire, for the fields whose name is taken in Python.
        __nullable__: optional fields whose schema admits null.
        __sensitive__: fields whose schema says ``x-mega-sensitive``; their values are masked wherever they would be
            shown. An event also names parts of its envelope, ``subject`` or ``object.id`` for instance.
    """

    model_config = ConfigDict(
        strict=True,
        frozen=True,
        extra="allow",
        allow_inf_nan=False,
        defer_build=True,
        use_attribute_docstrings=True,
    )

    __wire_names__: ClassVar[Mapping[str, str]] = {}
    __nullable__: ClassVar[frozenset[str]] = frozenset()
    __sensitive__: ClassVar[frozenset[str]] = frozenset()
    __aliases__: ClassVar[Mapping[str, str | AliasPath | AliasChoices]] = {}
    """Where the fields whose name differs are read, made by the class itself."""
    __rejecting__: ClassVar[frozenset[str]] = frozenset()
    """Optional fields that may be absent and not null, made by the class itself."""
    __constants__: ClassVar[frozenset[str]] = frozenset()
    """Fields that the schema fixes and requires, made by the class itself."""
    __absent_as_none__: ClassVar[frozenset[str]] = frozenset()
    """Optional fields in which ``None`` means absence, made by the class itself."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if name in cls.__wire_names__:
                field.validation_alias = field.serialization_alias = cls.__wire_names__[name]
        fields = cls.model_fields.items()
        cls.__aliases__ = {name: field.validation_alias for name, field in fields if field.validation_alias}
        cls.__constants__ = frozenset(name for name, field in fields if _is_constant(field))
        cls.__absent_as_none__ = frozenset(name for name, f in fields if f.default is None) - cls.__nullable__
        tolerating = {name for name, field in fields if _TOLERATING in field.metadata}
        cls.__rejecting__ = cls.__absent_as_none__ - tolerating

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler, /) -> CoreSchema:
        """The fields read exactly what JSON Schema admits; constants have a default for the constructor only."""
        schema = handler(source)
        model: dict[str, Any] = cast("dict[str, Any]", handler.resolve_ref_schema(schema))
        metadata: dict[str, Any] = model.setdefault("metadata", {})
        if "mega_exact" not in metadata:  # else it is part of another class that was built before
            metadata["mega_exact"] = True
            fields: dict[str, Any] = model["schema"]
            fields["fields"] = {
                name: {**field, **cls.__settled__(name, field["schema"], partial(_tags, handler))}
                for name, field in fields["fields"].items()
            }
            if cls.__constants__:
                model["schema"] = required_in_json(cast("CoreSchema", fields), cls.__constants__)
        return schema

    @classmethod
    def __settled__(cls, name: str, schema: Any, tags: Tags) -> dict[str, Any]:
        """A field as ``__pydantic_init_subclass__`` has settled it: exact, with its names, null only where it may be.

        What is said there to a field whose annotation names a class that is defined later, pydantic forgets when it
        evaluates the annotation.
        """
        inner = schema.get("schema")
        if name in cls.__rejecting__ and inner is not None and inner["type"] == "nullable":
            schema = {**schema, "schema": core_schema.json_or_python_schema(inner["schema"], inner)}
        settled: dict[str, Any] = {"schema": exact(schema, tags)}
        alias = cls.__aliases__.get(name)
        if alias is not None:
            settled["validation_alias"] = alias if isinstance(alias, str) else alias.convert_to_aliases()
        if name in cls.__wire_names__:
            settled["serialization_alias"] = cls.__wire_names__[name]
        return settled

    def __settle_fields_set__(self) -> None:
        """Count as given what is written: constants are, a ``None`` that means absence is not."""
        given, values = self.__pydantic_fields_set__, self.__dict__
        given.update(self.__constants__)
        given.difference_update([name for name in self.__absent_as_none__ if values[name] is None])

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        cls = type(self)
        hidden = self.__sensitive__ | self.__dict__.get(_HIDDEN, frozenset())
        for name, value in super().__repr_args__():
            if name in hidden and value is not None:
                yield name, _SHOWN
            elif isinstance(value, dict) and name in cls.model_fields and has_marks(cls):
                yield name, shown(value, anywhere_in(cls).below(name))  # a copy may hold what was not validated
            else:
                yield name, value

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy with changes, which are not validated; see pydantic's documentation."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__settle_fields_set__()
        return copied

    if not TYPE_CHECKING:  # the type checkers derive the constructor from the fields

        def __init__(self, /, **data: Any) -> None:
            cls = type(self)
            unknown = data.keys() - cls.model_fields.keys()
            if unknown:
                shown = {name: MASK if has_marks(cls) else data[name] for name in sorted(unknown)}
                faults = [InitErrorDetails(type="extra_forbidden", loc=(n,), input=shown[n]) for n in shown]
                raise ValidationError.from_exception_data(cls.__name__, faults)
            try:
                self.__pydantic_validator__.validate_python(data, self_instance=self, by_alias=False, by_name=True)
                refused = None
            except ValidationError as error:
                refused = error
            except RecursionError:
                if cls.__pydantic_complete__:
                    raise
                _build(cls)
                self.__pydantic_validator__.validate_python(data, self_instance=self, by_alias=False, by_name=True)
                refused = None
            if refused is not None:
                raise _without_secrets(cls, refused)
            self.__settle_fields_set__()

        __init__.__pydantic_base_init__ = True  # pydantic then builds instances without calling it, as for BaseModel

        def __setattr__(self, name: str, value: Any) -> None:
            _call_without_secrets(type(self), partial(super().__setattr__, name, value))

        @classmethod
        def model_validate(cls, *arguments: Any, **options: Any) -> Self:
            """As pydantic's own; what it raises quotes nothing sensitive."""
            return _call_without_secrets(cls, partial(super().model_validate, *arguments, **options))

        @classmethod
        def model_validate_json(cls, *arguments: Any, **options: Any) -> Self:
            """As pydantic's own; what it raises quotes nothing sensitive."""
            return _call_without_secrets(cls, partial(super().model_validate_json, *arguments, **options))

        @classmethod
        def model_validate_strings(cls, *arguments: Any, **options: Any) -> Self:
            """As pydantic's own; what it raises quotes nothing sensitive."""
            return _call_without_secrets(cls, partial(super().model_validate_strings, *arguments, **options))


class _Shown:
    """What a repr shows of a sensitive value."""

    def __repr__(self) -> str:
        return MASK


_SHOWN = _Shown()
_HIDDEN = "__hidden__"
"""Where an object notes its parts that the schema of its event hides; it is not a field, so pydantic passes over it."""


def _call_without_secrets(cls: type[Model], call: Callable[[], T]) -> T:
    """Call something of pydantic's; what it raises quotes nothing sensitive, and has no trace of the error that did."""
    try:
        return call()
    except ValidationError as error:
        refused = error
    raise _without_secrets(cls, refused)


def _without_secrets(cls: type[Model], error: ValidationError) -> ValidationError:
    """The same error, with what is sensitive masked."""
    if not has_marks(cls):
        return error
    place, faults = anywhere_in(cls), list[InitErrorDetails]()
    for detail in error.errors():
        told, found = place.cut(detail["loc"], labels=True)
        kind, text, value = detail["type"], detail["msg"], detail["input"]
        if kind == "missing":  # the value is all that is around what is missing
            value = MASK
        elif found.hides:
            text, value = _without_value(kind, text), MASK
        if "url" in detail and text == detail["msg"]:  # one of pydantic's own
            own = InitErrorDetails(type=kind, loc=told, input=value)
            faults.append({**own, "ctx": detail["ctx"]} if "ctx" in detail else own)
        else:
            custom = PydanticCustomError(cast("Any", kind), "{text}", {"text": text})
            faults.append(InitErrorDetails(type=custom, loc=told, input=value))
    return ValidationError.from_exception_data(error.title, faults)


def _without_value(kind: str, message: str) -> str:
    """A message of pydantic's, unless it may quote what was found."""
    return message if kind in ("missing", "extra_forbidden") or kind.endswith("_type") else f"not valid ({kind})"


def _is_constant(field: FieldInfo) -> bool:
    """Whether the schema fixes and requires a field: the constructor fills it in, and a payload must have it."""
    return (
        field.default is not None and get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1
    )


def _build(cls: type[Model]) -> None:
    """Build the validator of a class.

    Pydantic takes a dozen frames for each class within a class: what nests or is connected too deeply for the usual
    stack is built on a large one, with all classes that it refers to.
    """
    try:
        cls.model_rebuild()
    except RecursionError:
        limit, size = sys.getrecursionlimit(), threading.stack_size(2**29)
        sys.setrecursionlimit(max(limit, 100_000))
        try:
            with ThreadPoolExecutor(1) as thread:
                thread.submit(lambda: [each.model_rebuild() for each in _connected(cls)]).result()
        finally:
            sys.setrecursionlimit(limit)
            threading.stack_size(size)


def _connected(cls: type[Model]) -> list[type[Model]]:
    """A class and all that it refers to; those come first that refer to few."""
    cls.model_rebuild()
    found: dict[type[Model], None] = {}
    waiting: list[Any] = [cls]
    while waiting:
        each = waiting.pop()
        if isinstance(each, type) and issubclass(each, Model):
            if each not in found:
                found[each] = None
                each.model_rebuild()
                waiting += [field.annotation for field in each.model_fields.values()]
        else:
            waiting += get_args(each)
    return [*reversed(found)]


def _tags(handler: GetCoreSchemaHandler, schema: CoreSchema) -> Mapping[str, Collection[str]]:
    """What a value of a model must have one of, by name on the wire; nothing for what is no model."""
    try:
        model: Any = handler.resolve_ref_schema(schema)
    except LookupError:  # it is being built itself
        return {}
    if model["type"] != "model" or not issubclass(model["cls"], Model):
        return {}
    return {
        model["cls"].__wire_names__.get(name, name): get_args(field.annotation)
        for name, field in model["cls"].model_fields.items()
        if get_origin(field.annotation) is Literal
        and (field.is_required() or _is_constant(field))
        and all(isinstance(value, str) for value in get_args(field.annotation))
    }


class ObjectState(Model, Generic[CurrentT, PreviousT]):
    """The entity that an event is about: its state now and, where it is known, before.

    Both are of one type, as in ``ObjectState[Cart]``, unless there are two: ``ObjectState[Cart, dict[str, Any]]``.

    Attributes:
        current: the state now.
        previous: the state before the event.
        id: the entity's key.
        type: the entity's type; an event whose schema fixes it fills it in.
        version: version of the entity's representation, 1 by default.
    """

    current: Annotated[CurrentT | None, _TOLERATING] = None
    previous: Annotated[PreviousT | None, _TOLERATING] = None
    id: Annotated[str | None, _TOLERATING] = None
    type: Annotated[str | None, _TOLERATING] = None
    version: Annotated[int, _TOLERATING] = 1

    def __reduce__(self) -> tuple[Any, ...]:
        # pickle finds a class by its name, and ObjectState[Cart] has none
        return _restored_state, (self.__pydantic_generic_metadata__["args"], self.__getstate__())


def _restored_state(arguments: tuple[Any, ...], values: dict[Any, Any]) -> ObjectState[Any]:
    cls = cast("type[ObjectState[Any]]", ObjectState.__class_getitem__(arguments) if arguments else ObjectState)
    state = cls.__new__(cls)
    state.__setstate__(values)
    return state


_to_json = SchemaSerializer(core_schema.any_schema(), {"ser_json_inf_nan": "constants"}).to_json
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
        __hidden_parts__: the parts of ``object`` that ``__sensitive__`` names, made by the class itself.
        __closed__: whether the schema forbids attributes that it does not list.
        __spread__: whether keys of ``event`` that the protocol does not list are attributes.
        __version_required__: whether the schema requires ``event.version``, which is 1 otherwise.
        __schema__: the file beside the module with the schema of the whole payload, for what types do not say.
        __group_from__: where the group id of a message comes from, as the schema's ``x-mega-group`` says:
            ``"subject"``, ``"object.id"`` or ``"attributes."`` and a name on the wire.

    Raises:
        pydantic.ValidationError: the constructor's arguments are not what the schema says.
    """

    model_config = ConfigDict(extra="ignore")

    __event_type__: ClassVar[EventType]
    __object_type__: ClassVar[str | None] = None
    __object_version__: ClassVar[int | None] = None
    __hidden_parts__: ClassVar[frozenset[str]] = frozenset()
    __closed__: ClassVar[bool] = False
    __spread__: ClassVar[bool] = True
    __version_required__: ClassVar[bool] = False
    __schema__: ClassVar[str | None] = None
    __group_from__: ClassVar[str | None] = None
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
        fields = cls.model_fields.items()
        for name, field in fields:
            if name in ("object", "extra"):
                field.validation_alias = name
            elif name in Event.model_fields:
                field.validation_alias = AliasPath("event", name)
            else:
                wire = names[name] = cls.__wire_names__.get(name, name)
                in_attributes = AliasPath("event", "attributes", wire)
                spread = cls.__spread__ and wire not in EVENT_KEYS
                field.validation_alias = (
                    AliasChoices(in_attributes, AliasPath("event", wire)) if spread else in_attributes
                )
        object_field = cls.model_fields["object"]
        if _TOLERATING not in object_field.metadata and not object_field.is_required():
            object_field.metadata[:] = [_TOLERATING]
            cls.__rejecting__ -= {"object"}
        cls.__attribute_names__ = names
        cls.__hidden_parts__ = frozenset(
            m.removeprefix("object.") for m in cls.__sensitive__ if m.startswith("object.")
        )
        cls.__aliases__ = {name: field.validation_alias for name, field in fields if field.validation_alias}

    if not TYPE_CHECKING:  # the type checkers derive the constructor from the fields

        def __init__(self, /, **data: Any) -> None:
            super().__init__(**data)
            state = self.__dict__["object"]
            if state is not None:
                state = self.__dict__["object"] = self.__fixed_object__(state)
                if self.__hidden_parts__:
                    vars(state)[_HIDDEN] = self.__hidden_parts__
            found = _violations(type(self), self.to_json()) if self.__schema__ is not None else []
            if found:
                faults = [_line_error(type(self), each) for each in found]
                raise ValidationError.from_exception_data(type(self).__name__, faults)

        __init__.__pydantic_base_init__ = True

    @classmethod
    def __fixed_object__(cls, state: ObjectState[Any]) -> ObjectState[Any]:
        """The same state with what the schema fixes filled in. Raises ``ValidationError`` where it says otherwise."""
        fixed: dict[str, Any] = {}
        faults: list[InitErrorDetails] = []
        for part, expected in (("type", cls.__object_type__), ("version", cls.__object_version__)):
            got = getattr(state, part)
            if expected is None or got == expected:
                continue
            if got is None or part not in state.model_fields_set:
                fixed[part] = expected
            else:
                error = PydanticCustomError(
                    "fixed", "the schema fixes this to {expected}", {"expected": repr(expected)}
                )
                faults.append(InitErrorDetails(type=error, loc=("object", part), input=got))
        if faults:
            raise _without_secrets(cls, ValidationError.from_exception_data(cls.__name__, faults))
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
    def from_payload(cls, payload: MegaPayload | Mapping[str, Any]) -> Self:
        """Read an event from an untyped payload, or from the document of one.

        Raises:
            EncodeError: the payload holds a value that JSON cannot say.
            InvalidPayload: it is not this event, or not valid by the event's schema.
        """
        document = payload.to_document() if isinstance(payload, MegaPayload) else payload
        try:
            body = encode_document(document).body
        except EncodeError:
            if not has_marks(cls):
                raise
            body = None
        if body is None:
            why = "why is not told, as it may quote what is sensitive; look for lone surrogates and other types"
            raise EncodeError(f"the payload cannot be written as JSON: {why}")
        return cls.from_json(body)

    # --- writing ------------------------------------------------------------------------------------------------------

    def to_json(self) -> bytes:
        """The event as compact JSON text in the form of the protocol.

        Attributes and sections that came in and that the schema does not list are written again.

        Raises:
            EncodeError: a value in ``extra`` cannot be said in JSON.
        """
        text: bytes = _writer(type(self))(self)
        return text

    def to_payload(self) -> MegaPayload:
        """The event as an untyped payload, its values as JSON says them."""
        return MegaPayload.from_document(msgspec.json.decode(self.to_json()))

    def __group_id__(self) -> str | None:
        """The group that a message with this event belongs to, if its schema says where it comes from.

        It is the value as the payload writes it: a text as it is, an integer in digits, ``true`` or ``false``, a UUID
        in lower case, a date or a time in its ISO form.
        """
        if self.__group_from__ is None:
            return None
        section, field = _group_field(type(self))
        value = getattr(self if section is None else self.__dict__[section], field, None)
        return value if value is None or type(value) is str else _to_json(value).decode().strip('"')

    def __unlisted__(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """What came in and is not in the schema: attributes, and sections of the payload."""
        source = (self.__pydantic_private__ or {}).get("source")
        if source is None:
            return {}, {}
        document: dict[str, Any] = msgspec.json.decode(source)
        event: dict[str, Any] = document["event"]
        known = set(self.__attribute_names__.values())
        attributes = {key: value for key, value in event.items() if key not in EVENT_KEYS and key not in known}
        attributes.update((key, value) for key, value in (event.get("attributes") or {}).items() if key not in known)
        return attributes, {key: value for key, value in document.items() if key not in _SECTIONS}

    # --- value --------------------------------------------------------------------------------------------------------

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        state = self.__dict__.get("object")
        if self.__hidden_parts__ and isinstance(state, ObjectState):  # it may have come in without being validated
            vars(state)[_HIDDEN] = self.__hidden_parts__
        return super().__repr_args__()

    def __eq__(self, other: Any) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        if self.__dict__ != other.__dict__ or self.__pydantic_private__ == other.__pydantic_private__:
            return self.__dict__ == other.__dict__
        try:
            return self.__unlisted__() == other.__unlisted__()
        except (ValueError, RecursionError):  # an unlisted number that only the text can hold
            return False

    def __hash__(self) -> int:
        fields = self.__dict__
        own = tuple(fields[name] for name in self.__attribute_names__)
        return hash((type(self), fields["timestamp"], fields["subject"], fields["publisher"], own))


def wire_reader(cls: type[E]) -> Callable[[str | bytes], E]:
    """The function that reads events of a class whose identity has been checked already, as dispatch does.

    It raises what ``Event.from_json`` raises, and takes the text of a payload.
    """
    return _reader(cls)[1]


@cache
def _reader(cls: type[Event]) -> tuple[Callable[[str | bytes], Any], Callable[[str | bytes], Any]]:
    """Two functions that read events of a class: with the identity checked, and without.

    They hold what they need: an attribute of a pydantic class costs as much as ten local names, and reading is to cost
    no more than the one call of pydantic that it makes.
    """
    _build(cls)
    title, validate = cls.__name__, cls.__pydantic_validator__.validate_json
    kind, version, closed = cls.__object_type__, cls.__object_version__, cls.__closed__
    checked, version_required = cls.__schema__ is not None, cls.__version_required__
    domain, name, number = getattr(cls, "__event_type__", (None, None, None))
    hidden, whole = cls.__hidden_parts__, document_of(cls)
    keep = BaseModel.__dict__["__pydantic_private__"].__set__

    def identify_and_read(text: str | bytes) -> Event:
        try:
            head = read_head(text)
        except (ValueError, RecursionError):
            return read_other(text)
        event = head.event
        if (
            event is not None
            and event.name == name
            and event.domain == domain
            and event.version == number
            and head.protocol == "mega"
            and head.version == 1
        ):
            return read_known(text)
        return read_other(text)

    def read_other(text: str | bytes) -> Event:
        identity = identity_of_json(text)
        return read(text) if identity == (domain, name, number) else _other_class(cls, identity).from_json(text)

    def read(text: str | bytes) -> Event:
        if version_required and not has_version(text):
            raise InvalidPayload(title, [Fault("event.version", "missing")])
        return read_known(text)

    def read_known(text: str | bytes) -> Event:
        event: Event | ValidationError
        try:
            event = validate(text)
        except ValidationError as error:
            event = error
        if isinstance(event, ValidationError):  # here, so that no error has this one as its context: it quotes values
            event = read_again(text, event)
        values = event.__dict__
        if "timestamp" not in event.__pydantic_fields_set__:
            raise InvalidPayload(title, [Fault("event.timestamp", "missing")])
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
            if hidden:
                vars(state)[_HIDDEN] = hidden
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
                again: Event = validate(rewritten)
                return again
            except ValidationError as second:
                error = second
        raise InvalidPayload(title, _together(_faults(whole, error, text), check(text)))

    def check(text: str | bytes) -> list[Fault]:
        return [_as_fault(whole, each) for each in _violations(cls, text)] if checked else []

    def settle(state: ObjectState[Any], part: str, expected: str | int, *, given: bool) -> None:
        if given:
            got = getattr(state, part)
            raise InvalidPayload(title, [_fault(whole, ("object", part), f"expected {expected!r}", f", got {got!r}")])
        vars(state)[part] = expected

    def refuse_unlisted(event: Event) -> None:
        try:
            attributes, _ = event.__unlisted__()
        except (ValueError, RecursionError) as error:
            raise InvalidPayload(title, [Fault("", f"it holds what cannot be read: {error}")]) from None
        if attributes:
            allowed = ", ".join(sorted(cls.__attribute_names__.values())) or "none"
            message = f"not an attribute of {cls.__event_type__}; it has: {allowed}"
            raise InvalidPayload(title, [Fault(f"event.attributes.{name}", message) for name in sorted(attributes)])

    return identify_and_read, read if version_required else read_known


@cache
def _writer(cls: type[Event]) -> Callable[[Any], bytes]:
    """The function that writes events of a class; it holds what it needs, as the readers do."""
    title, identity = cls.__name__, cls.__event_type__
    names = tuple(cls.__attribute_names__.items())
    loose = any(map(_holds_anything, [field.annotation for name, field in cls.model_fields.items() if name != "extra"]))
    head: dict[str, Any] = {"name": identity.name, "version": identity.version}
    if identity.domain is not None:
        head["domain"] = identity.domain

    def write(event: Event) -> bytes:
        fields, sent, private = event.__dict__, event.__pydantic_fields_set__, event.__pydantic_private__
        section = {**head, "timestamp": fields["timestamp"]}
        if fields["subject"] is not None:
            section["subject"] = fields["subject"]
        if fields["publisher"] is not None:
            section["publisher"] = fields["publisher"]
        attributes = section["attributes"] = {
            wire: fields[name] for name, wire in names if fields[name] is not None or name in sent
        }
        document: dict[str, Any] = {"protocol": "mega", "version": 1, "event": section}
        if fields["object"] is not None:
            document["object"] = fields["object"]
        extra: dict[str, Any] = fields["extra"]
        if extra or "extra" in sent:
            document["extra"] = extra
        try:
            if private is not None:
                unlisted, sections = event.__unlisted__()
                attributes.update(unlisted)
                document.update(sections)
            text = _to_json(document, by_alias=True, exclude_unset=True)
            if loose or private is not None or not _SAFE.issuperset(map(type, extra.values())):
                msgspec.json.decode(text, type=msgspec.Raw)  # NaN and Infinity, which JSON cannot say, are no JSON
            return text
        except (PydanticSerializationError, ValueError, RecursionError) as error:
            raise EncodeError(f"{title} cannot be written as JSON: {error}") from error

    return write


@cache
def _group_field(cls: type[Event]) -> tuple[str | None, str]:
    """The part of an event, itself by default, and the field of it that its ``__group_from__`` names."""
    section, _, name = str(cls.__group_from__).partition(".")
    if section == "attributes":
        return None, next(field for field, wire in cls.__attribute_names__.items() if wire == name)
    return (section, name) if name else (None, section)


_SAFE = frozenset({str, int, bool, type(None)})
"""Types of values that JSON can say whatever they are; a float, or what may hold one, is not among them."""


def _holds_anything(annotation: object, seen: frozenset[object] = frozenset()) -> bool:
    """Whether a value of a type may hold a float that no constraint keeps finite: one that stands where Any does."""
    if annotation is Any or annotation in seen:
        return annotation is Any
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.values()
        return any(_holds_anything(field.annotation, seen | {annotation}) for field in fields)
    return any(_holds_anything(argument, seen) for argument in get_args(annotation))


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


def _faults(whole: Place, error: ValidationError, text: str | bytes) -> list[Fault]:
    """Pydantic's errors with their places as paths and the value that was found."""
    try:
        document: Any = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        document = None
    faults: list[Fault] = []
    for detail in error.errors(include_url=False, include_context=False):
        missing = detail["type"] == "missing"
        got = "" if missing else f", got {_short(detail['input'])}"
        path = tuple(_without_labels(detail["loc"], document, missing=missing))
        safe = _without_value(detail["type"], detail["msg"])
        # the labels are followed as well, as what looks like one may be a key
        masked = whole.hides and whole.cut(detail["loc"], labels=True)[1].hides
        faults.append(_fault(whole, path, detail["msg"], got, safe, masked=masked))
    return faults


def _fault(
    whole: Place, path: tuple[str | int, ...], message: str, got: str, safe: str | None = None, *, masked: bool = False
) -> Fault:
    """A fault with what was found, unless that is sensitive; then the message is one that does not quote it either."""
    if not whole.hides:
        return Fault(_dotted(path), f"{message}{got}")
    told, place = whole.cut(path, labels=masked)
    if not (masked or place.hides):
        return Fault(_dotted(path), f"{message}{got}")
    return Fault(_dotted(told), f"{message if safe is None else safe}{got and f', got {MASK}'}", masked=True)


def _without_labels(location: tuple[str | int, ...], document: Any, *, missing: bool) -> Iterator[str | int]:
    """The keys and indexes of a location; pydantic also puts the names of union members into it."""
    for number, part in enumerate(location, start=1):
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            if number > 2 and not (missing and number == len(location)):  # the first two are parts of the envelope
                continue
        yield part


def schema_of(cls: type[Event]) -> tuple[str, str] | None:
    """The package and the file with the schema that a class carries, if it does."""
    if cls.__schema__ is None:
        return None
    owner = next(each for each in cls.__mro__ if vars(each).get("__schema__"))
    return owner.__module__.rpartition(".")[0], cls.__schema__


def _violations(cls: type[Event], text: str | bytes) -> list[Violation]:
    """What a payload does wrong by the schema that a class carries."""
    place = schema_of(cls)
    return [] if place is None else payload_violations(*place, parse_json(text), spread=cls.__spread__)


def _together(faults: list[Fault], more: list[Fault]) -> list[Fault]:
    """All faults, the first that was found for each place."""
    places = {fault.path for fault in faults}
    return [*faults, *(fault for fault in more if fault.path not in places)]


def _as_fault(whole: Place, violation: Violation) -> Fault:
    missing = violation.message == "missing"
    got = "" if missing else f", got {_short(violation.value)}"
    return _fault(whole, violation.path, violation.message, got, _safe(violation))


def _safe(violation: Violation) -> str:
    return violation.message if violation.message == "missing" else f"not valid ({violation.keyword})"


def _line_error(cls: type[Event], violation: Violation) -> InitErrorDetails:
    told, place = document_of(cls).cut(violation.path, labels=False)
    hidden = place.hides or (violation.message == "missing" and has_marks(cls))  # then the value is what is around it
    message, value = (_safe(violation), MASK) if hidden else (violation.message, violation.value)
    kind = PydanticCustomError("json_schema", "{message}", {"message": message})
    return InitErrorDetails(type=kind, loc=told, input=value)


def _dotted(path: Iterable[str | int]) -> str:
    dotted = ""
    for part in path:
        dotted += f"[{part}]" if isinstance(part, int) else f".{part}" if dotted else str(part)
    return dotted


def _short(value: object, limit: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
