"""Which of many conditions a payload meets, at a cost that grows with those that match and not with all.

An index is a tree of nodes over numbered conditions. A node is a function of the payload that looks at one or a few
paths of it:

* ``_Lookup`` finds by a hash: the value at a path, or how the text there begins, leads to the few entries that require
  it. Chosen where that separates the entries well. What is left goes into the node below.
* ``_Bitmaps`` decides many entries at once, where few different values or bounds are required: for each path there
  is, for every value that makes a difference, a Python integer with one bit for each entry whose requirement it meets;
  the bits that all paths have in common are the result. Numbers are found by bisection among all bounds of the path.
* ``_Few`` asks the entries one by one; a single entry is a function that ``compiled`` makes.

What a node decides exactly is not asked again; what it only narrows down is verified by the functions of ``compiled``.
A candidate too many costs time, one too few would be an error, so everything here errs on the side of asking. And
should anything at all go wrong on the fast path, a value of a class that compares in its own way for one, the
conditions are asked one by one: the result is that of ``Condition.holds``, always (``tests/test_index.py``).

Memory is linear in the entries: a bitmap node has at most ``_NODE`` entries, ``_BLOCKS`` bitmaps for the bounds of a
path, ``_VALUES`` for its values and ``_COLUMNS`` paths.

This file knows conditions, and neither subscribers nor events.
"""

from __future__ import annotations

import gc
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from itertools import compress
from typing import Any, Final, Protocol, TypeAlias
from uuid import UUID

from mega_typed.compiled import Piece, Test, conjunction, piece_of
from mega_typed.conditions import Condition
from mega_typed.fields import Path, fields_reader, reader
from mega_typed.match import Pattern, PredicateFailed
from mega_typed.requirements import (
    ABSENT,
    Keys,
    Number,
    Prefix,
    Requirement,
    Span,
    keys_of,
    number_of,
    requirement,
    text_of,
)

Numbers: TypeAlias = Sequence[int]
Failures: TypeAlias = Sequence[tuple[int, BaseException]]
Read: TypeAlias = Callable[[Any], Any]
Select: TypeAlias = Callable[[Any], Numbers]
"""A node: the numbers of the entries whose leaves hold, in order, each once. It raises whatever a test raises."""

_FEW: Final = 8
_NODE: Final = 16_384
_BLOCKS: Final = 1024
_VALUES: Final = 256
_COLUMNS: Final = 12
_LENGTHS: Final = 16
_NONE: Final[Numbers] = ()


class Index:
    """Numbered conditions, to be asked all at once.

    Args:
        conditions: the conditions, by ascending numbers, all of one reading.
    """

    __slots__ = ("_conditions", "calling", "matching", "select", "size")

    def __init__(self, conditions: Sequence[tuple[int, Condition]]) -> None:
        self.size = len(conditions)
        self.calling = {number: each for number, each in conditions if each.calling}
        """Those conditions that have predicates."""
        self._conditions = conditions
        builder = _Builder(any(each.conversions for _, each in conditions))
        entries = builder.entries(conditions)
        self.select: Select = builder.node(entries)
        """The numbers of the conditions whose plain leaves hold, in order. Raises anything at all, on odd values."""
        self.matching: Callable[[Any], tuple[Numbers, Failures]] = self._matching
        """The numbers of the conditions that a payload meets, in order, and those that could not be decided."""
        if self.size == 1 and not self.calling:
            found: Numbers = (entries[0].number,)
            self.matching = _together(entries[0].leaves, (found, ()), (_NONE, ()), self._asked)

    def _matching(self, root: object) -> tuple[Numbers, Failures]:
        try:
            found = self.select(root)
        except Exception:
            return self._asked(root)
        return self.called(found, root) if self.calling else (found, ())

    def _asked(self, root: object) -> tuple[Numbers, Failures]:
        """Each condition alone: whatever went wrong, the meaning decides."""
        return verified(self._conditions, root, Condition.holds)

    def called(self, numbers: Numbers, root: object) -> tuple[Numbers, Failures]:
        """Those among numbers of which the predicates hold as well."""
        calling = self.calling
        asked = [(number, calling[number]) for number in numbers if number in calling]
        if not asked:
            return numbers, ()
        found, failures = verified(asked, root, Condition.calls)
        dropped = {number for number, _ in asked}.difference(found)
        return [number for number in numbers if number not in dropped], failures


