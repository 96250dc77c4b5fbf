"""Push-down: subscribers as one Amazon SNS subscription filter policy (PATTERNS.md section 9).

A policy is a **widening**: it accepts every message that a subscriber matches, and as few others as it can say. So each
step answers with rules that admit at least what the pattern admits, or with the reason why there are none; then the key
is left out, which is always safe, and the pattern is reported as residual. Dispatch evaluates all patterns as before:
a policy saves deliveries and decides nothing.

Five steps, one record between each: a subscriber's patterns are *walked* to places in the message (``_Place``), the
pattern at a place is *said* as rules (``_Said``), the rules of one subscriber stand together as a ``_Clause``, several
clauses are *united*, and what AWS would refuse is *narrowed down* key by key, the least selective first.

What AWS does is taken from the pages of its Developer Guide "Amazon SNS subscription filter policies", "Filter policy
constraints", "String value matching", "Numeric value matching", "Key matching" and "AND/OR logic". Where they leave
something open, the reading that drops nothing counts.

This file reads ``Wanted`` records, patterns and the types of events. It knows no client and evaluates no predicate.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, TypeAlias, Union, cast, get_args, get_origin
from uuid import UUID

from mega_typed.codecs import CONTENT_TYPE_ATTRIBUTE, ContentType
from mega_typed.errors import ConfigurationError
from mega_typed.event import Event, Model
from mega_typed.match import Pattern, has_predicate, is_nan, is_predicate, matches, not_
from mega_typed.messages import (
    DOMAIN_ATTRIBUTE,
    NAME_ATTRIBUTE,
    PUBLISHER_ATTRIBUTE,
    SUBJECT_ATTRIBUTE,
    VERSION_ATTRIBUTE,
    travels_as_attribute,
)
from mega_typed.regexes import bounded
from mega_typed.schema_check import EVENT_KEYS
from mega_typed.subscribers import DataSubscriber, EventSubscriber, Subscriber
from typing_extensions import TypeAliasType

__all__ = ["FilterPolicy", "Residual", "filter_policy"]

Scope: TypeAlias = Literal["MessageAttributes", "MessageBody"]
Rule: TypeAlias = str | bool | dict[str, Any] | None
"""One element of the array at a key: an exact value or an operator with its operand."""

Rules: TypeAlias = tuple[Rule, ...]
Path: TypeAlias = tuple[str, ...]

_ABSENT: Final[Rule] = {"exists": False}
_PRESENT: Final[Rule] = {"exists": True}

# "Filter policy constraints". Keys are counted at the leaves, the stricter of the two ways in which AWS explains it.
_MAX_KEYS: Final = 5
_MAX_COMBINATIONS: Final = 150
_MAX_BYTES: Final = 262_144
_LARGEST: Final = Decimal(10**9)
_DIGITS: Final = Decimal("0.00001")
_MAX_EXCLUDED: Final = 30  # integers that are listed to say a range by its complement


@dataclass(frozen=True, slots=True)
class Residual:
    """A pattern that the policy does not say, or not in full; it is evaluated where the message arrives, as ever.

    Attributes:
        subscriber: whose pattern it is.
        path: where it stands in the payload: ``event.attributes.price``.
        pattern: the pattern.
        reason: why it cannot be said.
    """

    subscriber: type[Subscriber[Any]]
    path: str
    pattern: object
    reason: str


@dataclass(frozen=True, slots=True)
class FilterPolicy:
    """What ``filter_policy`` returns; inert.

    Attributes:
        scope: what it is compared with.
        policy: the policy; empty when every message has to be let through.
        residual: what it does not say.
        notes: what has to be known before it is attached.
    """

    scope: Scope
    policy: dict[str, Any] = field(default_factory=dict[str, Any])
    residual: tuple[Residual, ...] = ()
    notes: tuple[str, ...] = ()

    def json(self) -> str:
        """The policy as AWS takes it; ``{}`` takes the policy off a subscription that has one."""
        return _json(self.policy)

    def attributes(self) -> dict[str, str]:
        """For ``sns.subscribe(Attributes=...)``; nothing at all when the policy is empty."""
        return {"FilterPolicyScope": self.scope, "FilterPolicy": self.json()} if self.policy else {}


def filter_policy(
    *subscribers: type[Subscriber[Any]], scope: Scope = "MessageAttributes", use_or: bool = False
) -> FilterPolicy:
    """Compile subscribers into one filter policy for the subscription that feeds their queue.

    The policy never drops a message that one of the subscribers would match; it may let others through.

    Args:
        *subscribers: all the classes that the queue's listener has registered.
        scope: ``"MessageAttributes"`` compares what this library's SNS publishers send as message attributes (domain,
            name, version, subject, publisher), for JSON and BSON alike: messages of other publishers lack them and are
            dropped. ``"MessageBody"`` compares the JSON body, whoever wrote it: a BSON, text or binary body is dropped.
        use_or: keep apart what different subscribers want, with ``$or``, where the limits leave room. AWS reads it; the
            embedded server does not, and delivers nothing. Without it the values of all subscribers are put together
            key by key, and a key that not all of them name is left out.

    Raises:
        ConfigurationError: no subscriber, what is no subscriber class, or another scope.
    """
    if scope not in ("MessageAttributes", "MessageBody"):
        raise ConfigurationError(f'scope must be "MessageAttributes" or "MessageBody", not {scope!r}')
    if not subscribers:
        raise ConfigurationError("filter_policy needs the subscribers that the queue feeds")
    clauses = [clause for subscriber in dict.fromkeys(subscribers) for clause in _clauses(subscriber, scope)]
    residual = [each for clause in clauses for each in clause.residual]
    policy = _with_or(clauses) if use_or else None
    if policy is None:
        keys, lost = _united(clauses)
        policy = _nested(keys)
        residual += lost
    once = {(each.subscriber, each.path, each.reason): each for each in residual}  # a pattern need not be hashable
    return FilterPolicy(scope, policy, tuple(once.values()), _NOTES[scope] if policy else ())


_NOTES: Final[Mapping[Scope, tuple[str, ...]]] = {
    "MessageAttributes": (
        "a message of another publisher, or of publish_raw_message, lacks the attributes and is dropped",
        "what a listener's to_data would make of a text or a blob is not known here",
    ),
    "MessageBody": (
        "a body that is not a JSON object (BSON, text, bytes) is dropped",
        "what a listener's to_data would make of a text or a blob is not known here",
    ),
}


def _json(policy: object) -> str:
    return json.dumps(policy, separators=(",", ":"))


# --- what kind of value stands at a place -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is known of the value on the wire.

    Attributes:
        name: ``text``, ``uuid``, ``date``, ``integer``, ``number``, ``options``, ``list``, ``model``, ``mapping``;
            ``solid`` is a scalar that is never an empty string and has many spellings (a decimal, a date-time);
            ``unknown`` may be anything that JSON can say; of ``other``, a union for instance, nothing is said.
        low: the least number, where the schema gives one, and ``high`` the greatest.
        options: the values of an enumeration.
        of: the annotation of a list's items or of a mapping's values, or the model.
    """

    name: str
    low: Decimal | None = None
    high: Decimal | None = None
    options: tuple[Any, ...] = ()
    of: Any = Any


