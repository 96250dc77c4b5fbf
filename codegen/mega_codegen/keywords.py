"""Which keywords of JSON Schema the types of a class hold, which the check that it carries, which say nothing.

A table, because nothing may be dropped in silence: a keyword is in exactly one row. A class whose schema has only
keywords that its types hold carries no check; any other carries its schema, compiled when it is first needed. This file
knows no step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Final

from mega_codegen.records import Json

ANNOTATIONS: Final = frozenset(
    {
        "$anchor", "$comment", "$defs", "$dynamicAnchor", "$id", "$schema", "definitions", "default", "deprecated",
        "description", "examples", "readOnly", "title", "writeOnly", "contentMediaType", "contentEncoding",
        "contentSchema", "$vocabulary",
    }
)  # fmt: skip
"""Keywords that admit every value."""

SENSITIVE: Final = "x-mega-sensitive"
"""The keyword of a value that must not be shown; it is true or false."""

_OF_MEGA: Final = frozenset({"x-mega-group", "x-mega-name", SENSITIVE})

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

DRAFTS: Final = ("draft-04", "draft-06", "draft-07", "2019-09", "2020-12")
"""What is read, in the order of their age."""

_SINCE: Final[Mapping[str, frozenset[str]]] = {
    "draft-06": frozenset({"$id", "const", "contains", "propertyNames"}),
    "draft-07": frozenset({"else", "if", "then"}),
    "2019-09": frozenset(
        {
            "$anchor", "$recursiveAnchor", "$recursiveRef", "dependentRequired", "dependentSchemas", "maxContains",
            "minContains", "unevaluatedItems", "unevaluatedProperties",
        }
    ),
    "2020-12": frozenset({"$dynamicAnchor", "$dynamicRef", "prefixItems"}),
}  # fmt: skip
"""Keywords that say something, by the draft that brought them; what merely describes may stand in any draft."""

_UNTIL: Final[Mapping[str, tuple[str, str]]] = {
    "id": ("draft-04", "Use `$id`."),
    "dependencies": ("draft-07", "Use `dependentRequired` or `dependentSchemas`."),
    "$recursiveAnchor": ("2019-09", "Use `$dynamicAnchor`."),
    "$recursiveRef": ("2019-09", "Use `$dynamicRef` or `$ref`."),
    "additionalItems": ("2019-09", "Use `prefixItems` and `items`."),
}
"""Keywords that a draft was the last to have, with what to write since."""

RECURSIVE: Final = "mega-recursive"
"""What ``"$recursiveAnchor": true`` of 2019-09 is called when it has become a ``$dynamicAnchor``."""

_IDENTIFIERS: Final = frozenset({"$id", "id"})
"""Keywords that many files have in the spelling of another draft, and that say nothing of a value."""

_OF_OPENAPI: Final[Mapping[str, str]] = {
    "nullable": 'For a value that may be null, write "type": ["string", "null"].',
    "discriminator": "The constants in the members of oneOf tell them apart already.",
}

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


DATA: Final = frozenset({"const", "enum", "default", "examples"})
"""Keywords whose content is data, not schema."""

_SAYING: Final = STRUCTURE | TYPED | CHECKED | {"$recursiveRef"}


def is_annotation(keyword: str) -> bool:
    """Whether a keyword admits every value; one that nobody knows does so too."""
    return keyword not in _SAYING


def foreign_to(keyword: str, draft: str) -> str:
    """What to do about a keyword of another draft than this one; empty when it is none."""
    age = DRAFTS.index(draft)
    if keyword in _UNTIL and DRAFTS.index(_UNTIL[keyword][0]) < age:
        return _UNTIL[keyword][1]
    since = next((name for name, keywords in _SINCE.items() if keyword in keywords), "draft-04")
    younger = DRAFTS.index(since) > age
    return f'Declare the draft that has it: "$schema": "{_address(since)}".' if younger else ""


def _address(draft: str) -> str:
    dated = draft.startswith("draft-")
    return f"http://json-schema.org/{draft}/schema#" if dated else f"https://json-schema.org/draft/{draft}/schema"


@cache
def is_known(keyword: str, draft: str) -> bool:
    """Whether nothing needs to be said about a keyword in a schema of this draft."""
    own = keyword in _OF_MEGA if keyword.startswith("x-mega-") else keyword.startswith("x-")
    known = keyword in _SAYING or keyword in ANNOTATIONS or keyword in _UNTIL or own
    return known and not foreign_to(keyword, draft)


def objection(keyword: str, draft: str, value: Json = None) -> tuple[str, str] | None:
    """Why a keyword cannot stand in a schema, and what to do; ``None`` when it can.

    Args:
        keyword: the keyword.
        draft: the draft of the schema.
        value: what it holds; whether an unknown keyword is a slip of the pen shows in that as well.
    """
    if keyword == SENSITIVE and not isinstance(value, bool):
        return f"{keyword} must be true or false, not {value!r:.40}", f'Write "{keyword}": true, without quotes.'
    if keyword.startswith("x-mega-") and keyword not in _OF_MEGA:  # a slip would show what is to be hidden
        return f"{keyword} is not a keyword of mega-codegen", f"There are {', '.join(sorted(_OF_MEGA))}."
    if is_known(keyword, draft) or keyword in _IDENTIFIERS or value in (RECURSIVE, f"#{RECURSIVE}"):
        return None
    foreign = foreign_to(keyword, draft)
    if foreign:
        return f"{keyword} is not a keyword of draft {draft.removeprefix('draft-')}", foreign
    meant = [each for each in _near(keyword) if isinstance(value, _HOLDS.get(each, _SCHEMA))]
    if meant:
        return f"{keyword} is not a keyword of JSON Schema; did you mean {meant[0]}?", _OWN
    return None


_OWN: Final = "Check the spelling; a keyword of your own is safe with x- before it."


def remark(keyword: str, draft: str) -> tuple[str, str]:
    """What to say about a keyword to which there is no objection, and that says nothing."""
    if keyword in _IDENTIFIERS:
        return f"{keyword} is not a keyword of draft {draft.removeprefix('draft-')} and says nothing", foreign_to(
            keyword, draft
        )
    remedy = _OF_OPENAPI.get(keyword, "A keyword that starts with x- is passed over without a warning.")
    return f"{keyword} is not a keyword of JSON Schema and says nothing", remedy


_SCHEMA: Final = (dict, bool)
_HOLDS: Final[Mapping[str, tuple[type, ...]]] = (
    dict.fromkeys(("allOf", "anyOf", "oneOf", "enum", "prefixItems", "required"), (list,))
    | dict.fromkeys(("$ref", "$dynamicRef", "$recursiveRef", "pattern", "format"), (str,))
    | dict.fromkeys((name for name in TYPED | CHECKED if name.startswith(("max", "min", "multiple"))), (int, float))
    | dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), (int, float))
    | dict.fromkeys(("properties", "patternProperties", "dependencies"), (dict,))
    | dict.fromkeys(("dependentRequired", "dependentSchemas"), (dict,))
    | {"type": (str, list), "items": (dict, bool, list), "uniqueItems": (bool,), "const": (object,)}
)
"""What the value of a keyword is; a schema where it is not listed."""


@cache
def _near(keyword: str) -> tuple[str, ...]:
    """The keywords that say something and whose spelling is near to this one, the nearest first."""
    if len(keyword) < _SHORT:
        distances = {known: 0 for known in _SAYING if known.lower() == keyword.lower()}
    elif len(keyword) > _LONGEST:
        distances = {}
    else:
        slips = _FAR if len(keyword) >= _LONG else 1
        every = {known: _distance(keyword.lower(), known.lower()) for known in _SAYING}
        near = {known: distance for known, distance in every.items() if distance <= slips}
        distances = {known: distance for known, distance in near.items() if distance < _FAR or known[0] == keyword[0]}
    return tuple(sorted(distances, key=lambda known: (distances[known], known)))


_SHORT, _LONG, _LONGEST, _FAR = 4, 8, 40, 2


def _distance(left: str, right: str) -> int:
    """How many letters were added, left out, replaced or swapped with their neighbour."""
    before: list[int] = []
    above = list(range(len(right) + 1))
    for row, letter in enumerate(left, 1):
        line = [row]
        for column, other in enumerate(right, 1):
            cost = min(above[column] + 1, line[-1] + 1, above[column - 1] + (letter != other))
            if row > 1 and column > 1 and left[row - 2 : row] == right[column - 1] + right[column - 2]:
                cost = min(cost, before[column - 2] + 1)
            line.append(cost)
        before, above = above, line
    return above[-1]


def has_form(name: str, text: str) -> bool:
    """Whether a text is in the form of a format, and its day exists."""
    if re.fullmatch(FORMATS[name], text) is None:
        return False
    try:
        return not name.startswith("date") or bool(date(int(text[:4]), int(text[5:7]), int(text[8:10])))
    except ValueError:
        return False