def verified(
    conditions: Iterable[tuple[int, Condition]], root: object, holds: Callable[[Condition, object], bool]
) -> tuple[Numbers, Failures]:
    """Conditions that hold, asked one by one, and those that raised, with what the predicate raised."""
    found: list[int] = []
    failures: list[tuple[int, BaseException]] = []
    for number, each in conditions:
        try:
            if holds(each, root):
                found.append(number)
        except Exception as error:
            failures.append((number, cause_of(error)))
    return found, failures


def cause_of(error: Exception) -> BaseException:
    """What a predicate raised, or what else went wrong."""
    return (error.__cause__ if isinstance(error, PredicateFailed) else None) or error


class Growing:
    """An index over conditions that are added now and then; it is built when it is first asked after that.

    Threads may ask at the same time. Conditions are only ever added, so an index whose size is theirs is up to date.
    """

    __slots__ = ("_conditions", "_index", "matching")

    def __init__(self) -> None:
        self._conditions: list[tuple[int, Condition]] = []
        self._index = Index(())
        self.matching: Callable[[object], tuple[Numbers, Failures]] = self._index.matching
        """The same as ``Index.matching`` for all that were added."""

    def __len__(self) -> int:
        return len(self._conditions)

    def add(self, number: int, condition: Condition) -> None:
        """Add a condition; its number is greater than those before it."""
        self._conditions.append((number, condition))
        self.matching = self._first_matching

    def _first_matching(self, root: object) -> tuple[Numbers, Failures]:
        index = self.index()
        self.matching = index.matching
        if index.size != len(self._conditions):  # another thread has added one in between
            self.matching = self._first_matching
        return index.matching(root)

    def index(self) -> Index:
        """The index over all that were added."""
        index = self._index
        if index.size != len(self._conditions):
            with _uncollected():
                index = self._index = Index(tuple(self._conditions))
        return index


@contextmanager
def _uncollected() -> Generator[None]:
    """Without the garbage collector: all that an index is made of stays, and to look for what could go takes longer."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


# --- entries: what is left to decide of a condition -------------------------------------------------------------------


class _Leaf:
    """A path, what decides the value there, and what an index can look up of it."""

    __slots__ = ("path", "piece", "requires")

    def __init__(self, path: Path, piece: Piece, requires: Requirement | None) -> None:
        self.path = path
        self.piece = piece
        self.requires = requires


class _Entry:
    """A condition's number and the leaves of it that no node above has decided."""

    __slots__ = ("leaves", "number")

    def __init__(self, number: int, leaves: tuple[_Leaf, ...]) -> None:
        self.number = number
        self.leaves = leaves

    def without(self, decided: _Leaf, *, exact: bool) -> _Entry:
        """The same entry when a requirement is known to be met; unless that says all, the leaf stays to be verified."""
        left = tuple(each for each in self.leaves if each is not decided)
        return _Entry(self.number, left if exact else (*left, _Leaf(decided.path, decided.piece, None)))


# --- nodes ------------------------------------------------------------------------------------------------------------


def _together(
    leaves: Iterable[_Leaf], yes: object = True, no: object = False, failed: Callable[[Any], object] | None = None
) -> Callable[[Any], Any]:
    return conjunction(((leaf.path, leaf.piece) for leaf in leaves), yes, no, failed)


class _Few:
    """Entries that are asked one by one."""

    __slots__ = ("entries",)

    def __init__(self, entries: Iterable[_Entry]) -> None:
        self.entries = tuple((entry.number, _together(entry.leaves)) for entry in entries)

    def select(self, root: Any) -> Numbers:
        return [number for number, test in self.entries if test(root)]


class _Several:
    """Nodes side by side."""

    __slots__ = ("nodes",)

    def __init__(self, nodes: Iterable[Select]) -> None:
        self.nodes = tuple(nodes)

    def select(self, root: Any) -> Numbers:
        return _merged([node(root) for node in self.nodes])