_UNKNOWN: Final = _Kind("unknown")
_TEXT: Final = _Kind("text")
_INTEGER: Final = _Kind("integer")
_OTHER: Final = _Kind("other")
_NAMED: Final[dict[object, _Kind]] = {
    Any: _UNKNOWN,
    str: _TEXT,
    int: _INTEGER,
    float: _Kind("number"),
    bool: _Kind("options", options=(False, True)),
    UUID: _Kind("uuid"),
    date: _Kind("date"),
    datetime: _Kind("solid"),
    Decimal: _Kind("solid"),
}


def _kind(annotation: object) -> _Kind:
    members: list[object] = []
    constraints: list[object] = []
    _unwrap(annotation, members, constraints)
    present = [member for member in members if member is not NoneType]
    if len(present) != 1:
        return _OTHER
    [member] = present
    origin, arguments = get_origin(member), get_args(member)
    if origin is Literal:
        return _Kind("options", options=tuple(value for value in arguments if value is not None))
    if isinstance(member, type) and not arguments and issubclass(member, Model):
        return _Kind("model", of=member)
    if (origin or member) is list:
        return _Kind("list", of=arguments[0] if arguments else Any)
    if (origin or member) is dict:
        return _Kind("mapping", of=arguments[1] if arguments else Any)
    return _bounded(_NAMED.get(member, _OTHER), constraints)


def _unwrap(annotation: object, members: list[object], constraints: list[object]) -> None:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *metadata = get_args(annotation)
        constraints += [part for each in metadata for part in getattr(each, "metadata", [each])]
        _unwrap(inner, members, constraints)
    elif origin in (Union, UnionType):
        for member in get_args(annotation):
            _unwrap(member, members, constraints)
    elif isinstance(annotation, TypeAliasType):
        _unwrap(annotation.__value__, members, constraints)
    else:
        members.append(NoneType if annotation is None else annotation)


def _bounded(kind: _Kind, constraints: Iterable[object]) -> _Kind:
    """The bounds that ``Field(ge=1)`` gives; an exclusive one counts as inclusive, which is wider."""
    if kind.name not in ("integer", "number"):
        return kind
    lows = [getattr(each, name) for each in constraints for name in ("ge", "gt") if hasattr(each, name)]
    highs = [getattr(each, name) for each in constraints for name in ("le", "lt") if hasattr(each, name)]
    low = max((_decimal(bound) for bound in lows if bound is not None), default=None)
    high = min((_decimal(bound) for bound in highs if bound is not None), default=None)
    return replace(kind, low=low, high=high)


class _Place(NamedTuple):
    """A place in the message, and what is known of it.

    Attributes:
        path: keys from the top.
        kind: of the value.
        absent: rules that say that the value is absent: none where it never is, ``None`` where it cannot be said.
        default: what an absent value counts as.
        elsewhere: whether the value may also stand at another place, so that a message without this key must pass.
        conversions: the untyped reading.
    """

    path: Path
    kind: _Kind = _UNKNOWN
    absent: Rules | None = None
    default: object = None
    elsewhere: bool = False
    conversions: bool = False


# --- what a pattern says about one value, as rules --------------------------------------------------------------------


class _Said(NamedTuple):
    """Rules that admit at least what the pattern admits; ``whole`` when they admit no more."""

    rules: Rules
    whole: bool = True


_Answer: TypeAlias = _Said | str
"""Rules, or why there are none; an empty reason where nothing is asked for."""

_PREDICATE: Final = "a function runs in Python only"
_MANY_SPELLINGS: Final = "the value has more than one spelling on the wire"
_NO_OPERATOR: Final = "SNS has no such operator"
_OUT_OF_RANGE: Final = "SNS compares numbers from -1e9 to 1e9 only, and the schema does not keep the value in there"
_ELSEWHERE: Final = "the value may stand beside the attributes as well"
_FIVE_DIGITS: Final = "SNS compares five digits after the decimal point"
_ABSENCE: Final = "null and missing cannot be told from other values here"


