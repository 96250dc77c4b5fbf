"""Whether any value of a type can match a pattern: the search behind the check at class definition (PATTERNS.md 6).

The answer *no* is a proof; *yes* may also mean that it could not be decided. The search follows the meaning that
``match`` gives to patterns. A *demand* is a pattern and whether it has to match. Demands are taken apart, through
``and_``, ``or_`` and ``not_``, into branches of atoms; a branch is possible when some member of the value's type has a
value that fulfils every atom:

* an ordered type: one value of every sort that the atoms tell apart is tried (``scales``), with the evaluator itself;
* a string: the atoms are sets of strings, and a common one is looked for (``languages``);
* a list: atoms ask for an element, or something of every element, or a length;
* an object: every field has its own demands, which have nothing to do with each other.

A function can answer anything, but not both to one and the same value. This file knows patterns and annotations; it
calls no function of a pattern, and knows no event.
"""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from itertools import product
from types import NoneType
from typing import Annotated, Any, Final, Literal, cast, get_args, get_origin
from uuid import UUID

from bson.objectid import ObjectId
from mega_typed.annotations import Bounds, Carried, Member, members
from mega_typed.languages import Expression, Folded, Language, Order, any_text, sample
from mega_typed.match import Pattern, PredicateFailed, ends, is_predicate, matches
from mega_typed.regexes import bounded
from mega_typed.scales import ORDERED, is_far, is_finite, representatives
from pydantic import BaseModel
from pydantic_core import SchemaError, SchemaValidator, core_schema

__all__ = ["Demand", "possible"]

_STEPS: Final = 20_000
"""Branches and values after which the search gives up and answers yes."""
_PARTS: Final = 5
"""How many options of one pattern are looked at in one step."""
_LETTERS: Final = 100
"""Steps that a search for a common text counts for."""


@dataclass(frozen=True, slots=True, eq=False)
class Demand:
    """A pattern, and whether it has to match."""

    pattern: object
    holds: bool = True


_Demands = Sequence[Demand]


def possible(demands: Iterable[Demand], annotation: object, *, conversions: bool = False) -> bool:
    """Whether a value of a type can fulfil all demands at once. No is certain.

    Args:
        demands: patterns that the value has to match, or not to match.
        annotation: the type of the value, with pydantic's bounds; ``Any`` when it is not known.
        conversions: the untyped reading (PATTERNS.md section 1).
    """
    try:
        return _Search(conversions).value(tuple(demands), annotation)
    except (_Undecided, RecursionError):
        return True


class _Undecided(Exception):  # noqa: N818 - it ends the search and leaves this file never
    """The search became too long."""