def _merged(parts: Sequence[Numbers]) -> Numbers:
    found = [part for part in parts if part]
    if len(found) < 2:
        return found[0] if found else _NONE
    return sorted({number for part in found for number in part})


def _kinds(keys: Iterable[object], conversions: bool) -> tuple[bool, bool]:
    """Whether a string may be found as a UUID, and whether as nothing but itself."""
    keys = tuple(keys)
    uuids = conversions and any(isinstance(key, UUID) for key in keys)
    return uuids, not conversions or all(isinstance(key, str) or key is ABSENT for key in keys)


class _Lookup:
    """Entries by the value at a path."""

    __slots__ = ("buckets", "conversions", "read", "rest", "texts", "uuids")

    def __init__(self, read: Read, buckets: dict[object, Select], rest: Select | None, conversions: bool) -> None:
        self.read = read
        self.buckets = buckets
        self.rest = rest
        self.conversions = conversions
        self.uuids, self.texts = _kinds(buckets, conversions)

    def select(self, root: Any) -> Numbers:
        value = self.read(root)
        rest = _NONE if self.rest is None else self.rest(root)
        kind = type(value)
        if kind is int or (kind is str and self.texts):
            node = self.buckets.get(value)
            if node is None:
                return rest
            return _merged((rest, node(root))) if rest else node(root)
        keys = keys_of(value, self.conversions, self.uuids)
        return _merged([rest, *(self.buckets[key](root) for key in keys if key in self.buckets)])


class _Beginnings:
    """Entries by how the text at a path begins."""

    __slots__ = ("buckets", "lengths", "read", "rest")

    def __init__(self, read: Read, buckets: dict[str, Select], rest: Select | None) -> None:
        self.read = read
        self.buckets = buckets
        self.lengths = sorted({len(text) for text in buckets})
        self.rest = rest

    def select(self, root: Any) -> Numbers:
        value = self.read(root)
        if type(value) is not str:
            value = text_of(value)
        found = _NONE if self.rest is None else self.rest(root)
        if value is not None:
            get, size = self.buckets.get, len(value)
            for length in self.lengths:
                if length > size:
                    break
                node = get(value[:length])
                if node is not None:
                    found = _merged((found, node(root))) if found else node(root)
        return found


class _Column(Protocol):
    def met(self, value: Any) -> int:
        """Bits of the entries whose requirement may be met."""
        ...


class _Values:
    """A column of required values."""

    __slots__ = ("conversions", "masks", "others", "texts", "uuids")

    def __init__(self, masks: dict[object, int], others: int, conversions: bool) -> None:
        self.masks = {key: mask | others for key, mask in masks.items()}
        self.others = others
        self.conversions = conversions
        self.uuids, self.texts = _kinds(masks, conversions)

    def met(self, value: Any) -> int:
        kind = type(value)
        if kind is int or (kind is str and self.texts):
            return self.masks.get(value, self.others)
        mask = self.others
        for key in keys_of(value, self.conversions, self.uuids):
            mask |= self.masks.get(key, 0)
        return mask


