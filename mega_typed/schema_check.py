"""Check a whole payload against the JSON Schema that its event class carries: what pydantic's types cannot say.

A generated class whose schema says more than types can hold names a schema beside its module. It is compiled when the
first payload is checked, and kept. Formats mean what docs/schemas.md says of them, exactly: a text that pydantic
would read and that is not in the form of the format is refused.

This file knows JSON Schema and the tolerance of the protocol (protocol.md). It knows no event class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple, Protocol, cast

import msgspec

__all__ = [
    "EVENT_KEYS",
    "FORMATS",
    "PATTERNS",
    "Validator",
    "Violation",
    "carried_schema",
    "compiled",
    "payload_violations",
]

EVENT_KEYS: Final = frozenset({"name", "domain", "version", "timestamp", "subject", "publisher", "attributes"})
"""Keys of ``event`` that the protocol lists; any other is an attribute."""

_NULLABLE: Final[Mapping[str, frozenset[str]]] = {
    "event": frozenset({"domain", "version", "subject", "publisher", "attributes"}),
    "object": frozenset({"current", "previous", "id", "type", "version"}),
}
"""Parts of the envelope that may be null, which is as if they were not there."""

_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_OFFSET: Final = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"

PATTERNS: Final[Mapping[str, str]] = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}{_OFFSET}$",
    "date-time": f"^{_DATE}[Tt]{_TIME}{_OFFSET}?$",
    "uuid": "^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
    "decimal": r"^[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?$",
}
"""The form of a text of each format; a date must exist besides. A date-time without offset is UTC."""


class Violation(NamedTuple):
    """One thing that a payload does wrong.

    Attributes:
        path: keys and indexes from the root of the payload.
        message: what was expected; it may quote the value.
        value: what was found there.
        keyword: the kind of violation, which says nothing of the value.
    """

    path: tuple[str | int, ...]
    message: str
    value: object
    keyword: str


def payload_violations(package: str, resource: str, document: dict[str, Any], *, spread: bool) -> list[Violation]:
    """Everything that a payload does wrong; nothing when it is valid, as it stands or without its null parts.

    Args:
        package: the package that the schema stands in.
        resource: the name of its file.
        document: a MEGA payload as JSON has it.
        spread: whether keys of ``event`` that the protocol does not list are attributes.
    """
    validator = _compiled(package, resource)
    read = _as_read(document, spread)
    if validator.is_valid(read):
        return []
    present = _without_nulls(read)
    if validator.is_valid(present):
        return []
    if _is_small(present):
        return list(_explained(validator.iter_errors(present)))
    try:
        validator.validate(present)
    except ValueError as error:  # the validator's own error is one
        return list(_explained(iter([cast("_Error", error)])))
    return []


def _is_small(document: Any) -> bool:
    count, stack = 0, [document]
    while stack and count <= SMALL:
        node = stack.pop()
        count += len(node) if isinstance(node, dict | list) else 1
        stack += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return count <= SMALL


SMALL: Final = 1000
"""How many parts a payload may have of which all violations are told; of a larger one it is the first."""

BACKTRACKS: Final = 50_000
"""How many steps a pattern that looks around or back may take for one text; one that takes more does not match."""


def _as_read(document: dict[str, Any], spread: bool) -> dict[str, Any]:
    """A payload with its attributes in their place, and the version of the protocol as it is written."""
    event: dict[str, Any] = document["event"]
    given = event.get("attributes")
    unlisted = {key: value for key, value in event.items() if key not in EVENT_KEYS} if spread else {}
    if unlisted and (given is None or isinstance(given, dict)):
        listed = {key: value for key, value in event.items() if key in EVENT_KEYS}
        event = {**listed, "attributes": unlisted | (given or {})}
    return {**document, "version": 1, "event": event}


def _without_nulls(document: dict[str, Any]) -> dict[str, Any]:
    present = {key: value for key, value in document.items() if value is not None}
    for section, nullable in _NULLABLE.items():
        part = present.get(section)
        if isinstance(part, dict):
            present[section] = {key: value for key, value in part.items() if value is not None or key not in nullable}
    return present


def _explained(errors: Iterator[_Error]) -> Iterator[Violation]:
    for error in errors:
        path, value = tuple(error.instance_path), error.instance
        missing, keyword = getattr(error.kind, "property", None), type(error.kind).__name__.rpartition("_")[2]
        if keyword.endswith("Required") and isinstance(missing, str):
            yield Violation((*path, missing), "missing", value, keyword)
        else:
            yield Violation(path, error.message, value, keyword)


class _Error(Protocol):
    @property
    def message(self) -> str: ...
    @property
    def instance_path(self) -> Sequence[str | int]: ...
    @property
    def instance(self) -> Any: ...
    @property
    def kind(self) -> object: ...


class Validator(Protocol):
    """A compiled schema."""

    def validate(self, instance: Any) -> None:
        """Raise ``ValueError`` for the first violation."""

    def is_valid(self, instance: Any) -> bool:
        """Whether there is none."""
        ...

    def iter_errors(self, instance: Any) -> Iterator[Any]:
        """All violations."""
        ...


@cache
def _compiled(package: str, resource: str) -> Validator:
    return compiled(carried_schema(package, resource))


def carried_schema(package: str, resource: str) -> dict[str, Any]:
    """The schema that stands beside a module, as a document."""
    schema: dict[str, Any] = msgspec.json.decode(files(package).joinpath(resource).read_bytes())
    return schema


def compiled(schema: dict[str, Any]) -> Validator:
    """A validator of draft 2020-12, with formats that mean what docs/schemas.md says."""
    import jsonschema_rs  # only the events that need it pay for it

    return jsonschema_rs.Draft202012Validator(
        schema,
        formats=dict(FORMATS),
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
    )


def _exists(text: str) -> bool:
    try:
        date(int(text[:4]), int(text[5:7]), int(text[8:10]))
    except ValueError:
        return False
    return True


def _format(name: str) -> Callable[[str], bool]:
    matches = re.compile(PATTERNS[name].removesuffix("$") + r"\Z").match
    if name.startswith("date"):
        return lambda text: matches(text) is not None and _exists(text)
    return lambda text: matches(text) is not None


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = {name: _format(name) for name in PATTERNS}
"""Whether a text is in the form of a format."""