class _Search:
    def __init__(self, conversions: bool) -> None:
        self._conversions = conversions
        self._steps = 0
        self._known: dict[Demand, float] = {}

    def _step(self, parts: float = 0) -> None:
        """Count a step; one that looks at many parts is many steps."""
        self._steps += 1 + int(parts) // _PARTS
        if self._steps > _STEPS:
            raise _Undecided

    def value(self, demands: _Demands, annotation: object, *, optional: bool = False) -> bool:
        """Whether a value of this type, or its absence where that is allowed, fulfils all demands."""
        kinds, absent = members(annotation)
        if (optional or absent) and all(matches(demand.pattern, None) == demand.holds for demand in demands):
            return True
        return any(self._fits(atoms, kind) for atoms in self._branches(demands) for kind in kinds)

    # --- taking demands apart ----------------------------------------------------------------------------------------

    def _branches(self, demands: _Demands) -> Iterator[list[Demand]]:
        """The ways to fulfil demands on a value that is present, each as atoms."""
        stack: list[tuple[list[Demand], list[Demand]]] = [(list(demands), [])]
        while stack:
            self._step()
            pending, atoms = stack.pop()
            if not pending:
                if not _contradict(atoms):
                    yield [atom for atom in atoms if not is_predicate(atom.pattern)]
                continue
            *rest, demand = pending
            ways = _taken_apart(demand)
            if ways is None:
                stack.append((rest, [*atoms, demand]))
            else:
                self._step(len(ways))
                stack += [([*rest, *way], atoms) for way in ways]

    def _judge(self, atoms: _Demands, value: object) -> bool:
        """Whether a value fulfils atoms; functions and what is too costly count as fulfilled."""
        self._step()
        for atom in sorted(atoms, key=self._parts):  # one that is soon judged may save the others
            parts = self._parts(atom)
            self._step(parts if parts < math.inf else 0)
            if parts == math.inf:
                continue
            try:
                if matches(atom.pattern, value, conversions=self._conversions) != atom.holds:
                    return False
            except PredicateFailed:
                continue
        return True

    def _parts(self, atom: Demand) -> float:
        """How many parts a judgement looks at; infinitely many where a function is one, for it is not made then."""
        if atom not in self._known:
            functions = [is_predicate(leaf) for leaf in ends(atom.pattern)]
            self._step(len(functions))
            self._known[atom] = math.inf if any(functions) else len(functions)
        return self._known[atom]

    # --- members of a type --------------------------------------------------------------------------------------------

    def _fits(self, atoms: _Demands, member: Member) -> bool:
        kind = get_origin(member.type) or member.type
        if kind is Any:
            return self._free(atoms, member.bounds)
        if kind in (Literal, bool):
            values = get_args(member.type) or (True, False)
            return any(self._judge(atoms, value) for value in values if _admitted(member.bounds, value))
        listed = _listed(kind, member.bounds)
        if listed is not None:
            self._step(len(listed))
            return any(self._judge(atoms, value) for value in listed)
        if kind in ORDERED:
            return self._ordered(atoms, kind, member.bounds)
        if kind is str:
            read = self._conversions and any(atom.holds and _sorts(atom.pattern) - {str} for atom in atoms)
            return read or self._text(atoms, member.bounds.of(str))  # as a number or a date, as one of them at least
        if kind in (list, tuple, set, frozenset):
            item = (*get_args(member.type), Any)[0]
            return self._items(
                atoms, _with(item, [place.items() for place in member.bounds.carried]), member.bounds.of(list)
            )
        if kind in (dict, Mapping):
            said = _said(member.bounds)
            return (said is None or "object" in said) and self._entries(
                atoms, (*get_args(member.type), Any, Any)[1], member.bounds.of(dict)
            )
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return self._fields(atoms, kind, member.bounds)
        return True

    def _free(self, atoms: _Demands, bounds: Bounds) -> bool:
        """A value of which no Python type says anything, and the carried schema perhaps its types in JSON."""
        said = _said(bounds)
        if said is None:
            return self._named_and_admitted(atoms, bounds) and self._anything(atoms)
        return any(self._fits(atoms, Member(kind, bounds)) for name in sorted(said) for kind in _IN_PYTHON[name])

    def _named_and_admitted(self, atoms: _Demands, bounds: Bounds) -> bool:
        """Whether the schema admits one of the values that the atoms name, if they do."""
        chosen = _choices(atoms)
        return chosen is None or any(_admitted(bounds, value) for value in chosen)

    def _ordered(self, atoms: _Demands, kind: type, bounds: Bounds) -> bool:
        if kind in (int, float) and not self._named_and_admitted(atoms, bounds):  # others are texts in JSON
            return False
        constants = _choices(atoms)
        if constants is None:
            constants = [c for atom in atoms if _sorts(atom.pattern) for c in _constants(atom.pattern)]
        if any(map(is_far, constants)):
            raise _Undecided
        if kind is datetime and {date, datetime} <= {sort for atom in atoms for sort in _sorts(atom.pattern)}:
            raise _Undecided  # each offset has days of its own
        self._step(len(constants))
        return any(self._judge(atoms, value) for value in representatives(kind, constants, bounds))

    def _text(self, atoms: _Demands, bounds: Bounds) -> bool:
        chosen = _choices(atoms)
        if chosen is not None:
            return any(self._judge(atoms, text) for text in chosen if isinstance(text, str) and _admits(bounds, text))
        if self._some_sample(atoms, bounds):
            return True
        starts = [_start(atom.pattern) for atom in atoms if atom.holds]
        if not all(max(starts, key=len).startswith(start) for start in starts):
            return False
        inside: list[Language] = [found for pattern in bounds.patterns if (found := _of_schema(pattern)) is not None]
        outside: list[Language] = []
        lengths: list[Demand] = []
        for atom in atoms:
            about_length = _about_length(atom)
            if about_length is not None:
                lengths.append(about_length)
            elif (languages := _languages(atom.pattern, self._conversions)) is not None:
                (inside if atom.holds else outside).extend(languages)
            elif atom.holds:  # what no string matches
                return False
        for span in self._spans(lengths, bounds):
            self._step(_LETTERS)
            if any_text(inside, outside, *span):
                return True
        return False

    def _some_sample(self, atoms: _Demands, bounds: Bounds) -> bool:
        """Whether a text that is easily guessed will do; most patterns are right, and need no search."""
        shortest = max(bounds.shortest, default=0)
        texts = {"", *filter(None, (_guess(atom.pattern) for atom in atoms if atom.holds))}
        texts |= {text.ljust(shortest, character) for text in texts for character in "a0" if shortest <= _LONGEST}
        return any(_admits(bounds, text) and self._judge(atoms, text) for text in sorted(texts))

    def _spans(self, demands: _Demands, bounds: Bounds) -> list[tuple[int, int | None]]:
        """The lengths that bounds and demands admit, as spans."""
        shortest, longest = max(bounds.shortest, default=0), min(bounds.longest, default=None)
        constants = [int(c) for d in demands for c in _constants(d.pattern) if is_finite(c) and -1 < c < _FAR]
        self._step(len(constants))
        edges = sorted({shortest, *(max(0, constant + shift) for constant in constants for shift in (0, 1))})
        found: list[tuple[int, int | None]] = []
        for low, following in zip(edges, [*edges[1:], None], strict=True):
            high = None if following is None else following - 1
            if low >= shortest and (longest is None or low <= longest) and self._possible_length(demands, low):
                found.append((low, longest if high is None else high if longest is None else min(high, longest)))
        return found

    def _possible_length(self, demands: _Demands, length: int) -> bool:
        return any(self._judge(atoms, length) for atoms in self._branches(demands))

    def _items(self, atoms: _Demands, item: object, bounds: Bounds) -> bool:
        every: list[Demand] = []
        some: list[list[Demand]] = []
        lengths: list[Demand] = []
        for index, atom in enumerate(atoms):
            pattern = atom.pattern
            about_length = _about_length(atom)
            if about_length is not None:
                lengths.append(about_length)
            elif isinstance(pattern, Pattern) and pattern.operator in _ELEMENTS:
                wanted = Demand(pattern.operands[0], atom.holds)
                if (pattern.operator == "all_items") == atom.holds:
                    every.append(wanted)
                else:
                    some.append([wanted])
            elif isinstance(pattern, list | tuple | AbstractSet):
                others = [*atoms[:index], *atoms[index + 1 :]]
                ways = _same_collection(cast("Collection[object]", pattern), atom.holds)
                return any(self._items([*others, *way], item, bounds) for way in ways)
            elif atom.holds:
                return False
        if not all(self.value([*wanted, *every], item) for wanted in some):
            return False
        filled = self.value(every, item)
        return any(
            (low == 0 and not some) or (filled and self._few(some, every, item, high))
            for low, high in self._spans(lengths, bounds)
        )

    def _few(self, some: Sequence[_Demands], every: _Demands, item: object, most: int | None) -> bool:
        """Whether so many elements at most can serve all that some element must be."""
        if most is None or most >= len(some):
            return most != 0
        return self._shared(some, [], every, item, most)

    def _shared(
        self, some: Sequence[_Demands], groups: list[_Demands], every: _Demands, item: object, most: int
    ) -> bool:
        """The same where elements, each a group of what it must be, are there already."""
        if not some:
            return True
        first, *rest = some
        for number, group in enumerate(groups):
            joined = [*group, *first]
            if self.value([*joined, *every], item) and self._shared(
                rest, [*groups[:number], joined, *groups[number + 1 :]], every, item, most
            ):
                return True
        return len(groups) < most and self._shared(rest, [*groups, first], every, item, most)

    def _entries(self, atoms: _Demands, value: object, bounds: Bounds) -> bool:
        """An object with arbitrary keys."""
        lengths = [found for atom in atoms if (found := _about_length(atom)) is not None]
        others = [atom for atom in atoms if _about_length(atom) is None]
        for demands in self._by_key(others):
            if not all(self.value(wanted, _at(value, key, bounds), optional=True) for key, wanted in demands.items()):
                continue
            needed = sum(not all(matches(d.pattern, None) == d.holds for d in wanted) for wanted in demands.values())
            if any(high is None or high >= needed for _, high in self._spans(lengths, bounds)):
                return True
        return False

    def _fields(self, atoms: _Demands, model: type[BaseModel], bounds: Bounds) -> bool:
        instances = [atom for atom in atoms if isinstance(atom.pattern, BaseModel)]
        if any(atom.holds and not isinstance(atom.pattern, model) for atom in instances):
            return False
        others = [atom for atom in atoms if atom not in instances]
        return any(
            all(self.value(wanted, _field_of(model, key, bounds)) for key, wanted in demands.items())
            for demands in self._by_key(others)
        )

    def _by_key(self, atoms: _Demands) -> Iterator[dict[str, list[Demand]]]:
        """The ways to fulfil atoms on an object, each as the demands on its keys."""
        ways: list[list[tuple[str, Demand]]] = []
        common: list[tuple[str, Demand]] = []
        for atom in atoms:
            if not isinstance(atom.pattern, Mapping):
                if atom.holds:
                    return  # no object is equal to it, or has the operator
                continue
            entries = [(key, Demand(p, atom.holds)) for key, p in cast("Mapping[str, object]", atom.pattern).items()]
            if atom.holds:
                common += entries
            else:
                ways.append(entries)
        for chosen in product(*ways):
            self._step()
            demands: dict[str, list[Demand]] = {}
            for key, demand in (*common, *chosen):
                demands.setdefault(key, []).append(demand)
            yield demands

    # --- a value of which nothing is known ----------------------------------------------------------------------------

    def _anything(self, atoms: _Demands) -> bool:
        """A value may be of any sort; in the untyped reading a string may be read as another sort besides."""
        chosen = _choices(atoms)
        texts = [value for value in chosen or () if isinstance(value, str)]
        if any(self._judge(atoms, text) for text in texts) or (self._conversions and self._object_id(atoms)):
            return True
        if chosen is not None and len(texts) == len(chosen):
            return False
        sorts = {sort for atom in atoms for sort in _sorts(atom.pattern)}
        read = sorts & {*_KINDS}
        if _OTHER in sorts or (self._conversions and len(read) > 1) or {date, datetime} <= read:
            return True
        if self._conversions and read:
            others = [atom for atom in atoms if not _sorts(atom.pattern) & read]
            if any(atom.holds for atom in atoms if atom not in others):
                if any(atom.holds and _says_something_of_texts(atom.pattern) for atom in others):
                    return True
            elif self._text(others, Bounds()):
                return True
        elif self._text(atoms, Bounds()):
            return True
        return (
            any(self._judge(atoms, value) for value in _APART)
            or any(self._ordered(atoms, kind, Bounds()) for kind in _KINDS)
            or self._items(atoms, Any, Bounds())
            or self._entries(atoms, Any, Bounds())
        )

    def _object_id(self, atoms: _Demands) -> bool:
        """An object id compares as its text, and has nothing else of a text."""
        texts = {leaf for atom in atoms for leaf in _constants(atom.pattern) if isinstance(leaf, str)}
        found = {_HEXADECIMAL.match(text)[0] for text in texts}  # type: ignore[index]  # it matches every text
        return any(self._judge(atoms, ObjectId(start.ljust(24, end))) for start in sorted(found) for end in "0f")


