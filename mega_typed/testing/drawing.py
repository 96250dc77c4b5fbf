"""Documents drawn from a JSON Schema with hypothesis, likely to be valid, and judged before they are handed on.

A place in a schema is a list of schemas that all hold. References and ``allOf`` are followed, one branch of ``anyOf``,
``oneOf`` and ``if`` is drawn, and what is left is read keyword by keyword. What cannot be built from keywords (``not``,
the other branches of ``oneOf``, ...) is left to a validator that judges each place at once, so that little is drawn in
vain. hypothesis-jsonschema, which does the same, does not work with current versions of hypothesis.

This file knows JSON Schema and hypothesis, and no event.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any, Final, TypeAlias
from urllib.parse import unquote

from hypothesis import reject
from hypothesis import strategies as st
from mega_typed.carried import Node

__all__ = ["JSON", "documents"]

Draw: TypeAlias = Callable[[st.SearchStrategy[Any]], Any]

DEEP: Final = 5
"""Below so many levels only what must be there is drawn, and branches that end."""
TRIES: Final = 20
"""How often a value is drawn for a place, until it is valid there."""

_SAFE_INTEGER: Final = 2**63 - 1
_CHARACTERS: Final = st.characters(codec="utf-8")
_KEYS: Final = st.from_regex(r"[a-z][a-z_]{0,7}", fullmatch=True)
TEXT: Final = st.text(_CHARACTERS, max_size=20)
NUMBERS: Final = st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
INTEGERS: Final = st.integers(-_SAFE_INTEGER - 1, _SAFE_INTEGER)
SCALARS: Final = st.none() | st.booleans() | INTEGERS | NUMBERS | TEXT
JSON: Final[st.SearchStrategy[Any]] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3), max_leaves=5
)
"""Any value of JSON, small; its integers fit into 64 bits, and its keys into BSON."""

_OFFSETS: Final = st.sampled_from(["Z", "+00:00", "+02:00", "-05:30"])
_FORMATS: Final[Mapping[str, st.SearchStrategy[str]]] = {
    "uuid": st.uuids().map(str),
    "date": st.dates().map(lambda each: each.isoformat()),
    "time": st.tuples(st.times(), _OFFSETS).map(lambda each: each[0].isoformat() + each[1]),
    "date-time": st.tuples(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)), _OFFSETS).map(
        lambda each: each[0].isoformat() + each[1]
    ),
    "decimal": st.decimals(-(10**9), 10**9, allow_nan=False, places=2).map(lambda each: f"{each:f}"),
    "email": st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.(com|org)", fullmatch=True),
    "uri": st.from_regex(r"https://[a-z]{1,8}\.(com|org)/[a-z]{0,8}", fullmatch=True),
    "ipv4": st.ip_addresses(v=4).map(str),
    "ipv6": st.ip_addresses(v=6).map(str),
}
# Of a type that is said, and without these, what is drawn is valid by construction; else a validator has a look.
_JUDGED: Final = frozenset(
    {
        "not",
        "oneOf",
        "if",
        "contains",
        "uniqueItems",
        "prefixItems",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "dependencies",
        "unevaluatedProperties",
        "unevaluatedItems",
        "pattern",
        "multipleOf",
        "const",
        "enum",
    }
)
_KINDS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "null": type(None),
    "boolean": bool,
    "integer": (int, float),
    "number": (int, float),
    "string": str,
    "array": list,
    "object": dict,
}
Schema: TypeAlias = Mapping[str, Any]
Place: TypeAlias = tuple[Any, ...]


def documents(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema of draft 2020-12 accepts, or nearly always accepts.

    Args:
        schema: with references into itself only.
    """
    _CHARACTERS.validate()  # makes the tables of Unicode, once; the first draw would be found too slow with it
    return st.composite(_Drawing(schema).value)((schema,), 0)


