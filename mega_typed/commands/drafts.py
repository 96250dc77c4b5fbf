"""An event from what was typed or written: names and values to the document of a payload, and to a typed event.

A name is that of the constructor (``quantity``, ``subject``, ``object.current.currency``) or a place in the payload
(``event.attributes.quantity``). What the class fixes is filled in. The document is then read as one that came over the
wire, so that what is accepted here is what a consumer accepts. Pure but for the clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from typing import Any, Final, Literal, cast, get_args, get_origin

import msgspec
from mega_typed.codecs import iso_timestamp
from mega_typed.commands.command import CommandError
from mega_typed.errors import Fault, InvalidPayload
from mega_typed.event import Event
from mega_typed.payload import is_mega

Path = tuple[str, ...]
_IN_EVENT: Final = frozenset({"timestamp", "subject", "publisher"})
_SECTIONS: Final = frozenset({"object", "extra"})


class Setting:
    """``NAME=VALUE`` of the command line.

    The value is read as JSON; what is no JSON is a text. Where the schema wants a text, a number is one as well.

    Raises:
        CommandError: there is no ``=`` or no name.
    """

    def __init__(self, text: str) -> None:
        self.name, equals, self.text = text.partition("=")
        if not equals or not all(self.name.split(".")):
            raise CommandError(f"--set: {text!r} is not of the form NAME=VALUE, such as quantity=5")
        try:
            self.value = msgspec.json.decode(self.text)
        except (ValueError, RecursionError):
            self.value = self.text


def documents(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """The JSON objects of a text, with the numbers of their lines: one object, an array of them, or one a line.

    Raises:
        CommandError: it is none of these.
    """
    try:
        whole = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    yield number, _object(msgspec.json.decode(line))
                except (ValueError, RecursionError) as error:
                    raise CommandError(f"line {number} is no JSON object: {error}") from error
        return
    try:
        for number, each in enumerate(whole if isinstance(whole, list) else [whole], start=1):
            yield number, _object(each)
    except ValueError as error:
        raise CommandError(f"the input holds no JSON objects: {error}") from error


def _object(document: object) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ValueError(f"{type(document).__name__} where an object is expected")
    return cast("dict[str, Any]", document)


def event_of(event_class: type[Event], given: Mapping[str, Any], settings: Sequence[Setting]) -> Event:
    """A typed event.

    Args:
        event_class: its class.
        given: the document of a whole payload, or values by their names.
        settings: what was set on the command line; counts more.

    Raises:
        InvalidPayload: it is not valid, by the paths of the payload.
    """
    values = {each.name: each.value for each in settings}
    try:
        return _read(event_class, given, values)
    except InvalidPayload as error:
        texts = {each.name: each.text for each in settings if not isinstance(each.value, dict | list)}
        wrong = _wrong(event_class, error, texts)
    # 19.99 may be meant as the text that the schema wants; where a text is wrong as well, what was said counts.
    as_texts = {**values, **{name: texts[name] for name in wrong}}
    try:
        return _read(event_class, given, as_texts)
    except InvalidPayload as error:
        hopeless = {name: values[name] for name in _wrong(event_class, error, wrong)}
    return _read(event_class, given, {**as_texts, **hopeless})


def _wrong(event_class: type[Event], error: InvalidPayload, names: Iterable[str]) -> list[str]:
    """The names at whose places there is a fault."""
    paths = {fault.path for fault in error.faults}
    return [name for name in names if ".".join(_place(event_class, name)) in paths]


def _read(event_class: type[Event], given: Mapping[str, Any], settings: Mapping[str, Any]) -> Event:
    document: dict[str, Any]
    whole = is_mega(given)
    document = msgspec.json.decode(msgspec.json.encode(given)) if whole else _begun(event_class)
    faults: list[Fault] = []
    for name, value in {**({} if whole else given), **settings}.items():
        path = _place(event_class, name)
        if not path:
            faults.append(Fault(name, _unknown(event_class, name)))
        elif not _put(document, path, value):
            faults.append(Fault(name, "stands inside of what is no object"))
    if faults:
        raise InvalidPayload(event_class.__name__, faults)
    if not whole and "object" in document:
        state = document["object"]
        if isinstance(state, dict):
            fixed = {"type": event_class.__object_type__, "version": event_class.__object_version__}
            document["object"] = {**{key: value for key, value in fixed.items() if value is not None}, **state}
    return event_class.from_json(msgspec.json.encode(document))


def _begun(event_class: type[Event]) -> dict[str, Any]:
    """The document with what the class fixes."""
    event_type = event_class.__event_type__
    event: dict[str, Any] = {"domain": event_type.domain, "name": event_type.name, "version": event_type.version}
    event["timestamp"] = iso_timestamp(datetime.now(UTC))
    event["attributes"] = {
        wire: field.default
        for name, wire in event_class.__attribute_names__.items()
        if (field := event_class.model_fields[name]).default is not None
        and get_origin(field.annotation) is Literal
        and len(get_args(field.annotation)) == 1
    }
    if event_type.domain is None:
        del event["domain"]
    return {"protocol": "mega", "version": 1, "event": event}


def _place(event_class: type[Event], name: str) -> Path:
    """Where a name stands in the payload; nowhere, if the class has no such name."""
    first, *rest = name.split(".")
    attributes = event_class.__attribute_names__
    if first in attributes:
        return ("event", "attributes", attributes[first], *rest)
    if first in _IN_EVENT:
        return ("event", first, *rest)
    if first in _SECTIONS or (first == "event" and rest):
        return (first, *rest)
    # By its name on the wire, unless the envelope has the same: an attribute `subject` is `subject_`, as in Python.
    return ("event", "attributes", first, *rest) if first in attributes.values() else ()


def _unknown(event_class: type[Event], name: str) -> str:
    first = name.split(".")[0]
    names = [*event_class.__attribute_names__, *sorted(_IN_EVENT | _SECTIONS)]
    near = get_close_matches(first, names, 1)
    return f"no such name; did you mean {near[0]}?" if near else f"no such name; there are {', '.join(names)}"


def _put(document: dict[str, Any], path: Path, value: object) -> bool:
    *inner, last = path
    inside: Any = document
    for step in inner:
        inside = inside.setdefault(step, {})
        if not isinstance(inside, dict):
            return False
    inside[last] = value
    return True
