"""Which keywords of JSON Schema a generated class enforces, which say nothing about a value, and which are refused.

A table, because nothing may be dropped in silence: a keyword is in exactly one row. Whoever teaches the classes another
keyword (the compiled validator to come) moves it to another row. This file knows no step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

ANNOTATIONS: Final = frozenset(
    {
        "$anchor", "$comment", "$defs", "$id", "$schema", "definitions", "default", "deprecated", "description",
        "examples", "readOnly", "title", "writeOnly", "contentMediaType", "contentEncoding", "contentSchema",
    }
)  # fmt: skip
"""Keywords that admit every value. An unknown keyword that starts with ``x-`` counts as one too."""

STRUCTURE: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "type", "enum", "const"})
"""Keywords that apply to every type of value and are enforced."""

BY_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "boolean": frozenset(),
    "null": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}),
}
"""Keywords that are enforced on values of one type, and mean nothing for values of the others."""

TYPED: Final = frozenset[str]().union(*BY_TYPE.values())

FORMATS: Final = frozenset({"uuid", "date-time", "date", "time", "decimal"})
"""Formats that become Python types and are asserted. Other formats are annotations, as draft 2020-12 has it."""

REFUSED: Final[Mapping[str, str]] = {
    "not": "State what is allowed instead of what is not.",
    "if": "Define two events, or make the fields optional.",
    "then": "Define two events, or make the fields optional.",
    "else": "Define two events, or make the fields optional.",
    "contains": "Constrain all items with `items`.",
    "minContains": "Constrain all items with `items`.",
    "maxContains": "Constrain all items with `items`.",
    "uniqueItems": "Remove it and check in the publisher.",
    "prefixItems": "Use an object with named properties.",
    "additionalItems": "Use `items` with one schema for all items.",
    "unevaluatedItems": "Use `items` with one schema for all items.",
    "patternProperties": "Use `additionalProperties` with a schema.",
    "propertyNames": "Remove it and check in the publisher.",
    "dependentRequired": "Define two events, or make the fields required.",
    "dependentSchemas": "Define two events, or make the fields required.",
    "dependencies": "Define two events, or make the fields required.",
    "unevaluatedProperties": "Use `additionalProperties: false` and list all properties.",
    "$dynamicRef": "Use `$ref`.",
    "$dynamicAnchor": "Use `$anchor`.",
    "$recursiveRef": "Use `$ref`.",
    "$recursiveAnchor": "Use `$anchor`.",
    "$vocabulary": "Remove it: it belongs into meta-schemas.",
}
"""Keywords that a generated class cannot enforce yet, with what to do instead."""


def is_annotation(keyword: str) -> bool:
    """Whether a keyword admits every value."""
    return keyword in ANNOTATIONS or keyword.startswith("x-")