class _Drawing:
    """The schema, and what is remembered of its places."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._schema = schema
        self._nodes: dict[tuple[int, ...], Node] = {}
        self._leaves: dict[tuple[Any, ...], tuple[list[Schema], st.SearchStrategy[Any]]] = {}

    def value(self, draw: Draw, place: Place, depth: int) -> Any:
        """Draw a value for a place; part of `documents`."""
        for _ in range(TRIES):
            parts = self._parts(draw, place, depth)
            drawn = self._drawn(draw, parts, depth)
            if _is_built(parts) or self._node(place).admits(drawn):
                return drawn
        return reject()

    def _node(self, place: Place) -> Node:
        key = tuple(map(id, place))
        if key not in self._nodes:  # the node keeps the place alive, so that no other can have its key
            self._nodes[key] = Node(self._schema, place)
        return self._nodes[key]

    def _parts(self, draw: Draw, place: Place, depth: int) -> list[Schema]:
        """The schemas that hold at a place, flat: what they refer to, all of ``allOf``, a branch of each choice."""
        found: list[Schema] = []
        stack = list(place)
        while stack:
            part = stack.pop()
            if part is False:
                reject()
            if not isinstance(part, Mapping) or any(part is each for each in found):
                continue
            found.append(part)
            stack += part.get("allOf", ())
            if "$ref" in part:
                stack.append(self._referred(part["$ref"]))
            for keyword in ("anyOf", "oneOf"):
                if part.get(keyword):
                    stack.append(draw(st.sampled_from(self._branches(part[keyword], depth))))
            if "if" in part:
                stack += [part["if"], part.get("then", True)] if draw(st.booleans()) else [part.get("else", True)]
        return found

    def _referred(self, reference: str) -> Any:
        node: Any = self._schema
        for token in unquote(reference).split("/")[1:]:
            node = node[token.replace("~1", "/").replace("~0", "~")]
        return node

    def _branches(self, branches: Sequence[Any], depth: int) -> Sequence[Any]:
        """All of them; where it is deep, those that end soon."""
        flat = [each for each in branches if isinstance(each, Mapping) and not {"$ref", "items", "allOf"} & each.keys()]
        return flat if depth > DEEP and flat else branches

    def _drawn(self, draw: Draw, parts: list[Schema], depth: int) -> Any:
        fixed = [
            part["enum"] if "enum" in part else [part["const"]] for part in parts if {"enum", "const"} & part.keys()
        ]
        kinds = _kinds(parts)
        if fixed:
            fitting = [each for each in min(fixed, key=len) if _is_of(each, kinds)]
            return draw(st.sampled_from(fitting)) if fitting else reject()
        if not kinds:
            return draw(JSON) if depth <= DEEP else draw(SCALARS)
        kind = kinds[0] if len(kinds) == 1 else draw(st.sampled_from(kinds))
        if kind == "object":
            return self._object(draw, parts, depth)
        if kind == "array":
            return self._array(draw, parts, depth)
        return draw(self._leaf(kind, parts))

    def _leaf(self, kind: str, parts: list[Schema]) -> st.SearchStrategy[Any]:
        """A strategy for values without parts; making one costs more than drawing from it."""
        key = (kind, *map(id, parts))
        if key not in self._leaves:  # the parts are kept, so that no other can have their ids
            self._leaves[key] = (parts, _scalar(kind, parts))
        return self._leaves[key][1]

    def _object(self, draw: Draw, parts: list[Schema], depth: int) -> dict[str, Any]:
        known = {name: None for part in parts for name in part.get("properties", {})}
        needed = dict.fromkeys(name for part in parts for name in part.get("required", ()))
        least = max((part.get("minProperties", 0) for part in parts), default=0)
        most = min((part.get("maxProperties", math.inf) for part in parts), default=math.inf)
        optional = [name for name in known if name not in needed and self._of_field(parts, name) is not None]
        chosen = dict(needed)
        for name in optional:
            if len(chosen) < most and (len(chosen) < least or (depth <= DEEP and draw(st.booleans()))):
                chosen[name] = None
        for part in parts:
            for name, wanted in part.get("dependentRequired", {}).items():
                chosen |= dict.fromkeys(wanted) if name in chosen else {}
        drawn = {name: self._property(draw, parts, name, depth) for name in chosen}
        extra = self._extra_keys(parts)
        wish = draw(st.integers(0, 2)) if extra is not None and _has_values(parts) and depth <= DEEP else 0
        for _ in range(TRIES):
            if extra is None or len(drawn) >= max(least, min(len(chosen) + wish, most)):
                break
            name = draw(extra)
            if name not in known and self._of_field(parts, name) is not None:
                drawn[name] = self._property(draw, parts, name, depth)
        return drawn

    def _of_field(self, parts: list[Schema], name: str) -> Place | None:
        """The place of a field; ``None`` where no field of this name is admitted."""
        found: list[Any] = []
        for part in parts:
            own = [part["properties"][name]] if name in part.get("properties", {}) else []
            patterns = part.get("patternProperties", {})
            own += [each for pattern, each in patterns.items() if _is_found(pattern, name)]
            if not own and "additionalProperties" in part:
                own = [part["additionalProperties"]]
            found += own
        return None if any(each is False for each in found) else tuple(found)

    def _property(self, draw: Draw, parts: list[Schema], name: str, depth: int) -> Any:
        place = self._of_field(parts, name)
        return reject() if place is None else self.value(draw, place, depth + 1)

    def _extra_keys(self, parts: list[Schema]) -> st.SearchStrategy[str] | None:
        """Names of properties that are not listed, if any are admitted."""
        names = [part["propertyNames"] for part in parts if isinstance(part.get("propertyNames"), Mapping)]
        by_pattern = [regex for part in parts for regex in part.get("patternProperties", {})]
        if names:
            return _text([{"type": "string"}, *names])
        if by_pattern:
            return st.sampled_from(by_pattern).flatmap(_matching)
        closed = any(part.get("additionalProperties") is False for part in parts)
        return None if closed else _KEYS

    def _array(self, draw: Draw, parts: list[Schema], depth: int) -> list[Any]:
        first: list[Any] = max((part.get("prefixItems", []) for part in parts), key=len)
        places = tuple(part["items"] for part in parts if "items" in part)
        contained = [part for part in parts if "contains" in part]
        wanted = sum(part.get("minContains", 1) for part in contained)
        least = max([wanted, *(part.get("minItems", 0) for part in parts)])
        most = min(part.get("maxItems", math.inf) for part in parts)
        if any(each is False for each in places):
            most = min(most, len(first))
        number = least if depth > DEEP else draw(st.integers(least, int(min(most, max(least, len(first)) + 3))))
        unique = any(part.get("uniqueItems") for part in parts)
        drawn: list[Any] = []
        for part in contained:
            place = (*places, part["contains"])
            drawn += [self.value(draw, place, depth + 1) for _ in range(part.get("minContains", 1))]
        tries = 0
        while len(drawn) < number and tries < TRIES:
            place = (first[len(drawn)],) if len(drawn) < len(first) else places
            item = self.value(draw, place, depth + 1)
            if not unique or item not in drawn:
                drawn.append(item)
            else:
                tries += 1
        return drawn


def _is_built(parts: list[Schema]) -> bool:
    """Whether what is drawn is valid by construction."""
    said = any("type" in part for part in parts) or not any(parts)
    return said and not any(_JUDGED & part.keys() for part in parts)


def _kinds(parts: list[Schema]) -> list[str]:
    """The types that all parts admit; nothing where none says a type."""
    said = [part["type"] if isinstance(part["type"], list) else [part["type"]] for part in parts if "type" in part]
    if not said:
        for keyword, kind in (("properties", "object"), ("required", "object"), ("items", "array")):
            if any(keyword in part for part in parts):
                return [kind]
        return []
    kinds = [each for each in said[0] if all(each in other or _narrower(each, other) for other in said)]
    if "number" in said[0] and any("integer" in other and "number" not in other for other in said[1:]):
        kinds = ["integer", *(each for each in kinds if each != "number")]
    return kinds or reject()


def _narrower(kind: str, others: list[str]) -> bool:
    return kind == "integer" and "number" in others


def _is_of(value: object, kinds: list[str]) -> bool:
    if not kinds:
        return True
    return any(isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds)


def _has_values(parts: list[Schema]) -> bool:
    """Whether an object is a mapping: what it holds has no names of its own."""
    said = any(isinstance(part.get("additionalProperties"), Mapping) or "patternProperties" in part for part in parts)
    return said or not any("properties" in part for part in parts)


def _scalar(kind: str, parts: list[Schema]) -> st.SearchStrategy[Any]:
    if kind == "string":
        return _text(parts)
    if kind in ("integer", "number"):
        return _number(parts, whole=kind == "integer")
    return st.booleans() if kind == "boolean" else st.none()


def _text(parts: list[Schema]) -> st.SearchStrategy[str]:
    least = max(part.get("minLength", 0) for part in parts)
    most = min(part.get("maxLength", math.inf) for part in parts)
    patterns = [part["pattern"] for part in parts if "pattern" in part]
    form = next((part["format"] for part in parts if part.get("format") in _FORMATS), None)
    if form is not None:
        strategy = _FORMATS[form]
    elif patterns:
        strategy = _matching(max(patterns, key=len))
    else:
        return st.text(_CHARACTERS, min_size=int(least), max_size=int(min(most, max(least, 8) + 12)))
    return strategy.filter(lambda text: least <= len(text) <= most)


def _matching(pattern: str) -> st.SearchStrategy[str]:
    """Texts that an expression matches somewhere; its ``$`` is the end, and its digits are those of ASCII."""
    compiled = _compiled(pattern)
    return TEXT if compiled is None else st.from_regex(compiled, alphabet=_CHARACTERS)


def _is_found(pattern: str, text: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is not None and compiled.search(text) is not None


def _compiled(pattern: str) -> re.Pattern[str] | None:
    """An expression as Python reads it; ``None`` for what is not Python's, of which a validator judges the rest."""
    try:
        # Python's own $ stands before a line feed at the end as well.
        return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", pattern), re.ASCII)
    except re.error:
        return None


