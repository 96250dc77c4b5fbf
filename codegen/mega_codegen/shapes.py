"""Understand one schema node: what may stand there, in a normal form that the model generator gets right.

References are followed, the parts of ``allOf`` are intersected, and what remains is one of a few forms: a scalar with
its constraints, a choice of constants, an array, a dictionary, a reference to an object type, or a union of these.
A node that does not come down to one of them gets the nearest form that admits all that the node admits, and is marked
as not exact: the event that it belongs to carries a check (``bundle``). So a form may say too little, never too much.

This step knows documents and references. It knows nothing of events, of Python names and of the model generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from mega_codegen.errors import Problem, Report, SchemaErrors
from mega_codegen.keywords import (
    BY_TYPE,
    CHECKED,
    FORMATS,
    LISTS_OF_SCHEMAS,
    MAPS_OF_SCHEMAS,
    SCHEMAS,
    SENSITIVE,
    TYPED,
    is_annotation,
    objection,
)
from mega_codegen.records import MADE_OF, Json, Member, Place, Shape, TypeModel
from mega_codegen.regexes import to_rust
from mega_codegen.resolve import Library, Unresolved, child

ANYTHING = Shape({}, nullable=True)
DEPTH, NODES, PARTS, ALTERNATIVES = 40, 10_000, 1000, 200
"""How deeply a type may nest, how many nodes are looked at for it, how many parts it may have, and how many
alternatives a union; object types are not counted, they are classes of their own. What goes beyond is anything, as far
as types can say."""

WRITTEN = 500_000
"""How many attributes and constants all classes may have together; a small file can repeat one of them often."""

REFERENCES = 100
"""How many references may lead from one node to the next."""

UNSAID = Shape({}, nullable=True, exact=False)
"""Anything, as far as types can say."""

TYPES = ("string", "integer", "number", "boolean", "array", "object")


class Refused(Exception):  # noqa: N818 - named for what it reports
    """A node has no shape; the reason is in the report already."""


class _Loose(Exception):  # noqa: N818 - it never leaves this file
    """Types cannot say exactly what the facts say."""


@dataclass(slots=True)
class Facts:
    """What all parts of an ``allOf`` say together.

    ``exact`` is whether the rest of the facts is all of it; what they say holds in any case.
    """

    places: list[Place]
    types: set[str] | None = None
    choices: list[Json] | None = None
    unions: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])
    limits: dict[str, Json] = field(default_factory=dict[str, Json])
    items: list[Place] = field(default_factory=list[Place])
    properties: dict[str, list[Place]] = field(default_factory=dict[str, list[Place]])
    required: list[str] = field(default_factory=list[str])
    extra: list[Place] = field(default_factory=list[Place])
    exact: bool = True
    key: str = ""

    @property
    def place(self) -> Place:
        """The place that names the whole: the outermost part."""
        return self.places[0]

    def constraints(self) -> list[str]:
        """Keywords that constrain values of one type, sorted."""
        parts = {
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": self.extra,
            "items": self.items,
        }
        return sorted([*self.limits, *(keyword for keyword, value in parts.items() if value)])

    @property
    def description(self) -> str:
        """The outermost description."""
        return next((text for place in self.places if (text := description_of(place))), "")


def description_of(place: Place) -> str:
    """The description of a node, or an empty text."""
    text = place.node.get("description") if isinstance(place.node, dict) else None
    return text if isinstance(text, str) else ""


def name_of(place: Place) -> str:
    """The name that a node asks for with ``x-mega-name``."""
    text = place.node.get("x-mega-name") if isinstance(place.node, dict) else None
    return text if isinstance(text, str) else ""


Held = Mapping[str, frozenset[str] | None]
"""Nodes, by key, whose properties belong to a class, which holds the marks of these by itself: all, or those named."""

_KEPT = frozenset({"$ref", "additionalProperties", "allOf", "anyOf", "items", "oneOf"})
"""Keywords below which types are looked for; what stands below any other belongs to no class."""


def references(schema: Mapping[str, Json]) -> Iterator[str]:
    """Keys of the types that a schema in normal form refers to."""
    if "$ref" in schema:
        yield schema["$ref"]
    for part in ("items", "additionalProperties"):
        if part in schema:
            yield from references(schema[part])
    for member in schema.get("anyOf", ()):
        yield from references(member)


class Shaper:
    """Shapes of nodes, and the object types that they refer to, each made once.

    Attributes:
        types: object types by key, in the order in which they were met.
        bounded: whether no limit was reached, nor could have been in another order of the documents; then the shape of
            a node follows from the nodes that it reaches, whatever else was read.
    """

    def __init__(self, library: Library, report: Report) -> None:
        self._library = library
        self._report = report
        self._checked: set[str] = set()
        self._open: set[str] = set()
        self._shapes: dict[str, Shape] = {}
        self._objects: dict[str, Facts] = {}
        self._pending: list[tuple[str, bool, bool]] = []
        self._depth = self._made = self._cuts = self._written = 0
        self._sizes: dict[str, tuple[int, int]] = {}
        self._height = self._size = 0
        self._any_marks: bool | None = None
        self.bounded = True
        self.types: dict[str, TypeModel] = {}

    # --- places -------------------------------------------------------------------------------------------------------

    def refuse(self, place: Place, message: str, remedy: str = "", keyword: str = "") -> Refused:
        """Report why a node is refused; the caller raises what this returns."""
        self._report.error(place.file, f"{place.pointer}/{keyword}" if keyword else place.pointer, message, remedy)
        return Refused()

    def follow(self, place: Place) -> Place:
        """The node that the ``$ref`` of a node points to."""
        reference = place.node["$ref"]
        if not isinstance(reference, str):
            raise self.refuse(place, "$ref must be a string", keyword="$ref")
        try:
            return self._library.follow(place, reference)
        except Unresolved as error:
            if not error.reason:
                raise Refused from None
            raise self.refuse(place, f"$ref {error.reason}", error.remedy, "$ref") from None

    def alias(self, place: Place) -> Place:
        """The node that a node merely refers to, with ``$ref`` or an ``allOf`` of one part; else the node itself."""
        seen: set[str] = set()
        while isinstance(place.node, dict):
            place = self._effective(place)
            if place.key in seen:
                raise self.refuse(place, "refers to itself and to nothing else", "Say what the type is.")
            if len(seen) == REFERENCES:
                raise self.refuse(place, f"stands behind more than {REFERENCES} references", "Refer to it directly.")
            seen.add(place.key)
            says = [keyword for keyword in place.node if not is_annotation(keyword)]
            if says == ["$ref"]:
                place = self.follow(place)
            elif says == ["allOf"] and isinstance(place.node["allOf"], list) and len(place.node["allOf"]) == 1:
                place = child(place, "allOf", 0)
            else:
                break
        return place

    def layers(self, place: Place, stop: frozenset[str] = frozenset()) -> Iterator[Place]:
        """The node and, outermost first, all nodes that hold at the same place: ``$ref`` and ``allOf``.

        Args:
            place: where to begin.
            stop: keys of nodes that are left out, and what they refer to with them.
        """
        seen, above, stack = set(stop), dict[str, None](), [iter([place])]
        while stack:
            found = next(stack[-1], None)
            layer = found and self._effective(found)
            if layer is None:
                stack.pop()
                if above:
                    above.popitem()
            elif layer.key in above:
                raise self.refuse(layer, "is part of itself by way of $ref or allOf", "Break the circle.")
            elif len(above) == REFERENCES:
                raise self.refuse(layer, f"stands behind more than {REFERENCES} references", "Refer to it directly.")
            elif layer.key not in seen:
                seen.add(layer.key)
                above[layer.key] = None
                yield layer
                stack.append(self._parts(layer))

    def _parts(self, place: Place) -> Iterator[Place]:
        node = place.node
        if not isinstance(node, dict):
            return
        if "$ref" in node:
            yield self.follow(place)
        for index, _ in enumerate(self._list(place, "allOf")):
            yield child(place, "allOf", index)

    def _effective(self, place: Place) -> Place:
        """The node without what its draft ignores: in draft-07 all that stands beside ``$ref``."""
        node = place.node
        if place.draft != "draft-07" or not isinstance(node, dict) or "$ref" not in node:
            return place
        if not all(keyword == "$ref" or is_annotation(keyword) for keyword in node):
            remedy = "Put both into an allOf, or use draft 2020-12."
            self._report.warn(place.file, place.pointer, "draft-07 ignores what stands beside $ref", remedy)
        return replace(place, node={key: value for key, value in node.items() if key == "$ref" or is_annotation(key)})

    def _list(self, place: Place, keyword: str) -> list[Json]:
        value = place.node.get(keyword, [])
        if not isinstance(value, list):
            raise self.refuse(place, f"{keyword} must be an array", keyword=keyword)
        return value

    # --- shapes -------------------------------------------------------------------------------------------------------

    def member(self, wire: str, places: Sequence[Place], required: bool) -> Member | None:
        """A property as a member of its object; ``None`` when it was refused.

        Args:
            wire: its name.
            places: the nodes that hold for it together; none means that it may be anything.
            required: whether it must be present.
        """
        try:
            shape = self.shape(places)
        except Refused:
            return None
        description = next((text for place in places if (text := description_of(place))), "")
        name = next((text for place in places if (text := name_of(place))), "")
        first = places[0] if places else Place("", "", {}, "", "")
        self._count(len(shape.schema.get("enum", ())), first)
        sensitive = self.any_marks and self.mark(places, self.held(shape)) is not None
        return Member(wire, shape, required, description, first.file, first.pointer, name, sensitive)

    # --- marks --------------------------------------------------------------------------------------------------------

    @property
    def any_marks(self) -> bool:
        """Whether any document has a mark at all."""
        if self._any_marks is None:
            self._any_marks = any(_mentions_mark(self._library.root(path).node) for path in self._library.paths())
        return self._any_marks

    def held(self, shape: Shape) -> Held:
        """The nodes of the object types that a shape refers to: their classes hold the marks of their properties."""
        return {place.key: None for key in references(shape.schema) for place in self._objects[key].places}

    def mark(self, places: Iterable[Place], held: Held) -> Place | None:
        """A node with ``x-mega-sensitive`` among these and all that is applied below, where no class holds it.

        So what is marked in an element, in a member of a union or under ``then`` marks the whole value. Where a dynamic
        reference may lead, it is taken to lead.

        Args:
            places: the nodes that hold for a value.
            held: the nodes whose properties are looked after elsewhere.
        """
        waiting = [(place, True) for place in places]
        seen: set[tuple[str, bool]] = set()
        while waiting:
            place, kept = waiting.pop()
            if (place.key, kept) in seen or not isinstance(place.node, dict):
                continue
            seen.add((place.key, kept))
            place = self._effective(place)
            if place.node.get(SENSITIVE) is True:
                return place
            for keyword, value in place.node.items():
                names = held.get(place.key, frozenset()) if kept and keyword == "properties" else frozenset[str]()
                if names is not None:
                    below = self._applied(place, keyword, value, names)
                    waiting += [(each, kept and keyword in _KEPT) for each in below]
        return None

    def _applied(self, place: Place, keyword: str, value: Json, without: frozenset[str]) -> list[Place]:
        """The schemas that a keyword applies, to the same value or to what it contains."""
        if keyword in ("$ref", "$dynamicRef") and isinstance(value, str):
            anchors = self._library.anywhere(value.rpartition("#")[2]) if keyword == "$dynamicRef" else []
            try:
                return [self._library.follow(place, value), *anchors]
            except Unresolved:
                return anchors
        if isinstance(value, list) and (keyword in LISTS_OF_SCHEMAS or keyword == "items"):
            return [child(place, keyword, index) for index, _ in enumerate(value)]
        if isinstance(value, dict) and (keyword in MAPS_OF_SCHEMAS or keyword == "dependencies"):
            return [child(place, keyword, name) for name in value if name not in without]
        return [child(place, keyword)] if keyword in SCHEMAS else []

    def _count(self, more: int, place: Place) -> None:
        self._written += more
        if self._written > WRITTEN:
            message = f"the classes have more than {WRITTEN} attributes, or constants of attributes, in all"
            remedy = "Split the folder; refer to an object instead of repeating what it has."
            raise SchemaErrors([*self._report.problems, Problem(place.file, place.pointer, message, remedy)])

    def shape(self, places: Sequence[Place]) -> Shape:
        """What may stand where all of these nodes hold.

        Raises:
            Refused: a reference leads nowhere, or a keyword does not belong there; it is in the report.
        """
        if not places:
            return ANYTHING
        aliases = [self.alias(place) for place in places]
        unique = list({place.key: place for place in aliases}.values())
        key = MADE_OF.join(place.key for place in unique)
        if key in self._shapes:
            self._measure(*self._sizes[key])
            return self._shapes[key]
        self._made = self._made + 1 if self._depth else 0
        if key in self._open or self._depth == DEPTH or self._made > NODES:
            self._cuts += 1
            self.bounded = False
            return UNSAID
        cuts, around, self._height, self._size = self._cuts, (self._height, self._size), 0, 0
        self._open.add(key)
        self._depth += 1
        try:
            facts = self.facts(unique)
            facts.key = key
            shape = self._shape(facts)
        finally:
            self._depth -= 1
            self._open.discard(key)
            self._sizes[key] = (self._height + 1, self._size + 1)
            self._height, self._size = around
            self._measure(*self._sizes[key])
        if _is_large(shape):
            shape = UNSAID
        if (
            self._depth == 0 or self._cuts == cuts or shape.schema == {"$ref": key}
        ):  # else it depends on where it was met
            self._shapes[key] = shape
        return shape

    def _measure(self, height: int, size: int) -> None:
        """Count what is below the shape that is being made, as if nothing had been made before."""
        self.bounded &= height < DEPTH and size < NODES
        self._height, self._size = max(self._height, height), self._size + size

    def settle(self) -> None:
        """Give the object types that were met their members."""
        while self._pending:
            key, closed, exact = self._pending.pop()
            self.types[key] = self.object_type(key, self._objects[key], closed, exact=exact)

    def facts(self, places: Iterable[Place], stop: frozenset[str] = frozenset()) -> Facts:
        """What the nodes say together, checked against the table of keywords.

        Raises:
            Refused: a keyword cannot be enforced.
        """
        layers = list({layer.key: layer for place in places for layer in self.layers(place, stop)}.values())
        facts = Facts(layers)
        for layer in layers:
            if layer.node is False:
                facts.exact = False
            elif layer.node is not True:
                self._check(layer)
                self._add(facts, layer)
        self._check_closed(facts)
        return facts

    def _check(self, place: Place) -> None:
        if place.key in self._checked:
            return
        objections = {keyword: objection(keyword, place.draft, value) for keyword, value in place.node.items()}
        for keyword, found in objections.items():
            if found is not None:
                self.refuse(place, *found, keyword)
        if any(objections.values()):
            raise Refused
        self._checked.add(place.key)

    def _add(self, facts: Facts, layer: Place) -> None:
        node = layer.node
        facts.exact &= not CHECKED & node.keys()
        if "type" in node:
            self._add_types(facts, layer)
        if "const" in node:
            self._add_choices(facts, [node["const"]])
        if "enum" in node:
            self._add_choices(facts, self._list(layer, "enum"))
        facts.unions += [(layer, keyword) for keyword in ("anyOf", "oneOf") if keyword in node]
        for keyword in TYPED & node.keys():
            self._add_limit(facts, layer, keyword)
        for name in node.get("properties", {}):
            facts.properties.setdefault(name, []).append(child(layer, "properties", name))
        facts.required += [name for name in node.get("required", ()) if name not in facts.required]

    def _add_types(self, facts: Facts, layer: Place) -> None:
        declared = layer.node["type"]
        types = {declared} if isinstance(declared, str) else set(declared)
        if facts.types is None:
            facts.types = types
            return
        both = facts.types & types
        if "integer" in types | facts.types and "number" in types | facts.types:
            both |= {"integer"}
        facts.types = both
        facts.exact &= bool(both)

    def _add_choices(self, facts: Facts, values: list[Json]) -> None:
        if facts.choices is not None:
            values = [value for value in values if any(_same(value, known) for known in facts.choices)]
        facts.choices = values
        facts.exact &= bool(values)

    def _add_limit(self, facts: Facts, layer: Place, keyword: str) -> None:
        value = layer.node[keyword]
        if keyword == "items":
            if isinstance(value, list):
                facts.exact = False
            elif "prefixItems" not in layer.node:
                facts.items.append(child(layer, keyword))
        elif keyword == "additionalProperties":
            if value is not True and value != {}:
                facts.extra.append(child(layer, keyword))
        elif keyword not in ("properties", "required"):
            if keyword == "format" and value not in FORMATS:
                return
            known = facts.limits.get(keyword, value)
            if known != value:
                tighter = _TIGHTER.get(keyword)
                facts.exact &= tighter is not None
                value = tighter(known, value) if tighter else known
            facts.limits[keyword] = value

    def _check_closed(self, facts: Facts) -> None:
        for place in facts.extra:
            owner = next(layer for layer in facts.places if f"{layer.pointer}/additionalProperties" == place.pointer)
            if facts.properties.keys() - owner.node.get("properties", {}).keys():
                facts.exact = False  # what one part of allOf forbids, another lists

    def _shape(self, facts: Facts) -> Shape:
        if facts.exact:
            try:
                return self._exact(facts)
            except _Loose:
                pass
        return replace(self._nearest(facts), exact=False)

    def _exact(self, facts: Facts) -> Shape:
        if facts.unions:
            return self._union(facts)
        if facts.choices is not None:
            return self._choice(facts)
        if facts.types is None:
            if facts.constraints():
                raise _Loose  # they say nothing of values of other types
            return ANYTHING
        return self._by_type(facts.types, facts)

    def _nearest(self, facts: Facts) -> Shape:
        """What admits at least all that the facts admit."""
        types = facts.types
        if facts.choices is not None:
            kinds = set[str]().union(*(_type_of(value) for value in facts.choices))
            types = kinds if types is None else {*_widen(types)} & kinds
            if facts.choices and all(_spellable(value) for value in facts.choices):
                return _literal(facts.choices)
        elif facts.unions and not facts.constraints():
            place, keyword = facts.unions[0]
            return self._alternatives(place, keyword)
        return self._by_type(types, facts, exact=False) if types else UNSAID

    def _by_type(self, types: set[str], facts: Facts, *, exact: bool = True) -> Shape:
        wanted = [name for name in TYPES if name in types and not (name == "integer" and "number" in types)]
        shapes = [self._typed(name, facts) if exact else self._roughly(name, facts) for name in wanted]
        return _join(shapes, nullable="null" in types)

    def _typed(self, name: str, facts: Facts) -> Shape:
        limits = {keyword: value for keyword, value in facts.limits.items() if keyword in BY_TYPE[name]}
        if name in ("string", "array", "object"):
            limits = _counts(limits)
        if name == "object":
            return self._object(facts, limits)
        if name == "array":
            items = self.shape(facts.items)
            return Shape({"type": "array", "items": _whole(items), **limits}, exact=items.exact)
        if name == "string":
            return Shape({"type": "string", **_string(limits)})
        if name == "integer":
            limits = {keyword: _integral(keyword, value) for keyword, value in limits.items()}
        elif "multipleOf" in limits or any(abs(value) > _EXACT_FLOAT for value in limits.values()):
            raise _Loose
        return Shape({"type": name, **limits})

    def _roughly(self, name: str, facts: Facts) -> Shape:
        """The nearest form for values of one type."""
        if name == "object" and (facts.properties or facts.required):
            return self._reference(facts, closed=False, exact=False)
        if name == "object":
            return Shape({"type": "object", "additionalProperties": {}})
        if name == "array":
            return Shape({"type": "array", "items": _whole(self.shape(facts.items))})
        try:
            return self._typed(name, facts)
        except _Loose:
            kept = {keyword: value for keyword, value in facts.limits.items() if _holds_alone(name, keyword, value)}
            return Shape({"type": name, **kept})

    def _object(self, facts: Facts, limits: dict[str, Json]) -> Shape:
        closed = any(place.node is False for place in facts.extra)
        if not facts.properties and not facts.required and not closed:
            values = self.shape(facts.extra)
            schema = {"type": "object", "additionalProperties": _whole(values), **limits}
            return Shape(schema, exact=values.exact)
        if limits or (facts.extra and not closed):
            raise _Loose
        return self._reference(facts, closed=closed, exact=True)

    def _reference(self, facts: Facts, *, closed: bool, exact: bool) -> Shape:
        key = facts.key or facts.place.key
        if key not in self.types:
            self.types[key] = self._unsettled(key, facts, closed, exact)
            self._objects[key] = facts
            self._pending.append((key, closed, exact))
        return Shape({"$ref": key})

    def _unsettled(self, key: str, facts: Facts, closed: bool, exact: bool) -> TypeModel:
        place = facts.place
        return TypeModel(key, place.file, place.pointer, facts.description, (), closed, name_of(place), exact)

    def object_type(self, key: str, facts: Facts, closed: bool, *, exact: bool) -> TypeModel:
        """An object type from what its nodes say; it is known by its key while its members are shaped."""
        empty = self.types[key] = self._unsettled(key, facts, closed, exact)
        names = [*facts.properties, *(name for name in facts.required if name not in facts.properties)]
        self._count(len(names), facts.place)
        required = frozenset(facts.required)
        members = (self.member(name, facts.properties.get(name, ()), name in required) for name in names)
        known = tuple(member for member in members if member is not None)
        return replace(empty, members=known)

    def _choice(self, facts: Facts) -> Shape:
        values = [value for value in facts.choices or () if facts.types is None or _type_of(value) & facts.types]
        if facts.constraints() or not values or not all(map(_spellable, values)):
            raise _Loose
        return _literal(values)

    def _union(self, facts: Facts) -> Shape:
        place, keyword = facts.unions[0]
        if len(facts.unions) > 1 or facts.constraints() or facts.choices is not None:
            raise _Loose
        shapes = [self.shape([child(place, keyword, index)]) for index, _ in enumerate(self._list(place, keyword))]
        if facts.types is not None and not all(self._kinds(shape) <= _widen(facts.types) for shape in shapes):
            raise _Loose
        if keyword == "oneOf" and len(shapes) > 1:
            self._check_distinct(shapes)
        return _join(shapes, nullable=False)

    def _alternatives(self, place: Place, keyword: str) -> Shape:
        members = [child(place, keyword, index) for index, _ in enumerate(self._list(place, keyword))]
        return _join([self.shape([member]) for member in members], nullable=False)

    def _check_distinct(self, shapes: list[Shape]) -> None:
        seen: set[str] = set()
        objects = [self._objects[shape.schema["$ref"]] for shape in shapes if "$ref" in shape.schema]
        tagged = len(objects) > 1 and self._tagged(objects)
        for shape in shapes:
            kinds = _widen(self._kinds(shape))
            if seen & kinds - ({"object"} if tagged and "$ref" in shape.schema else set()):
                raise _Loose
            seen |= kinds

    def _tagged(self, objects: Sequence[Facts]) -> bool:
        """Whether the objects have a required property in common whose constant tells them apart."""
        for name in objects[0].required:
            tags = [self._constants(facts, name) for facts in objects]
            values = [repr(value) for tag in tags for value in tag]
            if all(tags) and len(values) == len(set(values)):
                return True
        return False

    def _constants(self, facts: Facts, name: str) -> Sequence[Json]:
        """What a required property is limited to; nothing when it is not, or when it may be null."""
        places = facts.properties.get(name)
        if not places or name not in facts.required:
            return ()
        try:
            found = self.facts([self.alias(place) for place in places])
            return () if None in (found.choices or ()) else self._choice(found).schema["enum"]
        except (Refused, _Loose):
            return ()

    def _kinds(self, shape: Shape) -> set[str]:
        schema = shape.schema
        kinds = {"null"} if shape.nullable else set[str]()
        if "$ref" in schema:
            return kinds | {"object"}
        if "enum" in schema:
            return kinds.union(*(_type_of(value) for value in schema["enum"]))
        if "anyOf" in schema:
            return kinds.union(*(self._kinds(Shape(member)) for member in schema["anyOf"]))
        return kinds | ({schema["type"]} if "type" in schema else {*TYPES, "null"})


def _mentions_mark(tree: Json) -> bool:
    """Whether the keyword stands anywhere in a document."""
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if SENSITIVE in node:
                return True
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return False


def _string(limits: dict[str, Json]) -> dict[str, Json]:
    if "format" in limits and len(limits) > 1:
        raise _Loose
    if "pattern" in limits:
        pattern, fault = to_rust(limits["pattern"])
        if fault:
            raise _Loose
        limits = {**limits, "pattern": pattern}
    return limits


def _counts(limits: Mapping[str, Json]) -> dict[str, Json]:
    """Lengths as integers, and without those that no value can exceed."""
    counts: dict[str, Json] = {}
    for keyword, value in limits.items():
        if not isinstance(value, int | float):
            counts[keyword] = value
        elif value <= MOST:
            counts[keyword] = int(value)
        elif keyword.startswith("min"):
            raise _Loose
    return counts


MOST = 2**31 - 1
"""The largest length that is asked for: no value that a queue can hold is longer."""


def _integral(keyword: str, value: float) -> int:
    """A limit for integers; rounded towards what it admits."""
    if value == int(value):
        return int(value)
    if keyword == "multipleOf":
        raise _Loose
    return math.ceil(value) if keyword in ("minimum", "exclusiveMaximum") else math.floor(value)


def _holds_alone(name: str, keyword: str, value: Json) -> bool:
    """Whether a type can hold a constraint that it cannot hold together with the others."""
    if name == "string":
        return keyword == "format"
    bounds = BY_TYPE["number"] - {"multipleOf"}
    return name == "number" and keyword in bounds and abs(value) <= _EXACT_FLOAT


_EXACT_FLOAT = 2**53
"""Beyond this, a limit and the value that it is compared with may be rounded to the same float."""


def _spellable(value: Json) -> bool:
    """Whether ``Literal`` can hold a constant."""
    if isinstance(value, float):
        return value.is_integer() and abs(value) < 2**63
    return value is None or isinstance(value, str | bool) or (isinstance(value, int) and abs(value) < 2**63)


def _literal(values: Iterable[Json]) -> Shape:
    """A choice of constants; 1.0 is the integer 1."""
    settled = [int(value) if isinstance(value, float) else value for value in values]
    present = list({(type(value), value): value for value in settled if value is not None}.values())
    if not present:
        return Shape({"type": "null"}, nullable=True)
    return Shape({"enum": present}, nullable=None in settled)


def _is_large(shape: Shape) -> bool:
    """Whether a type has more alternatives or parts than a reader, a type checker and the model generator can bear."""
    if len(shape.schema.get("anyOf", ())) > ALTERNATIVES:
        return True
    count, stack = 0, [shape.schema]
    while stack and count <= PARTS:
        schema = stack.pop()
        count += 1
        stack += schema.get("anyOf", ())
        stack += [schema[part] for part in ("items", "additionalProperties") if part in schema]
    return count > PARTS


def _join(shapes: Sequence[Shape], nullable: bool) -> Shape:
    """The union of shapes, flat and without repetition."""
    free = [shape for shape in shapes if not shape.schema]
    if free:
        return ANYTHING if any(shape.exact for shape in free) else UNSAID
    nullable = nullable or any(shape.nullable for shape in shapes)
    exact = all(shape.exact for shape in shapes)
    members: list[Mapping[str, Json]] = []
    for shape in shapes:
        for member in shape.schema.get("anyOf", (shape.schema,)):
            if member not in members and member.get("type") != "null":
                members.append(member)
    if not members:
        return Shape({"type": "null"}, nullable=True, exact=exact)
    return Shape(members[0] if len(members) == 1 else {"anyOf": members}, nullable, exact)


def _whole(shape: Shape) -> Mapping[str, Json]:
    """A shape as one schema, with null inside."""
    if not shape.nullable or not shape.schema or shape.schema == {"type": "null"}:
        return shape.schema
    members = shape.schema.get("anyOf", (shape.schema,))
    return {"anyOf": [*members, {"type": "null"}]}


def _widen(types: set[str]) -> set[str]:
    return types | {"integer"} if "number" in types else types


def _type_of(value: Json) -> set[str]:
    if value is None:
        return {"null"}
    if isinstance(value, bool):
        return {"boolean"}
    if isinstance(value, int):
        return {"integer", "number"}
    if isinstance(value, float):
        return {"integer", "number"} if value.is_integer() else {"number"}
    if isinstance(value, str):
        return {"string"}
    return {"array"} if isinstance(value, list) else {"object"}


def _same(left: Json, right: Json) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


_TIGHTER = {
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
}
"""For the keywords of which two values can hold at once: which of them is the stricter."""