def _at(place: _Place, pattern: object) -> _Answer:
    """What the pattern says about the value at this place, absence included."""
    rules: list[Rule] = [_ABSENT] if place.elsewhere else []
    if matches(pattern, None):
        if place.absent is None:
            return _ABSENCE
        rules += place.absent
    if place.default is not None and _admits(pattern, place.default, place.conversions):
        rules += place.absent or (_ABSENT,)
    said = _present(pattern, place.kind, place.conversions)
    if isinstance(said, str):
        return said
    found = _once([*rules, *said.rules])
    if _PRESENT in found and place.absent == () and place.kind.name != "text":  # a text may be empty
        return ""
    if _PRESENT in found and _ABSENT in found:
        return _ELSEWHERE if place.elsewhere else ""
    return _Said(found, said.whole) if found else "it matches no value"


def _present(pattern: object, kind: _Kind, conversions: bool) -> _Answer:
    """What it says about a value that is present."""
    if pattern is None:
        return _Said(())
    if is_predicate(pattern):
        return _PREDICATE
    if kind.name == "options":
        return _options(pattern, kind)
    if kind.name in ("integer", "number"):
        return _numbers(pattern, kind)
    if isinstance(pattern, Pattern):
        return _operator(pattern, kind, conversions)
    if isinstance(pattern, Mapping):
        return "an object is compared by its fields only"
    if isinstance(pattern, list | tuple | set | frozenset):
        listed = kind.name in ("list", "unknown")
        return _same_items(cast("Collection[object]", pattern), kind, conversions) if listed else "it matches no value"
    rule = _spelt(pattern, kind, conversions)
    return _MANY_SPELLINGS if rule is _UNSPELT else _Said((cast("Rule", rule),))


_UNSPELT: Final = object()


def _spelt(value: object, kind: _Kind, conversions: bool) -> object:
    """The rule for values that are equal to an operand, or ``_UNSPELT``."""
    if isinstance(value, str) and kind.name in ("text", "unknown"):
        text = str.__str__(value)
        return text if _is_unicode(text) else _UNSPELT
    if isinstance(value, UUID) and kind.name == "uuid":
        return {"equals-ignore-case": str(value)}  # a schema's uuid has one form, in either case
    if type(value) is date and kind.name == "date":
        return value.isoformat()
    if isinstance(value, bool) and kind.name == "unknown":
        return value
    if isinstance(value, int) and kind.name == "unknown" and not conversions and abs(value) < _LARGEST:
        return {"numeric": ["=", value]}
    return _UNSPELT


def _operator(pattern: Pattern[Any], kind: _Kind, conversions: bool) -> _Answer:
    operands = cast("tuple[Any, ...]", pattern.operands)
    textual = kind.name in ("text", "unknown")
    match pattern.operator:
        case "eq" | "in" | "or":
            return _either([_present(operand, kind, conversions) for operand in operands])
        case "and":
            return _both(pattern, kind, conversions)
        case "not":
            return _negated(operands[0], kind, conversions)
        case "any":
            return ""
        case "exists":
            return _being_there(kind) if operands[0] else _Said(())
        case "empty":
            return _Said(("",)) if kind.name == "text" else _Said(()) if kind.name in _SOLID else _NO_OPERATOR
        case "prefix" | "suffix" if textual and operands[0] and _is_unicode(operands[0]):
            return _Said(({pattern.operator: str.__str__(operands[0])},))
        case "match" if textual:
            literal = bounded(operands[0]).start if isinstance(operands[0], re.Pattern) else ""
            if not _is_unicode(literal):
                return _MANY_SPELLINGS
            return _Said(({"prefix": literal},), whole=False) if literal else "SNS has no regular expressions"
        case "ignore_case" if textual:
            return _ignoring_case(operands[0])
        case "gt" | "gte" | "lt" | "lte" | "between":
            return _MANY_SPELLINGS if kind.name in ("solid", "unknown") else _NO_OPERATOR
        case "any_item" if kind.name in ("list", "unknown"):
            return _item(operands[0], kind, conversions)
        case "contains" if kind.name == "list":
            return _item(operands[0], kind, conversions)
        case _:
            return _NO_OPERATOR


_SOLID: Final = frozenset({"date", "integer", "number", "solid", "uuid"})
"""Kinds whose values are never an empty string, list or object."""


def _being_there(kind: _Kind) -> _Answer:
    # "Key matching": exists works on leaves, and the value must be neither null nor empty
    return _Said((_PRESENT,)) if kind.name in _SOLID else "for SNS an empty value does not exist, nor does an object"


def _either(answers: Sequence[_Answer]) -> _Answer:
    """Any one of them: sayable when all are. Values of one key are alternatives ("AND/OR logic")."""
    said: list[_Said] = []
    for answer in answers:
        if isinstance(answer, str):
            return answer
        said.append(answer)
    return _Said(_once(rule for each in said for rule in each.rules), all(each.whole for each in said))