def _number(parts: list[Schema], *, whole: bool) -> st.SearchStrategy[Any]:
    lows = [(Fraction(part["minimum"]), False) for part in parts if "minimum" in part]
    lows += [(Fraction(part["exclusiveMinimum"]), True) for part in parts if "exclusiveMinimum" in part]
    highs = [(Fraction(part["maximum"]), False) for part in parts if "maximum" in part]
    highs += [(Fraction(part["exclusiveMaximum"]), True) for part in parts if "exclusiveMaximum" in part]
    low, above = max(lows, default=(None, False))
    high, below = max(((-bound, strict) for bound, strict in highs), default=(None, False))
    high = None if high is None else -high
    steps = [Fraction(str(part["multipleOf"])) for part in parts if "multipleOf" in part]
    if whole or steps:
        return _steps(low, above, high, below, [*steps, *([Fraction(1)] if whole else [])], whole)
    return st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        exclude_min=above,
        exclude_max=below,
        allow_nan=False,
        allow_infinity=False,
    )


def _steps(
    low: Fraction | None, above: bool, high: Fraction | None, below: bool, steps: list[Fraction], whole: bool
) -> st.SearchStrategy[Any]:
    """Multiples of all steps within bounds."""
    step = steps[0]
    for other in steps[1:]:
        step = Fraction(math.lcm(step.numerator * other.denominator, other.numerator * step.denominator),
                        step.denominator * other.denominator)  # fmt: skip
    least = math.ceil((low if low is not None else Fraction(-_SAFE_INTEGER)) / step)
    most = math.floor((high if high is not None else max(Fraction(_SAFE_INTEGER), low or Fraction(0))) / step)
    if above and low is not None and least * step == low:
        least += 1
    if below and high is not None and most * step == high:
        most -= 1
    if least > most:
        return st.nothing()
    multiples = st.integers(least, most).map(lambda each: each * step)
    return multiples.map(int) if whole else multiples.map(float)
