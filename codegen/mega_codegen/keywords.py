"""Which keywords of JSON Schema the types of a class hold, which the check that it carries, which say nothing.

A table, because nothing may be dropped in silence: a keyword is in exactly one row. A class whose schema has only
keywords that its types hold carries no check; any other carries its schema, compiled when it is first needed. This file
knows no step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

ANNOTATIONS: Final = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "definitions", "default", "deprecated",
        "description", "examples", "readOnly", "title", "writeOnly", "contentMediaType", "contentEncoding",
        "contentSchema", "$vocabulary",
    }
)  # fmt: skip
"""Keywords that admit every value. An unknown keyword that starts with ``x-`` counts as one too."""

STRUCTURE: Final = frozenset({"$ref", "allOf", "anyOf", "oneOf", "type", "enum", "const"})
"""Keywords that apply to every type of value and that types can hold."""

BY_TYPE: Final[Mapping[str, frozenset[str]]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format"}),
    "integer": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}),
    "boolean": frozenset(),
    "null": frozenset(),
    "array": frozenset({"items", "minItems", "maxItems"}),
    "object": frozenset({"properties", "required", "additionalProperties", "minProperties", "maxProperties"}),
}
"""Keywords that types can hold for values of one type, and that mean nothing for values of the others."""

TYPED: Final = frozenset[str]().union(*BY_TYPE.values())

CHECKED: Final = frozenset(
    {
        "$dynamicRef", "additionalItems", "contains", "dependencies", "dependentRequired", "dependentSchemas", "else",
        "if", "maxContains", "minContains", "not", "patternProperties", "prefixItems", "propertyNames", "then",
        "unevaluatedItems", "unevaluatedProperties", "uniqueItems",
    }
)  # fmt: skip
"""Keywords that no type can hold; the check does."""

_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_OFFSET: Final = r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"

FORMATS: Final[Mapping[str, str]] = {
    "date": _DATE,
    "time": _TIME + _OFFSET,
    "date-time": f"{_DATE}[Tt]{_TIME}{_OFFSET}?",
    "uuid": "[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}",
    "decimal": r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?",
}
"""Formats that become Python types, with the form that is asserted; ``mega_typed.schema_check`` has the same. Other
formats are annotations, as draft 2020-12 has it."""

REFUSED: Final[Mapping[str, str]] = {
    "$recursiveRef": "Use `$ref`.",
    "$recursiveAnchor": "Use `$anchor`.",
}
"""Keywords of other drafts, with what to do instead."""

_OTHER_DRAFT: Final[Mapping[str, Mapping[str, str]]] = {
    "2020-12": {
        "additionalItems": "Use `prefixItems` and `items`.",
        "dependencies": "Use `dependentRequired` or `dependentSchemas`.",
    },
    "draft-07": dict.fromkeys(
        (
            "$anchor", "$dynamicAnchor", "$dynamicRef", "dependentRequired", "dependentSchemas", "maxContains",
            "minContains", "prefixItems", "unevaluatedItems", "unevaluatedProperties",
        ),
        'Declare "$schema": "https://json-schema.org/draft/2020-12/schema".',
    ),
}  # fmt: skip

# --- where other schemas stand ----------------------------------------------------------------------------------------

SCHEMAS: Final = frozenset(
    {
        "additionalItems", "additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then",
        "unevaluatedItems", "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords that hold a schema."""

LISTS_OF_SCHEMAS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Keywords that hold an array of schemas; ``items`` does so in draft-07."""

MAPS_OF_SCHEMAS: Final = frozenset({"dependentSchemas", "patternProperties", "properties"})
"""Keywords that hold schemas by name; ``dependencies`` does so in draft-07, beside lists of names."""

VALUES_OF_KEYWORDS: Final = frozenset(
    {
        "const", "dependentRequired", "enum", "exclusiveMaximum", "exclusiveMinimum", "maxContains", "maxItems",
        "maxLength", "maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum",
        "multipleOf", "pattern", "required", "type", "uniqueItems",
    }
)  # fmt: skip
"""Keywords that hold no schema and say something about a value; ``format`` does so for some of its values."""


def is_annotation(keyword: str) -> bool:
    """Whether a keyword admits every value."""
    return keyword in ANNOTATIONS or keyword.startswith("x-")


def objection(keyword: str, draft: str) -> tuple[str, str] | None:
    """Why a keyword cannot stand in a schema, and what to do; ``None`` when it can."""
    if keyword in REFUSED:
        return f"{keyword} cannot be enforced by the generated class", REFUSED[keyword]
    if keyword in _OTHER_DRAFT[draft]:
        return f"{keyword} is not a keyword of draft {draft.removeprefix('draft-')}", _OTHER_DRAFT[draft][keyword]
    if keyword in STRUCTURE or keyword in TYPED or keyword in CHECKED or is_annotation(keyword):
        return None
    return f"{keyword} is not a keyword of JSON Schema", "Check the spelling; a keyword of your own must start with x-."


def has_form(name: str, text: str) -> bool:
    """Whether a text is in the form of a format, and its day exists."""
    if re.fullmatch(FORMATS[name], text) is None:
        return False
    try:
        return not name.startswith("date") or bool(date(int(text[:4]), int(text[5:7]), int(text[8:10])))
    except ValueError:
        return False