def _both(pattern: Pattern[Any], kind: _Kind, conversions: bool) -> _Answer:
    """All of them. The values of one key know no AND, so the most selective conjunct stands for all."""
    answers = [_present(operand, kind, conversions) for operand in pattern.operands]
    said = [answer for answer in answers if isinstance(answer, _Said)]
    if not said:
        return next((answer for answer in answers if answer), "")
    best = min(said, key=lambda each: (_weight(each.rules), len(each.rules)))
    if kind.name == "text" and all(isinstance(rule, str) for rule in best.rules):
        kept = tuple(rule for rule in best.rules if _admits(pattern, rule, conversions))
        return _Said(kept, not has_predicate(pattern))
    excluded = [values for each in said if (values := _excluded(each.rules))]
    if len(excluded) > 1 and _excluded(best.rules):
        together = {"anything-but": list(dict.fromkeys(value for values in excluded for value in values))}
        return _Said((together,), len(excluded) == len(answers) and all(each.whole for each in said))
    return _Said(best.rules, best.whole and all(a is best or a == "" for a in answers))


def _excluded(rules: Rules) -> list[str]:
    """The values that the only rule lists as those that do not match."""
    [rule] = rules if len(rules) == 1 else [None]
    values = rule.get("anything-but") if isinstance(rule, dict) else None
    return cast("list[str]", values) if isinstance(values, list) else []


def _negated(pattern: object, kind: _Kind, conversions: bool) -> _Answer:
    """What a present value is that does not match. Only of a scalar: what AWS negates in lists is not documented."""
    if pattern is None:
        return _being_there(kind)
    if is_predicate(pattern):
        return _PREDICATE
    operator = pattern.operator if isinstance(pattern, Pattern) else ""
    operands: tuple[Any, ...] = pattern.operands if isinstance(pattern, Pattern) else ()
    if operator == "not":
        return _present(operands[0], kind, conversions)
    if operator == "exists" or operator == "any":
        return _being_there(kind) if operands == (False,) else "it matches no value"
    if operator == "empty" and (kind.name == "text" or kind.name in _SOLID):
        return _Said((_PRESENT,))
    if operator in ("eq", "in", "or"):
        return _both(Pattern("and", *map(not_, operands)), kind, conversions)
    if operator == "and":
        return _either([_negated(operand, kind, conversions) for operand in operands])
    if kind.name == "text" and operator == "prefix" and operands[0] and _is_unicode(operands[0]):
        return _Said(({"anything-but": {"prefix": str.__str__(operands[0])}},))
    if kind.name == "text" and isinstance(pattern, str) and pattern and _is_unicode(pattern):
        return _Said(({"anything-but": [str.__str__(pattern)]},))
    if kind.name == "uuid" and isinstance(pattern, UUID):
        return _Said(({"anything-but": [str(pattern)]},), whole=False)  # upper case passes
    if kind.name == "date" and type(pattern) is date:
        return _Said(({"anything-but": [pattern.isoformat()]},))
    return "SNS does not negate this"


def _item(pattern: object, kind: _Kind, conversions: bool) -> _Answer:
    """A list of which one item matches: SNS compares a list item by item, and one is enough."""
    if matches(pattern, None):
        return _ABSENCE
    said = _present(pattern, _kind(kind.of) if kind.name == "list" else _UNKNOWN, conversions)
    if isinstance(said, _Said) and any(
        isinstance(r, dict) and r.keys() & {"anything-but", "exists"} for r in said.rules
    ):
        return "what SNS negates in a list is not documented"
    return said or "it asks for a list that is not empty"


def _same_items(pattern: Iterable[object], kind: _Kind, conversions: bool) -> _Answer:
    """A list with the same items: it has the first of them that can be said."""
    answers = [_item(item, kind, conversions) for item in pattern]
    said = [answer for answer in answers if isinstance(answer, _Said)]
    return _Said(said[0].rules, whole=False) if said else next(iter(answers), "SNS cannot say that a list is empty")


def _options(pattern: object, kind: _Kind) -> _Answer:
    """An enumeration: the values that match, whatever the pattern is."""
    values = [value for value in kind.options if _admits(pattern, value, conversions=False)]
    if len(values) == len(kind.options):
        return _PREDICATE if has_predicate(pattern) else _being_there(_Kind("text" if "" in values else "solid"))
    rules = tuple(value if isinstance(value, str | bool) else {"numeric": ["=", value]} for value in values)
    if not all(isinstance(v, str | bool) or (isinstance(v, int) and abs(v) < _LARGEST) for v in values):
        return _OUT_OF_RANGE
    return _Said(rules, not has_predicate(pattern))


# An order, equality and their negation on numbers are ranges, both ends included. A float is compared with five digits
# only, so an end is moved outwards and an excluded end counts as included; an integer's are exact.

_Range: TypeAlias = tuple[Decimal | None, Decimal | None]
_ALL_NUMBERS: Final[list[_Range]] = [(None, None)]


def _numbers(pattern: object, kind: _Kind) -> _Answer:
    integers = kind.name == "integer"
    ranges = _ranges(pattern, integers, negated=False)
    if ranges is None:
        return _PREDICATE if has_predicate(pattern) else _NO_OPERATOR
    ranges = _clipped(ranges, [(kind.low, kind.high)])
    every = (kind.low, kind.high)
    exact = every in ranges
    ranges = _merged(ranges, integers)
    if every in ranges:
        return _PREDICATE if has_predicate(pattern) else _being_there(kind) if integers or exact else _FIVE_DIGITS
    whole = integers and not has_predicate(pattern)
    rules = [_range_rule(low, high) for low, high in ranges]
    if None not in rules:
        return _Said(_once(rules), whole)
    excluded = _left_out(ranges, kind) if integers else None
    return _Said(({"anything-but": excluded},), whole) if excluded else _OUT_OF_RANGE


