"""What the schema that an event class carries says of one field, beside what the field's type says.

Types that cannot say everything say less; the class then carries its whole schema (``schema_check``). A ``Node`` stands
at one place of it and goes with an annotation, ``Annotated[str, node]``: it hands its plain keywords on as pydantic's
metadata does, and judges single values exactly. Keywords that depend on other values are left out, so a node says too
little, never too much. This file knows JSON Schema, and neither events nor patterns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final, cast
from urllib.parse import unquote

import msgspec
from mega_typed.schema_check import Validator, carried_schema, compiled

__all__ = ["Node", "root"]

_NUMERIC: Final = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
}
_LENGTHS: Final[Mapping[type, tuple[str, str]]] = {
    str: ("minLength", "maxLength"),
    list: ("minItems", "maxItems"),
    dict: ("minProperties", "maxProperties"),
}
_BLANKS: Final = re.compile(r"\\[sS]")
_DEFINITIONS: Final = "#/$defs/"
_WHOLE: Final = b'"$ref":"#"'


def root(package: str, resource: str) -> Node:
    """The node of the whole payload."""
    schema = carried_schema(package, resource)
    return Node(schema, (schema,))


@dataclass(frozen=True, eq=False)
class Node:
    """A place in a schema.

    Attributes:
        schema: the whole, for references.
        parts: what holds at this place, all of it.
    """

    schema: Mapping[str, Any]
    parts: tuple[Any, ...]

    @cached_property
    def _all(self) -> list[Mapping[str, Any]]:
        """The parts, and what they refer to and are made of."""
        found: list[Mapping[str, Any]] = []
        stack = list(self.parts)
        while stack:
            part = stack.pop()
            if isinstance(part, Mapping) and not any(part is each for each in found):
                known = cast("Mapping[str, Any]", part)
                found.append(known)
                stack += known.get("allOf", ())
                if "$ref" in known:
                    stack.append(self._referred(known["$ref"]))
        return found

    def _referred(self, reference: str) -> object:
        name = unquote(reference.removeprefix(_DEFINITIONS)).replace("~1", "/").replace("~0", "~")
        return self.schema if reference == "#" else self.schema["$defs"][name]

    def field(self, name: str) -> Node | None:
        """The place of a field; ``None`` where the schema admits no field of this name."""
        parts = [part for each in self._all for part in _of_field(each, name)]
        names = [each["propertyNames"] for each in self._all if "propertyNames" in each]
        if False in parts or (names and not Node(self.schema, tuple(names)).admits(name)):
            return None
        return Node(self.schema, tuple(parts))

    def requires(self, name: str) -> bool:
        """Whether a field of this name is there whenever the schema admits an object, and is not null."""
        place = self.field(name)
        listed = any(name in each.get("required", ()) for each in self._all)
        return listed and place is not None and not place.admits(None)

    def items(self) -> Node:
        """The place of an element."""
        parts = [part["items"] for part in self._all if "items" in part and "prefixItems" not in part]
        return Node(self.schema, tuple(parts))

    @cached_property
    def metadata(self) -> list[Any]:
        """What the keywords say, in the way of pydantic's metadata, and this node itself."""
        said = [
            SimpleNamespace(**{name: part[keyword]})
            for part in self._all
            for keyword, name in _NUMERIC.items()
            if keyword in part
        ]
        patterns = [part["pattern"] for part in self._all if "pattern" in part and not _BLANKS.search(part["pattern"])]
        return [*said, *(SimpleNamespace(pattern=f"(?a:{each})") for each in patterns), SimpleNamespace(carried=self)]

    def lengths(self, kind: type) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The least and the largest lengths that the keywords give a text, a list or an object."""
        least, largest = (
            tuple(int(part[keyword]) for part in self._all if keyword in part) for keyword in _LENGTHS[kind]
        )
        return least, largest

    def kinds(self) -> frozenset[str] | None:
        """The types of JSON that the value may be of, by their names; ``None`` where that is left open."""
        said = [part["type"] for part in self._all if "type" in part]
        kinds = [frozenset([each] if isinstance(each, str) else each) for each in said]
        return kinds[0].intersection(*kinds[1:]) if kinds else None

    def choices(self) -> list[Any] | None:
        """The values of JSON of which the value is one; ``None`` where they are not listed."""
        listed = [part.get("enum", [part.get("const")]) for part in self._all if part.keys() & {"enum", "const"}]
        return min(listed, key=len) if listed else None

    def admits(self, value: object) -> bool:
        """Whether the schema admits a value of JSON at this place; yes where that cannot be said."""
        return self._validator is None or self._validator.is_valid(value)

    @cached_property
    def _validator(self) -> Validator | None:
        alone = {"allOf": [True, *self.parts], "$defs": self.schema.get("$defs", {})}
        return None if _WHOLE in msgspec.json.encode(alone) else compiled(alone)


def _of_field(part: Mapping[str, Any], name: str) -> Iterator[Any]:
    """What a part says of a field; nothing where patterns of names decide about it."""
    if name in part.get("properties", {}):
        yield part["properties"][name]
    elif "patternProperties" not in part:
        yield part.get("additionalProperties", True)
