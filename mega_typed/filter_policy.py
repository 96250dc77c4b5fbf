"""Push-down: subscribers as one Amazon SNS subscription filter policy (PATTERNS.md section 9).

A policy is a **widening**: it accepts every message that a subscriber matches, and as few others as it can say. Where
there are no rules for a pattern (``policy_rules``), the key is left out, which is always safe, and the pattern is
reported as residual. Dispatch evaluates all patterns as before: a policy saves deliveries and decides nothing.

Five steps, one record between each: a subscriber's patterns are *walked* to places in the message (``Place``), the
pattern at a place is *said* as rules (``Said``), the rules of one subscriber stand together as a ``_Clause``, several
clauses are *united*, and what AWS would refuse is *narrowed down* key by key, the least selective first.

What AWS does is taken from the pages of its Developer Guide "Amazon SNS subscription filter policies", "Filter policy
constraints" and "AND/OR logic".

This file reads ``Wanted`` records, patterns and the types of events. It knows no client and evaluates no predicate.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias, cast

from mega_typed.annotations import members
from mega_typed.codecs import CONTENT_TYPE_ATTRIBUTE, GZIP_SUFFIX, ContentType
from mega_typed.errors import ConfigurationError
from mega_typed.event import Event, Model
from mega_typed.match import Pattern, matches
from mega_typed.messages import (
    DOMAIN_ATTRIBUTE,
    NAME_ATTRIBUTE,
    PUBLISHER_ATTRIBUTE,
    SUBJECT_ATTRIBUTE,
    VERSION_ATTRIBUTE,
    travels_as_attribute,
)
from mega_typed.policy_rules import (
    ABSENCE,
    ABSENT,
    INTEGER,
    NO_OBJECT,
    OTHER,
    PRESENT,
    TEXT,
    UNKNOWN,
    Answer,
    Kind,
    Path,
    Place,
    Rule,
    Rules,
    Said,
    admits,
    kind_of,
    once,
    rules_at,
    weight,
)
from mega_typed.schema_check import EVENT_KEYS
from mega_typed.subscribers import DataSubscriber, EventSubscriber, Subscriber

__all__ = ["FilterPolicy", "Residual", "filter_policy"]

Scope: TypeAlias = Literal["MessageAttributes", "MessageBody"]
# "Filter policy constraints". Keys are counted at the leaves, the stricter of the two ways in which AWS explains it.
_MAX_KEYS: Final = 5
_MAX_COMBINATIONS: Final = 150
_MAX_BYTES: Final = 262_144


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
        "a body that is not a JSON object (BSON, text, bytes), is compressed or lies in S3 is dropped",
        "what a listener's to_data would make of a text or a blob is not known here",
    ),
}


def _json(policy: object) -> str:
    return json.dumps(policy, separators=(",", ":"))


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

    def ask(self, path: Path, pattern: object, answer: Answer) -> None:
        """Add a key, or what is lost of it."""
        if isinstance(answer, Said):
            if _is_clear(path, self.keys):
                self.keys[path] = _Key(answer.rules, pattern)
                answer = "" if answer.whole else "the policy says a part of it"
            else:
                answer = "the key is ambiguous in a policy"
        if answer:
            self.residual.append(Residual(self.subscriber, _shown(path), pattern, answer))


_KEYWORDS: Final = frozenset(
    {"anything-but", "prefix", "suffix", "equals-ignore-case", "numeric", "exists", "cidr", "wildcard", "$or"}
    | {"exactly", "regex", "not-wildcard", "not-equals-ignore-case", "ip-address-in-range", "ip-address-not-in-range"}
    | {"date-after", "date-on-or-after", "date-before", "date-on-or-before", "in-date-range", "=", "<", "<=", ">", ">="}
)
"""What AWS's matcher (github.com/aws/event-ruler) reserves: with such a key in a branch, ``$or`` is a key like any."""


def _is_clear(path: Path, keys: Collection[Path]) -> bool:
    """Whether AWS reads the path as we do: no keyword, no dot (AWS joins keys with it), nothing in the way."""
    plain = all(re.fullmatch(r'[^."\\\x00-\x1f\[\]$\ud800-\udfff]+', key) and key not in _KEYWORDS for key in path)
    return plain and not any(path[: len(other)] == other or other[: len(path)] == path for other in keys)