_APART: Final = (True, False, math.inf, -math.inf)
"""Values that stand on no scale; BSON knows infinity."""
_HEXADECIMAL: Final = re.compile("[0-9a-f]{0,24}")
_LONGEST: Final = 10_000
_FAR: Final = 2**63
_EXACT: Final = 2**53  # a larger float may stand for an integer that it is not
_ELEMENTS: Final = frozenset({"any_item", "all_items", "contains"})
_KINDS: Final = (Decimal, datetime, date, UUID)


def _admitted(bounds: Bounds, value: object) -> bool:
    """Whether the carried schema admits a value, of those that are in JSON what they are in Python."""
    same = type(value) in (str, int, bool) or (type(value) is float and abs(value) < _EXACT)
    return not same or all(place.admits(value) for place in bounds.carried)


_IN_PYTHON: Final[Mapping[str, tuple[Any, ...]]] = {
    "string": (str,),
    "integer": (int, float),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list[Any],),
    "object": (dict[str, Any],),
    "null": (),
}
"""How a value that is present is read where no type says more, by its type in JSON."""


def _said(bounds: Bounds) -> frozenset[str] | None:
    """The types in JSON that the carried schema says; ``None`` where it leaves them open."""
    kinds = [found for place in bounds.carried if (found := place.kinds()) is not None]
    said = kinds[0].intersection(*kinds[1:]) if kinds else None
    return said if said is not None and said <= _IN_PYTHON.keys() else None