class _Bounds:
    """A column of bounds for a number.

    ``k`` bounds cut the numbers into ``2k + 1`` positions: below the first, at the first, between the first and the
    second, ... An entry's requirement is met from one position to another. Neighbouring positions share a block where
    there are many; then the entries that are met at some of a block's positions only have to be verified.
    """

    __slots__ = ("bounds", "conversions", "doubts", "masks", "others")

    def __init__(self, spans: Sequence[tuple[int, Sequence[Span]]], others: int, conversions: bool) -> None:
        self.others = others
        self.conversions = conversions
        ends = [end for _, several in spans for span in several for end in (span.low, span.high)]
        self.bounds: list[Number] = sorted({end for end in ends if end is not None})
        positions = 2 * len(self.bounds) + 1
        width = -(-positions // _BLOCKS)
        blocks = self._blocks(spans, positions, width)
        self.masks = [blocks[position // width][0] for position in range(positions)]
        """Who may be met, by position."""
        self.doubts = [blocks[position // width][1] for position in range(positions)] if width > 1 else []
        """Who of them has to be verified; empty where nobody has."""

    def _blocks(self, spans: Sequence[tuple[int, Sequence[Span]]], positions: int, width: int) -> list[tuple[int, int]]:
        place = {bound: 2 * number + 1 for number, bound in enumerate(self.bounds)}
        begins: defaultdict[int, int] = defaultdict(int)
        ends: defaultdict[int, int] = defaultdict(int)
        for bit, several in spans:
            lows = [place[each.low] + each.above for each in several if each.low is not None]
            highs = [place[each.high] - each.below for each in several if each.high is not None]
            first, last = max(lows, default=0), min(highs, default=positions - 1)
            if first <= last:
                begins[first] |= bit
                ends[last] |= bit
        blocks: list[tuple[int, int]] = []
        met = self.others
        for start in range(0, positions, width):
            always, sometimes = -1, 0
            for position in range(start, min(start + width, positions)):
                met |= begins.get(position, 0)
                always &= met
                sometimes |= met
                met &= ~ends.get(position, 0)
            blocks.append((sometimes, sometimes & ~always))
        return blocks

    def met(self, value: Any) -> int:
        if type(value) is not int:
            value = number_of(value, self.conversions)
        if value is None:
            return self.others
        bounds = self.bounds
        return self.masks[bisect_left(bounds, value) + bisect_right(bounds, value)]

    def doubtful(self, value: Any) -> int:
        """Bits of the entries that ``met`` has and that have to be verified."""
        number = number_of(value, self.conversions)
        if number is None:
            return 0
        return self.doubts[bisect_left(self.bounds, number) + bisect_right(self.bounds, number)]


class _Bitmaps:
    """Entries that are decided together, bit by bit."""

    __slots__ = ("coarse", "numbers", "open", "sections", "tests")

    def __init__(
        self, numbers: Numbers, columns: Sequence[tuple[Path, _Column]], tests: Mapping[int, Test], left: int
    ) -> None:
        self.numbers = numbers
        self.sections = _sections(columns)
        self.coarse = [(reader(path), each) for path, each in columns if isinstance(each, _Bounds) and each.doubts]
        self.tests = tests
        self.open = left
        """The entries of which the columns do not decide everything."""

    def select(self, root: Any) -> Numbers:
        met = -1
        for read, columns in self.sections:
            fields = read(root)
            for key, column in columns:
                met &= column.met(fields.get(key))
                if not met:
                    return _NONE
        doubtful = self.open
        for read, column in self.coarse:
            doubtful |= column.doubtful(read(root))
        if doubtful and (doubtful := doubtful & met):
            met = self._verified(met, doubtful, root)
            if not met:
                return _NONE
        highest = met.bit_length() - 1
        if met == 1 << highest:
            return (self.numbers[highest],)
        if met.bit_count() == len(self.numbers):
            return self.numbers
        return [self.numbers[place] for place in _places(met)]

    def _verified(self, met: int, doubtful: int, root: object) -> int:
        """Without those whose tests do not hold."""
        return met ^ _mask(place for place in _places(doubtful) if not self.tests[place](root))


def _sections(columns: Sequence[tuple[Path, _Column]]) -> tuple[tuple[Read, tuple[tuple[object, _Column], ...]], ...]:
    """Columns by the object that their paths lead to, which is then read once; the whole payload is put into one."""
    sections: defaultdict[Path | None, list[tuple[object, _Column]]] = defaultdict(list)
    for path, column in columns:
        if path:
            sections[path[:-1]].append((path[-1], column))
        else:
            sections[None].append((None, column))
    return tuple(
        ((lambda root: {None: root}) if parent is None else fields_reader(parent), tuple(several))
        for parent, several in sections.items()
    )


def _places(mask: int) -> Iterable[int]:
    """The places of the bits that are set, from the lowest."""
    if mask.bit_count() > 64:
        return compress(range(mask.bit_length()), map("1".__eq__, bin(mask)[:1:-1]))
    places: list[int] = []
    while mask:
        lowest = mask & -mask
        places.append(lowest.bit_length() - 1)
        mask ^= lowest
    return places


# --- building ---------------------------------------------------------------------------------------------------------

_Where: TypeAlias = tuple[Path, type[Keys] | type[Prefix]]
_SHARED: Final = frozenset({str, int, float, bool})
"""Types of which equal operands mean the same."""


class _Builder:
    """Makes the node for entries, and those below it."""

    def __init__(self, conversions: bool) -> None:
        self._conversions = conversions
        self._shared: dict[object, tuple[Piece, Requirement | None]] = {}

    def entries(self, conditions: Sequence[tuple[int, Condition]]) -> list[_Entry]:
        """Conditions with all their leaves to be decided."""
        return [
            _Entry(number, tuple([self._leaf(path, pattern, each.conversions) for path, pattern in each.plain]))
            for number, each in conditions
        ]

    def _leaf(self, path: Path, pattern: object, conversions: bool) -> _Leaf:
        """A leaf; equal patterns of plain operands, of which many subscribers have the same, share a piece."""
        key = None
        if isinstance(pattern, Pattern) and _SHARED.issuperset(kinds := tuple(map(type, pattern.operands))):
            key = (pattern.operator, kinds, pattern.operands, conversions)
            shared = self._shared.get(key)
            if shared is not None:
                return _Leaf(path, *shared)
        made = piece_of(pattern, conversions), requirement(pattern)
        if key is not None:
            self._shared[key] = made
        return _Leaf(path, *made)

    def node(self, entries: Sequence[_Entry]) -> Select:
        if not any(entry.leaves for entry in entries):
            return _together((), [entry.number for entry in entries])
        if len(entries) == 1:
            return _together(entries[0].leaves, (entries[0].number,), _NONE)
        if len(entries) <= _FEW:
            return _Few(entries).select
        choice = self._choice(entries)
        if choice is not None:
            return self._lookup(entries, *choice)
        if len(entries) <= _NODE:
            return self._bitmaps(entries)
        return _Several(self._bitmaps(entries[at : at + _NODE]) for at in range(0, len(entries), _NODE)).select

    # which requirement separates best

    def _choice(self, entries: Sequence[_Entry]) -> _Where | None:
        """The path and the kind of requirement that leave the fewest candidates, where that is worth a node."""
        sizes: defaultdict[_Where, Counter[object]] = defaultdict(Counter)
        having: Counter[_Where] = Counter()
        for entry in entries:
            first: dict[_Where, Iterable[object]] = {}
            for leaf in entry.leaves:
                if isinstance(leaf.requires, Keys):
                    first.setdefault((leaf.path, Keys), leaf.requires.keys)
                elif isinstance(leaf.requires, Prefix):
                    first.setdefault((leaf.path, Prefix), (leaf.requires.text,))
            for where, keys in first.items():
                having[where] += 1
                sizes[where].update(keys)
        total = len(entries)
        worthy: list[tuple[float, int, _Where]] = []
        for number, (where, counter) in enumerate(sizes.items()):
            copies = counter.total()
            left = sum(size * size for size in counter.values()) / max(copies, 1) + total - having[where]
            many = len(counter) > _VALUES or where[1] is Prefix  # nothing for bitmaps
            if left <= (total / 2 if many else total / 16) and copies <= 4 * total + _VALUES:
                worthy.append((left, number, where))
        return min(worthy)[2] if worthy else None

    # lookups

    def _lookup(self, entries: Sequence[_Entry], path: Path, kind: type[Keys] | type[Prefix]) -> Select:
        rest: list[_Entry] = []
        having: list[tuple[_Entry, _Leaf]] = []
        for entry in entries:
            leaf = next((each for each in entry.leaves if each.path == path and type(each.requires) is kind), None)
            if leaf is None:
                rest.append(entry)
            else:
                having.append((entry, leaf))
        below = self.node(rest) if rest else None
        read = reader(path)
        if kind is Prefix:
            return _Beginnings(read, self._by_beginning(having), below).select
        return _Lookup(read, self._by_key(having), below, self._conversions).select

    def _by_key(self, having: Sequence[tuple[_Entry, _Leaf]]) -> dict[object, Select]:
        grouped: defaultdict[object, list[_Entry]] = defaultdict(list)
        for entry, leaf in having:
            if isinstance(leaf.requires, Keys):
                left = entry.without(leaf, exact=leaf.requires.exact)
                for key in leaf.requires.keys:
                    grouped[key].append(left)
        made: dict[tuple[int, ...], Select] = {}  # keys with the same entries share a node
        buckets: dict[object, Select] = {}
        for key, bucket in grouped.items():
            identity = tuple(map(id, bucket))
            if identity not in made:
                made[identity] = self.node(bucket)
            buckets[key] = made[identity]
        return buckets

    def _by_beginning(self, having: Sequence[tuple[_Entry, _Leaf]]) -> dict[str, Select]:
        texts = [(entry, leaf, leaf.requires) for entry, leaf in having if isinstance(leaf.requires, Prefix)]
        lengths = sorted({len(requires.text) for _, _, requires in texts})
        step = -(-len(lengths) // _LENGTHS)
        kept = lengths[::step]
        grouped: defaultdict[str, list[_Entry]] = defaultdict(list)
        for entry, leaf, requires in texts:
            length = max(each for each in kept if each <= len(requires.text))
            whole = length == len(requires.text)
            grouped[requires.text[:length]].append(entry.without(leaf, exact=requires.exact and whole))
        return {text: self.node(bucket) for text, bucket in grouped.items()}

    # bitmaps

    def _bitmaps(self, entries: Sequence[_Entry]) -> Select:
        uses = Counter(
            where
            for entry in entries
            for where in dict.fromkeys((leaf.path, type(leaf.requires)) for leaf in entry.leaves)
            if where[1] in (Keys, Span)
        )
        decided: set[_Leaf] = set()
        coarse: set[_Leaf] = set()
        columns: list[tuple[Path, _Column]] = []
        for (path, kind), _ in uses.most_common(_COLUMNS):
            if kind is Keys:
                column: _Column | None = self._values(entries, path, decided)
            else:
                column = self._bounds(entries, path, decided, coarse)
            if column is not None:
                columns.append((path, column))
        if not columns:
            return _Few(entries).select
        left = _mask(place for place, entry in enumerate(entries) if not decided.issuperset(entry.leaves))
        unsure = [[leaf for leaf in entry.leaves if leaf not in decided or leaf in coarse] for entry in entries]
        tests = {place: _together(leaves) for place, leaves in enumerate(unsure) if leaves}
        return _Bitmaps([entry.number for entry in entries], columns, tests, left).select

    def _values(self, entries: Sequence[_Entry], path: Path, decided: set[_Leaf]) -> _Column | None:
        places: defaultdict[object, list[int]] = defaultdict(list)
        others: list[int] = []
        exact: list[_Leaf] = []
        for place, entry in enumerate(entries):
            leaf = next((each for each in entry.leaves if each.path == path and type(each.requires) is Keys), None)
            if leaf is None or not isinstance(leaf.requires, Keys):
                others.append(place)
                continue
            for key in leaf.requires.keys:
                places[key].append(place)
            if leaf.requires.exact:
                exact.append(leaf)
        if len(places) > _VALUES:
            return None
        decided.update(exact)
        masks = {key: _mask(each) for key, each in places.items()}
        return _Values(masks, _mask(others), self._conversions)

    def _bounds(self, entries: Sequence[_Entry], path: Path, decided: set[_Leaf], coarse: set[_Leaf]) -> _Column:
        spans: list[tuple[int, list[Span]]] = []
        others: list[int] = []
        leaves: list[_Leaf] = []
        for place, entry in enumerate(entries):
            own = [leaf for leaf in entry.leaves if leaf.path == path and isinstance(leaf.requires, Span)]
            if own:
                spans.append((1 << place, [leaf.requires for leaf in own if isinstance(leaf.requires, Span)]))
                leaves += own
            else:
                others.append(place)
        column = _Bounds(spans, _mask(others), self._conversions)
        decided.update(leaves)
        if column.doubts:
            coarse.update(leaves)
        return column


def _mask(places: Iterable[int]) -> int:
    """The bits at places, made at once: an integer that grows bit by bit would be copied for each."""
    bits = bytearray()
    for place in places:
        at = place >> 3
        if at >= len(bits):
            bits.extend(bytes(at + 1 - len(bits)))
        bits[at] |= 1 << (place & 7)
    return int.from_bytes(bits, "little")