_NULL: Final[Rules] = (ABSENT, None)
_IN_BODY: Final[Mapping[str, Place]] = {
    "name": Place(("event", "name"), TEXT, absent=(), conversions=True),
    "domain": Place(("event", "domain"), TEXT, absent=_NULL, conversions=True),
    "version": Place(("event", "version"), INTEGER, absent=_NULL, default=1, conversions=True),
    "event_timestamp": Place(("event", "timestamp"), Kind("solid"), absent=()),
    "event_subject": Place(("event", "subject"), TEXT, absent=_NULL, conversions=True),
    "event_publisher": Place(("event", "publisher"), TEXT, absent=_NULL, conversions=True),
    "object_type": Place(("object", "type"), TEXT, there=False, conversions=True),
    "object_version": Place(("object", "version"), INTEGER, absent=_NULL, default=1, there=False, conversions=True),
    "object_id": Place(("object", "id"), TEXT, there=False, conversions=True),
    "event_attributes": Place(("event", "attributes"), elsewhere=True, conversions=True),
    "object_current": Place(("object", "current"), there=False, conversions=True),
    "object_previous": Place(("object", "previous"), there=False, conversions=True),
}
"""Parts of an event in the body, as ``Wanted`` names them. A null counts as absent in what the protocol lists."""