def _ranges(pattern: object, integers: bool, negated: bool) -> list[_Range] | None:
    """Ranges that hold all numbers that match, or that do not when ``negated``; ``None`` where it is not known."""
    if pattern is None:
        return list(_ALL_NUMBERS) if negated else []
    if isinstance(pattern, int | float | Decimal):
        return _compared("eq", pattern, integers, negated)
    if not isinstance(pattern, Pattern):
        return None
    operands = pattern.operands
    match pattern.operator:
        case "gt" | "gte" | "lt" | "lte":
            return _compared(pattern.operator, operands[0], integers, negated)
        case "between":
            bounds = Pattern[Any]("and", Pattern("gte", operands[0]), Pattern("lte", operands[1]))
            return _ranges(bounds, integers, negated)
        case "not":
            return _ranges(operands[0], integers, not negated)
        case "any" | "exists" | "empty":
            every = pattern.operator == "any" or operands == (True,)
            return list(_ALL_NUMBERS) if every is not negated else []
        case "eq" | "in" | "or" | "and":
            parts = [_ranges(operand, integers, negated) for operand in operands]
            if (pattern.operator == "and") is negated:
                return None if None in parts else [each for part in parts for each in part or ()]
            known = [part for part in parts if part is not None]
            ranges = list(_ALL_NUMBERS)
            for part in known:
                ranges = _clipped(ranges, part)
            return ranges if known else None
        case _:
            return None


_OPPOSITE: Final = {"gt": "lte", "gte": "lt", "lt": "gte", "lte": "gt"}


def _compared(operator: str, operand: object, integers: bool, negated: bool) -> list[_Range] | None:
    if isinstance(operand, bool) or not isinstance(operand, int | float | Decimal) or is_nan(operand):
        return None
    bound = _decimal(operand)
    if not bound.is_finite():
        return None
    if operator == "eq":
        if not negated:
            return [] if integers and bound % 1 else [(bound, bound)]
        below, above = (
            _compared("lt", operand, integers, negated=False),
            _compared("gt", operand, integers, negated=False),
        )
        return [*(below or ()), *(above or ())]
    if negated:
        operator = _OPPOSITE[operator]
    if integers:
        down, up = Decimal(math.floor(bound)), Decimal(math.ceil(bound))
        bound = {"gt": down + 1, "gte": up, "lt": up - 1, "lte": down}[operator]
    return [(bound, None)] if operator in ("gt", "gte") else [(None, bound)]


def _decimal(number: float | Decimal) -> Decimal:
    return number if isinstance(number, Decimal) else Decimal(repr(number) if isinstance(number, float) else number)


def _clipped(ranges: list[_Range], others: list[_Range]) -> list[_Range]:
    """What is in a range of either list."""
    found: list[_Range] = []
    for low, high in ranges:
        for other_low, other_high in others:
            lows = [bound for bound in (low, other_low) if bound is not None]
            highs = [bound for bound in (high, other_high) if bound is not None]
            both = max(lows, default=None), min(highs, default=None)
            if both[0] is None or both[1] is None or both[0] <= both[1]:
                found.append(both)
    return found


def _merged(ranges: list[_Range], integers: bool) -> list[_Range]:
    """Ranges in order, those that touch as one."""
    found: list[_Range] = []
    for low, high in sorted(ranges, key=lambda each: (each[0] is not None, each[0] or 0)):
        last = found[-1] if found else None
        if last is None or (last[1] is not None and low is not None and low > last[1] + integers):
            found.append((low, high))
        elif last[1] is not None and (high is None or high > last[1]):
            found[-1] = (last[0], high)
    return found


def _range_rule(low: Decimal | None, high: Decimal | None) -> Rule:
    """The rule for a range, or ``None`` when SNS cannot compare all numbers in it."""
    if low is None or high is None or low <= -_LARGEST or high >= _LARGEST:
        return None
    low, high = low.quantize(_DIGITS, "ROUND_FLOOR"), high.quantize(_DIGITS, "ROUND_CEILING")
    if low == high:
        return {"numeric": ["=", _plain(low)]}
    return {"numeric": [">=", _plain(low), "<=", _plain(high)]}


def _left_out(ranges: list[_Range], kind: _Kind) -> list[int] | None:
    """The few integers that no range holds; a number that SNS cannot compare differs from them."""
    found: list[int] = []
    gaps: list[_Range] = [(kind.low, kind.high)]
    for low, high in ranges:
        outside: list[_Range] = [(None, low - 1)] if low is not None else []
        outside += [(high + 1, None)] if high is not None else []
        gaps = _clipped(gaps, outside)
    for low, high in gaps:
        if low is None or high is None or high - low >= _MAX_EXCLUDED or max(abs(low), abs(high)) >= _LARGEST:
            return None
        found += range(int(low), int(high) + 1)
    return found if 0 < len(found) <= _MAX_EXCLUDED else None