def _listed(kind: Any, bounds: Bounds) -> list[Any] | None:
    """The values that the carried schema lists, as they are read, of types that are in Python what they are in JSON."""
    choices = next((found for place in bounds.carried if (found := place.choices()) is not None), None)
    if choices is None or kind not in (int, float, str):
        return None
    kinds = (str,) if kind is str else (int, float)
    values = [value for value in choices if type(value) in kinds and all(p.admits(value) for p in bounds.carried)]
    if kind is int:
        return [int(value) for value in values if int(value) == value]
    return values if kind is str else [float(value) for value in values if abs(value) <= sys.float_info.max]


def _with(annotation: Any, places: Iterable[Carried | None]) -> Any:
    """A type, at places of the carried schema; absent where one of them admits nothing."""
    for place in places:
        annotation = NoneType if place is None else Annotated[annotation, place]
    return annotation


def _at(annotation: Any, name: str, bounds: Bounds) -> Any:
    return _with(annotation, [place.field(name) for place in bounds.carried])


def _field_of(model: type[BaseModel], name: str, bounds: Bounds) -> Any:
    """The type of a field; of one that the model does not have, its absence."""
    field = model.model_fields.get(name)
    if field is None:
        return NoneType
    wire_names: Mapping[str, str] = getattr(model, "__wire_names__", {})
    return _at(field.rebuild_annotation(), wire_names.get(name, name), bounds)