_AS_ATTRIBUTE: Final[Mapping[str, Place]] = {
    "name": Place((NAME_ATTRIBUTE,), TEXT, absent=(), conversions=True),
    "domain": Place((DOMAIN_ATTRIBUTE,), TEXT, absent=(ABSENT,), conversions=True),
    "version": Place((VERSION_ATTRIBUTE,), INTEGER, absent=(), conversions=True),
    "event_subject": Place((SUBJECT_ATTRIBUTE,), TEXT, absent=(ABSENT,), conversions=True),
    "event_publisher": Place((PUBLISHER_ATTRIBUTE,), TEXT, absent=(ABSENT,), conversions=True),
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
            _walk(Place((), conversions=True), pattern, clause)
        elif pattern != Pattern[Any]("any"):
            clause.ask(("pattern",), pattern, "only a mapping is compared with the body key by key")
        return [clause]
    kinds = _content_types(subscriber, pattern)
    if kinds:
        clause.keys[(CONTENT_TYPE_ATTRIBUTE,)] = _Key(kinds, pattern)
    if issubclass(subscriber, DataSubscriber):
        clause.keys[(NAME_ATTRIBUTE,)] = _Key((ABSENT,), pattern)
    if pattern != Pattern[Any]("any"):
        clause.ask(("pattern",), pattern, "it does not travel as a message attribute")
    return [clause]


def _content_types(subscriber: type[Subscriber[Any]], pattern: object) -> Rules:
    """What a body must be, compressed or not: a document for a mapping, a text for an operator on texts."""
    kinds: tuple[ContentType, ...] = ()
    if issubclass(subscriber, DataSubscriber) or isinstance(pattern, Mapping):
        kinds = ContentType.JSON, ContentType.BSON
    elif isinstance(pattern, Pattern) and pattern.operator in ("match", "prefix", "suffix", "ignore_case"):
        kinds = (ContentType.TEXT,)
    return tuple(f"{kind}{suffix}" for suffix in ("", GZIP_SUFFIX) for kind in kinds)


def _of_event(subscriber: type[Subscriber[Any]], event_class: type[Event] | None, scope: Scope) -> _Clause:
    clause = _Clause(subscriber)
    wanted = subscriber.__wanted__
    places = _IN_BODY if scope == "MessageBody" else _AS_ATTRIBUTE
    identity = wanted.identity if event_class is None else event_class.__event_type__._asdict()
    for name, pattern in {**(identity or {}), **(wanted.parts or {})}.items():
        place = places.get(name)
        if event_class is not None and pattern is not None and _is_fixed(event_class, name):
            clause.ask(_IN_BODY[name].path, pattern, "" if _has_object(event_class) else NO_OBJECT)
        elif place is None:
            clause.ask(_IN_BODY[name].path, pattern, "it does not travel as a message attribute")
        elif scope == "MessageAttributes":
            clause.ask(place.path, pattern, _carried(rules_at(place, pattern), pattern, name))
        elif name.startswith("object_") and matches(pattern, None):
            clause.ask(place.path, pattern, ABSENCE)  # there may be no object at all
        else:
            _walk(place if event_class is None else _typed(place, name, event_class), pattern, clause)
    if places["name"].path not in clause.keys:  # it is an event, whatever else
        path, rule = (("protocol",), "mega") if scope == "MessageBody" else ((NAME_ATTRIBUTE,), PRESENT)
        clause.keys[path] = _Key((rule,), None)
    return clause


def _is_fixed(event_class: type[Event], name: str) -> bool:
    """What the schema fixes was compared with the pattern when the class was defined."""
    fixed = {"object_type": event_class.__object_type__, "object_version": event_class.__object_version__}
    return fixed.get(name) is not None


def _has_object(event_class: type[Event]) -> bool:
    return event_class.model_fields["object"].is_required()


def _carried(answer: Answer, pattern: object, name: str) -> Answer:
    """The same for a text that travels as a message attribute, or does not: an empty one, a very long one."""
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
            rules.append(ABSENT)
            continue
        rules.append(rule)
        if not isinstance(rule, str) and rule != ABSENT and (not always or admits(pattern, "", conversions=True)):
            rules.append(ABSENT)
    if ABSENT in rules and PRESENT in rules:
        return "a text that is very long, or has control characters, does not travel as a message attribute"
    return Said(once(rules), answer.whole)


def _texts(rule: object) -> list[str]:
    """The texts in a rule."""
    if isinstance(rule, str):
        return [rule]
    if isinstance(rule, dict):
        return [text for value in rule.values() for text in _texts(value)]
    return [text for each in rule for text in _texts(each)] if isinstance(rule, list) else []


def _typed(place: Place, name: str, event_class: type[Event]) -> Place:
    """The place with what the event's types say."""
    if name == "event_attributes":
        return place._replace(kind=Kind("model", of=event_class), absent=(), conversions=False)
    if name.startswith("object_"):
        place = place._replace(there=_has_object(event_class))
    if name in ("object_current", "object_previous"):
        state = kind_of(event_class.model_fields["object"].rebuild_annotation())
        part = state.of.model_fields[name.removeprefix("object_")] if state.name == "model" else None
        return place._replace(kind=kind_of(part.rebuild_annotation()) if part else OTHER, conversions=False)
    return place._replace(conversions=False)


def _walk(place: Place, pattern: object, clause: _Clause) -> None:
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
        answer = rules_at(place, pattern)
        empty = isinstance(answer, Said) and "" in answer.rules
        clause.ask(place.path, pattern, "for SNS an empty value does not exist" if empty else answer)


def _child(place: Place, key: str) -> Place | None:
    """The place of a field. That the object is there needs no rule: a mapping never matches without one."""
    kind, path = place.kind, (*place.path, key)
    if kind.name == "model":
        return _model_field(kind.of, key, place)
    if kind.name == "mapping":
        elsewhere = place.elsewhere or place.default is not None
        return place._replace(path=path, kind=kind_of(kind.of), absent=None, default=None, elsewhere=elsewhere)
    return place._replace(path=path) if kind == UNKNOWN and place.conversions else None


def _model_field(model: type[Model], name: str, place: Place) -> Place:
    of = model.model_fields[name]
    found, optional = members(of.rebuild_annotation())
    wire = model.__wire_names__.get(name, name)
    absent: Rules | None = ()
    if any(member.type is Any for member in found) or (optional and (of.is_required() or name in model.__nullable__)):
        absent = None  # it may be null
    elif optional:
        absent = (ABSENT,)
    elsewhere = place.elsewhere or place.default is not None  # the default of the object may match
    if issubclass(model, Event):
        elsewhere = model.__spread__ and wire not in EVENT_KEYS
    default = None if of.is_required() else of.get_default(call_default_factory=True)
    there = place.there and place.absent == ()
    return Place((*place.path, wire), kind_of(of.rebuild_annotation()), absent, default, there, elsewhere)


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
    keys = {path: _Key(once(r for c in clauses for r in c.keys[path].rules), None) for path in shared}
    keys = {path: key for path, key in keys.items() if not (ABSENT in key.rules and PRESENT in key.rules)}
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
    return _RANKS.get(path, 1 + weight(rules)), len(rules)


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