def _plain(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _ignoring_case(text: str) -> _Answer:
    """``equals-ignore-case`` where folding can only lead to ASCII: ``K`` is also the Kelvin sign, ``s`` the long s."""
    lower = text.lower()
    if not text.isascii() or "k" in lower or "s" in lower or re.search("f[fil]", lower):
        return "case folding knows more spellings than SNS"
    return _Said(({"equals-ignore-case": lower},) if lower else ("",))


def _admits(pattern: object, value: object, conversions: bool) -> bool:
    """Whether a value can match, were every predicate to agree; none is called."""
    if not has_predicate(pattern):
        return matches(pattern, value, conversions=conversions)
    if isinstance(pattern, Pattern) and pattern.operator == "and":
        return all(_admits(operand, value, conversions) for operand in pattern.operands)
    return True


def _once(rules: Iterable[Rule]) -> Rules:
    """Without repetitions, absence first."""
    found = {_json(rule): rule for rule in rules}
    return tuple(sorted(found.values(), key=lambda rule: rule != _ABSENT))


def _weight(rules: Rules) -> int:
    """How little rules select, absence aside: 0 for exact values."""
    return max((_WEIGHTS.get(_keyword(rule), 0) for rule in rules if rule != _ABSENT), default=0)


def _keyword(rule: Rule) -> str:
    if not isinstance(rule, dict):
        return ""
    [(keyword, operand)] = rule.items()
    return "range" if keyword == "numeric" and len(operand) > 2 else str(keyword)


_WEIGHTS: Final = {"range": 2, "prefix": 2, "suffix": 2, "anything-but": 4, "exists": 5}


# --- where the patterns of a subscriber stand -------------------------------------------------------------------------


class _Key(NamedTuple):
    rules: Rules
    pattern: object


@dataclass(frozen=True, slots=True)
class _Clause:
    """What one subscriber asks of a message: all keys must match. No key lets everything through."""

    subscriber: type[Subscriber[Any]]
    keys: dict[Path, _Key] = field(default_factory=dict[Path, _Key])
    residual: list[Residual] = field(default_factory=list[Residual])

    def ask(self, path: Path, pattern: object, answer: _Answer) -> None:
        """Add a key, or what is lost of it."""
        if isinstance(answer, _Said):
            if _is_clear(path, self.keys):
                self.keys[path] = _Key(answer.rules, pattern)
                answer = "" if answer.whole else "the policy says a part of it"
            else:
                answer = "the key is ambiguous in a policy"
        if answer:
            self.residual.append(Residual(self.subscriber, _shown(path), pattern, answer))


_KEYWORDS: Final = frozenset(
    {"anything-but", "prefix", "suffix", "equals-ignore-case", "numeric", "exists", "cidr", "wildcard", "$or"}
)


def _is_clear(path: Path, keys: Collection[Path]) -> bool:
    """Whether AWS reads the path as we do: no keyword, no dot (AWS joins keys with it), nothing in the way."""
    plain = all(re.fullmatch(r'[^."\\\x00-\x1f\[\]$\ud800-\udfff]+', key) and key not in _KEYWORDS for key in path)
    return plain and not any(path[: len(other)] == other or other[: len(path)] == path for other in keys)


_NULL: Final[Rules] = (_ABSENT, None)
_IN_BODY: Final[Mapping[str, _Place]] = {
    "name": _Place(("event", "name"), _TEXT, absent=(), conversions=True),
    "domain": _Place(("event", "domain"), _TEXT, absent=_NULL, conversions=True),
    "version": _Place(("event", "version"), _INTEGER, absent=_NULL, default=1, conversions=True),
    "event_timestamp": _Place(("event", "timestamp"), _Kind("solid"), absent=()),
    "event_subject": _Place(("event", "subject"), _TEXT, absent=_NULL, conversions=True),
    "event_publisher": _Place(("event", "publisher"), _TEXT, absent=_NULL, conversions=True),
    "object_type": _Place(("object", "type"), _TEXT, conversions=True),
    "object_version": _Place(("object", "version"), _INTEGER, absent=_NULL, default=1, conversions=True),
    "object_id": _Place(("object", "id"), _TEXT, conversions=True),
    "event_attributes": _Place(("event", "attributes"), elsewhere=True, conversions=True),
    "object_current": _Place(("object", "current"), conversions=True),
    "object_previous": _Place(("object", "previous"), conversions=True),
}
"""Parts of an event in the body, as ``Wanted`` names them. A null counts as absent in what the protocol lists."""

_AS_ATTRIBUTE: Final[Mapping[str, _Place]] = {
    "name": _Place((NAME_ATTRIBUTE,), _TEXT, absent=(), conversions=True),
    "domain": _Place((DOMAIN_ATTRIBUTE,), _TEXT, absent=(_ABSENT,), conversions=True),
    "version": _Place((VERSION_ATTRIBUTE,), _INTEGER, absent=(), conversions=True),
    "event_subject": _Place((SUBJECT_ATTRIBUTE,), _TEXT, absent=(_ABSENT,), conversions=True),
    "event_publisher": _Place((PUBLISHER_ATTRIBUTE,), _TEXT, absent=(_ABSENT,), conversions=True),
}


_SHOWN: Final[Mapping[Path, str]] = {
    (CONTENT_TYPE_ATTRIBUTE,): "pattern",
    **{place.path: ".".join(_IN_BODY[name].path) for name, place in _AS_ATTRIBUTE.items()},
}


def _shown(path: Path) -> str:
    """Where a key stands in the payload."""
    return _SHOWN.get(path, ".".join(path))


def _clauses(subscriber: type[Subscriber[Any]], scope: Scope) -> list[_Clause]:
    if not (isinstance(subscriber, type) and issubclass(subscriber, Subscriber)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ConfigurationError(
            f"expected a subclass of MessageSubscriber, DataSubscriber or EventSubscriber, got {subscriber!r}"
        )
    if issubclass(subscriber, EventSubscriber):
        classes = subscriber.__wanted__.event_classes or (None,)
        return [_of_event(subscriber, event_class, scope) for event_class in classes]
    clause = _Clause(subscriber)
    pattern = subscriber.__wanted__.whole
    if scope == "MessageBody":
        if isinstance(pattern, Mapping):
            _walk(_Place((), conversions=True), pattern, clause)
        elif pattern != Pattern[Any]("any"):
            clause.ask(("pattern",), pattern, "only a mapping is compared with the body key by key")
        return [clause]
    kinds = _content_types(subscriber, pattern)
    if kinds:
        clause.keys[(CONTENT_TYPE_ATTRIBUTE,)] = _Key(kinds, pattern)
    if issubclass(subscriber, DataSubscriber):
        clause.keys[(NAME_ATTRIBUTE,)] = _Key((_ABSENT,), pattern)
    if pattern != Pattern[Any]("any"):
        clause.ask(("pattern",), pattern, "it does not travel as a message attribute")
    return [clause]


def _content_types(subscriber: type[Subscriber[Any]], pattern: object) -> Rules:
    """What a body must be: a document for a mapping, a text for an operator on texts."""
    if issubclass(subscriber, DataSubscriber) or isinstance(pattern, Mapping):
        return (str(ContentType.JSON), str(ContentType.BSON))
    textual = isinstance(pattern, Pattern) and pattern.operator in ("match", "prefix", "suffix", "ignore_case")
    return (str(ContentType.TEXT),) if textual else ()


def _of_event(subscriber: type[Subscriber[Any]], event_class: type[Event] | None, scope: Scope) -> _Clause:
    clause = _Clause(subscriber)
    wanted = subscriber.__wanted__
    places = _IN_BODY if scope == "MessageBody" else _AS_ATTRIBUTE
    identity = wanted.identity if event_class is None else event_class.__event_type__._asdict()
    for name, pattern in {**(identity or {}), **(wanted.parts or {})}.items():
        place = places.get(name)
        if event_class is not None and pattern is not None and _is_fixed(event_class, name):
            continue
        if place is None:
            clause.ask(_IN_BODY[name].path, pattern, "it does not travel as a message attribute")
        elif scope == "MessageAttributes":
            clause.ask(place.path, pattern, _carried(_at(place, pattern), pattern, name))
        elif name.startswith("object_") and matches(pattern, None):
            clause.ask(place.path, pattern, _ABSENCE)  # there may be no object at all
        else:
            _walk(place if event_class is None else _typed(place, name, event_class), pattern, clause)
    if places["name"].path not in clause.keys:  # it is an event, whatever else
        path, rule = (("protocol",), "mega") if scope == "MessageBody" else ((NAME_ATTRIBUTE,), _PRESENT)
        clause.keys[path] = _Key((rule,), None)
    return clause


def _is_fixed(event_class: type[Event], name: str) -> bool:
    """What the schema fixes was compared with the pattern when the class was defined."""
    fixed = {"object_type": event_class.__object_type__, "object_version": event_class.__object_version__}
    return fixed.get(name) is not None


def _carried(answer: _Answer, pattern: object, name: str) -> _Answer:
    """The same for a text that travels as a message attribute, or does not: an empty one, a very long one (README)."""
    if isinstance(answer, str) or name == "version":
        return answer
    texts = [text for rule in answer.rules for text in _texts(rule)]
    if any('"' in text or "\\" in text for text in texts):
        return "quotation marks and backslashes are escaped twice in attributes"  # "Filter policy constraints"
    always = name in ("name", "domain")
    rules: list[Rule] = []
    for rule in answer.rules:
        exact = isinstance(rule, str) and (bool(rule) if always else travels_as_attribute(rule))
        if isinstance(rule, str) and not exact:
            rules.append(_ABSENT)
            continue
        rules.append(rule)
        if not isinstance(rule, str) and rule != _ABSENT and (not always or _admits(pattern, "", conversions=True)):
            rules.append(_ABSENT)
    if _ABSENT in rules and _PRESENT in rules:
        return "a text that is very long, or has control characters, does not travel as a message attribute"
    return _Said(_once(rules), answer.whole)


def _texts(rule: object) -> list[str]:
    """The texts in a rule."""
    if isinstance(rule, str):
        return [rule]
    if isinstance(rule, dict):
        return [text for value in rule.values() for text in _texts(value)]
    return [text for each in rule for text in _texts(each)] if isinstance(rule, list) else []


def _typed(place: _Place, name: str, event_class: type[Event]) -> _Place:
    """The place with what the event's types say."""
    if name == "event_attributes":
        return place._replace(kind=_Kind("model", of=event_class), conversions=False)
    if name in ("object_current", "object_previous"):
        state = _kind(event_class.model_fields["object"].rebuild_annotation())
        part = state.of.model_fields[name.removeprefix("object_")] if state.name == "model" else None
        return place._replace(kind=_kind(part.rebuild_annotation()) if part else _OTHER, conversions=False)
    return place._replace(conversions=False)


def _walk(place: _Place, pattern: object, clause: _Clause) -> None:
    """Ask for what a pattern says at a place, field by field where it is a mapping."""
    if (
        isinstance(pattern, Pattern)
        and pattern.operator in ("and", "eq")
        and any(isinstance(o, Mapping) for o in pattern.operands)
    ):
        for operand in pattern.operands:
            _walk(place, operand, clause)
    elif isinstance(pattern, Mapping):
        fields = cast("Mapping[str, object]", pattern)
        for key, expected in fields.items():
            child = _child(place, key)
            if child is None:
                clause.ask((*place.path, key), expected, "the type of the object is not known")
            else:
                _walk(child, expected, clause)
        if not fields:
            clause.ask(place.path, pattern, "SNS cannot ask for an object")
    else:
        answer = _at(place, pattern)
        empty = isinstance(answer, _Said) and "" in answer.rules
        clause.ask(place.path, pattern, "for SNS an empty value does not exist" if empty else answer)


def _child(place: _Place, key: str) -> _Place | None:
    """The place of a field. That the object is there needs no rule: a mapping never matches without one."""
    kind, path = place.kind, (*place.path, key)
    if kind.name == "model":
        return _model_field(kind.of, key, place)
    if kind.name == "mapping":
        return place._replace(path=path, kind=_kind(kind.of), absent=None, default=None)
    return place._replace(path=path) if kind == _UNKNOWN and place.conversions else None


def _model_field(model: type[Model], name: str, place: _Place) -> _Place:
    of = model.model_fields[name]
    members: list[object] = []
    _unwrap(of.rebuild_annotation(), members, [])
    optional = NoneType in members
    wire = model.__wire_names__.get(name, name)
    absent: Rules | None = ()
    if Any in members or (optional and (of.is_required() or name in model.__nullable__)):
        absent = None  # it may be null
    elif optional:
        absent = (_ABSENT,)
    elsewhere = place.elsewhere
    if issubclass(model, Event):
        elsewhere = model.__spread__ and wire not in EVENT_KEYS
    default = None if of.is_required() else of.get_default(call_default_factory=True)
    return _Place((*place.path, wire), _kind(of.rebuild_annotation()), absent, default, elsewhere)


# --- several subscribers, and what AWS takes --------------------------------------------------------------------------


def _nested(keys: Mapping[Path, _Key]) -> dict[str, Any]:
    policy: dict[str, Any] = {}
    for path, key in keys.items():
        at = policy
        for part in path[:-1]:
            at = at.setdefault(part, {})
        at[path[-1]] = list(key.rules)
    return policy


def _united(clauses: Sequence[_Clause]) -> tuple[dict[Path, _Key], list[Residual]]:
    """One set of keys for all: the values of all subscribers together, for the keys that all of them name."""
    lost: list[Residual] = []
    shared = [path for path in clauses[0].keys if all(path in clause.keys for clause in clauses)]
    for clause in clauses:
        for path, key in clause.keys.items():
            if path not in shared and key.pattern is not None:
                lost.append(_lost(clause, path, key, "another subscriber does not ask for this key"))
    keys = {path: _Key(_once(r for c in clauses for r in c.keys[path].rules), None) for path in shared}
    keys = {path: key for path, key in keys.items() if not (_ABSENT in key.rules and _PRESENT in key.rules)}
    while keys and (over := _excess(_nested(keys))):
        alone = [path for path, key in keys.items() if _excess(_nested({path: key}))]
        dropped = max(alone or keys, key=lambda path: _selects_little(path, keys[path].rules))
        del keys[dropped]
        lost += [_lost(c, dropped, c.keys[dropped], over) for c in clauses]
    return keys, lost


def _lost(clause: _Clause, path: Path, key: _Key, reason: str) -> Residual:
    return Residual(clause.subscriber, _shown(path), key.pattern, reason)


def _selects_little(path: Path, rules: Rules) -> tuple[int, int]:
    """What is given up first: the version, the domain, then what is least exact; the name last."""
    return _RANKS.get(path, 1 + _weight(rules)), len(rules)


_RANKS: Final[Mapping[Path, int]] = {
    ("event", "name"): 0,
    (NAME_ATTRIBUTE,): 0,
    ("event", "domain"): 7,
    (DOMAIN_ATTRIBUTE,): 7,
    ("event", "version"): 8,
    (VERSION_ATTRIBUTE,): 8,
}


def _excess(policy: Mapping[str, Any]) -> str:
    """Which of AWS's limits a policy exceeds."""
    keys, combinations = _counted(policy)
    if keys > _MAX_KEYS:
        return f"a policy has at most {_MAX_KEYS} keys"
    if combinations > _MAX_COMBINATIONS:
        return f"a policy has at most {_MAX_COMBINATIONS} combinations"
    return "a policy has at most 256 KB" if len(_json(policy).encode()) > _MAX_BYTES else ""


def _counted(policy: Mapping[str, Any], depth: int = 1) -> tuple[int, int]:
    """Keys and combinations: the number of values of each key times its depth, multiplied."""
    keys, combinations = 0, 1
    for name, rules in policy.items():
        if isinstance(rules, dict):
            inner = [_counted(cast("Mapping[str, Any]", rules), depth + 1)]
        elif name == "$or":
            inner = [(0, len(rules) * depth), *(_counted(branch, depth + 1) for branch in rules)]
        else:
            inner = [(1, sum(map(_values, rules)) * depth)]
        keys += sum(each[0] for each in inner)
        combinations *= math.prod(each[1] for each in inner)
    return keys, combinations


def _values(rule: Rule) -> int:
    excluded = rule.get("anything-but") if isinstance(rule, dict) else None
    return len(excluded) if isinstance(excluded, list) else 1


def _with_or(clauses: Sequence[_Clause]) -> dict[str, Any] | None:
    """``{"shared": ..., "$or": [...]}``, exact for each subscriber, where AWS takes it and something is won by it."""
    shared = {
        path: key
        for path, key in clauses[0].keys.items()
        if all(path in clause.keys and clause.keys[path].rules == key.rules for clause in clauses)
    }
    rests = [{path: key for path, key in clause.keys.items() if path not in shared} for clause in clauses]
    branches: list[dict[str, Any]] = []
    for rest in map(_nested, rests):
        if rest not in branches:
            branches.append(rest)
        if len(branches) > _MAX_KEYS:
            return None
    if len(branches) < 2 or not all(branches):
        return None
    policy = {**_nested(shared), "$or": branches}
    return None if _excess(policy) else policy