# --- what patterns are made of ----------------------------------------------------------------------------------------


def _taken_apart(demand: Demand) -> list[list[Demand]] | None:
    """The ways to fulfil a demand on a value that is present; ``None`` for an atom."""
    pattern, holds = demand.pattern, demand.holds
    if pattern is None:
        return [] if holds else [[]]
    if not isinstance(pattern, Pattern):
        return None
    operands: tuple[object, ...] = pattern.operands
    match pattern.operator:
        case "any" | "exists":
            return [[]] if (operands != (False,)) == holds else []
        case "eq":
            return [[Demand(operands[0], holds)]]
        case "not":
            return [[Demand(operands[0], not holds)]]
        case "and":
            return _all_or_one(operands, together=holds, holds=holds)
        case "or":
            return _all_or_one(operands, together=not holds, holds=holds)
        case "in" if not all(map(_is_plain, operands)):
            return _all_or_one(operands, together=not holds, holds=holds)
        case "between":
            parts: list[Pattern[Any]] = [Pattern("gte", operands[0]), Pattern("lte", operands[1])]
            return _all_or_one(parts, together=holds, holds=holds)
        case _:
            return None


def _all_or_one(operands: Sequence[object], *, together: bool, holds: bool) -> list[list[Demand]]:
    demands = [Demand(operand, holds) for operand in operands]
    return [demands] if together else [[demand] for demand in demands]


def _same_collection(pattern: Collection[object], holds: bool) -> list[list[Demand]]:
    """What it means to be, or not to be, a list with the same elements, in terms of other operators."""
    if not pattern:
        return [[Demand(Pattern("length", 0), holds)]]
    either: Pattern[Any] = Pattern("or", *pattern)
    each: list[Pattern[Any]] = [Pattern("any_item", expected) for expected in pattern]
    return _all_or_one([Pattern("all_items", either), *each], together=holds, holds=holds)


def _contradict(atoms: _Demands) -> bool:
    """Whether one and the same function has to answer yes and no."""
    functions = [atom for atom in atoms if is_predicate(atom.pattern)]
    return any(a.holds and not b.holds and a.pattern == b.pattern for a, b in product(functions, repeat=2))


def _is_plain(pattern: object) -> bool:
    return pattern is not None and not is_predicate(pattern) and not isinstance(pattern, _COMPOSED)


_COMPOSED: Final = (Pattern, Mapping, list, tuple, AbstractSet)


def _constants(pattern: object) -> Iterator[object]:
    return (leaf for leaf in ends(pattern) if not is_predicate(leaf))


def _choices(atoms: _Demands) -> Sequence[object] | None:
    """The only values that can fulfil the atoms, where one of them names its values."""
    named: list[Sequence[object]] = []
    for atom in atoms:
        if atom.holds and _is_plain(atom.pattern):
            named.append([atom.pattern])
        elif atom.holds and isinstance(atom.pattern, Pattern) and atom.pattern.operator == "in":
            named.append(atom.pattern.operands)
    if len(named) > 1 and all(type(value) is str for values in named for value in values):
        common = frozenset(named[0]).intersection(*named[1:])
        return [value for value in named[0] if value in common]
    return min(named, key=len, default=None)


def _about_length(atom: Demand) -> Demand | None:
    """What an atom demands of the length of a string, a list or a mapping."""
    if isinstance(atom.pattern, Pattern):
        if atom.pattern.operator == "length":
            return Demand(atom.pattern.operands[0], atom.holds)
        if atom.pattern.operator == "empty":
            return Demand(0, atom.holds)
    return None


_OTHER: Final = "other"


def _sorts(pattern: object) -> set[Any]:
    """The sorts of value that an atom compares with; none for what is about elements, fields or lengths."""
    if isinstance(pattern, Pattern) and pattern.operator in (*_ELEMENTS, "length", "empty"):
        return set()
    if isinstance(pattern, Mapping | list | tuple | AbstractSet):
        return set()
    return {_sort(leaf) for leaf in ends(pattern)}


def _says_something_of_texts(pattern: object) -> bool:
    if isinstance(pattern, Pattern) and pattern.operator in ("contains", "length", "empty"):
        return True
    return str in _sorts(pattern)


def _sort(leaf: object) -> Any:
    if isinstance(leaf, bool):
        return bool
    for kind, sort in _SORTS:
        if isinstance(leaf, kind):
            return sort
    return _OTHER


_SORTS: Final[tuple[tuple[Any, Any], ...]] = (
    (int | float | Decimal, Decimal),
    (datetime, datetime),
    (date, date),
    (UUID, UUID),
    (str, str),
    (re.Pattern, str),
)


# --- strings ----------------------------------------------------------------------------------------------------------


def _start(pattern: object) -> str:
    """A text with which every string begins that an atom matches; often an empty one."""
    if not isinstance(pattern, Pattern) or pattern.operator not in ("match", "prefix"):
        return ""
    operand: object = pattern.operands[0]
    if isinstance(operand, re.Pattern) and isinstance(operand.pattern, str):
        return bounded(cast("re.Pattern[str]", operand)).start
    return operand if isinstance(operand, str) else ""


def _languages(pattern: object, conversions: bool) -> list[Language] | None:
    """The strings that an atom matches; ``None`` when it matches none."""
    if isinstance(pattern, str):
        return [Order(pattern, equal=True)]
    if not isinstance(pattern, Pattern):
        return None
    if pattern.operator == "in":
        return [Order(each, equal=True) for each in pattern.operands if isinstance(each, str)] or None
    operand = pattern.operands[0]
    if pattern.operator == "match" and isinstance(operand, re.Pattern):
        return [Expression(cast("re.Pattern[str]", operand))]
    if not isinstance(operand, str):
        return None
    text = re.escape(operand)
    match pattern.operator:
        case "prefix":
            return [Expression(re.compile(text))]
        case "suffix":
            return [Expression(re.compile(rf"(?s:.*){text}\Z"))]
        case "contains" if conversions:
            return [Expression(re.compile(text), search=True)]
        case "ignore_case":
            return [Folded(operand)]
        case "gt" | "gte" | "lt" | "lte" as order:
            return [Order(operand, less="l" in order, greater="g" in order, equal=order.endswith("e"))]
        case _:
            return None


def _guess(pattern: object) -> str | None:
    """A string that an atom matches, where one is easily found."""
    if isinstance(pattern, str):
        return pattern
    operand: object = pattern.operands[0] if isinstance(pattern, Pattern) and pattern.operands else None
    if isinstance(operand, re.Pattern):
        return sample(cast("re.Pattern[str]", operand))
    return operand if isinstance(operand, str) else None


def _admits(bounds: Bounds, text: str) -> bool:
    """Whether the schema admits a string."""
    return (
        all(len(text) >= length for length in bounds.shortest)
        and all(len(text) <= length for length in bounds.longest)
        and _admitted(bounds, text)
        and all(
            validator is None or validator.isinstance_python(text) for validator in map(_validator, bounds.patterns)
        )
    )


@cache
def _validator(pattern: str) -> SchemaValidator | None:
    try:
        return SchemaValidator(core_schema.str_schema(pattern=pattern))
    except SchemaError:
        return None


_CODE_POINT: Final = re.compile(r"\\u\{([0-9A-Fa-f]+)\}")


@cache
def _of_schema(pattern: str) -> Expression | None:
    """The strings in which the schema's expression, written for Rust, is found; ``None`` where Python reads it not."""
    try:
        regex = re.compile(_CODE_POINT.sub(lambda found: f"\\U{int(found[1], 16):08x}", pattern))
    except (re.error, FutureWarning, OverflowError):
        return None
    return Expression(regex, search=True, strict_end=True)
