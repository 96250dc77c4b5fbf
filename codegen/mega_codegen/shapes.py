"""Understand one schema node: what may stand there, in a normal form that the model generator gets right.

References are followed, the parts of ``allOf`` are intersected, and what remains is one of a few forms: a scalar with
its constraints, a choice of constants, an array, a dictionary, a reference to an object type, or a union of these.
A node that does not come down to one of them is refused with the reason: a class that accepts more or less than its
schema is worse than none.

This step knows documents and references. It knows nothing of events, of Python names and of the model generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mega_codegen.errors import Report
from mega_codegen.keywords import ANNOTATIONS, BY_TYPE, FORMATS, REFUSED, STRUCTURE, TYPED, is_annotation
from mega_codegen.records import Json, Member, Place, Shape, TypeModel
from mega_codegen.regexes import to_rust
from mega_codegen.resolve import Library, Unresolved, child

ANYTHING = Shape({}, nullable=True)
DEPTH, PARTS, ALTERNATIVES, REFERENCES = 40, 1000, 200, 100
"""How deeply a type may nest, how many parts it may have, and how many alternatives a union, object types not counted:
they are classes of their own. How many references may lead from one node to the next."""

MOST = 2**31 - 1
"""The largest length that is asked for: no value that a queue can hold is longer."""

TYPES = ("string", "integer", "number", "boolean", "array", "object")


class Refused(Exception):  # noqa: N818 - named for what it reports
    """A node has no shape; the reason is in the report already."""


@dataclass(slots=True)
class Facts:
    """What all parts of an ``allOf`` say together."""

    places: list[Place]
    types: set[str] | None = None
    choices: list[Json] | None = None
    unions: list[tuple[Place, str]] = field(default_factory=list[tuple[Place, str]])
    limits: dict[str, Json] = field(default_factory=dict[str, Json])
    items: list[Place] = field(default_factory=list[Place])
    properties: dict[str, list[Place]] = field(default_factory=dict[str, list[Place]])
    required: list[str] = field(default_factory=list[str])
    extra: list[Place] = field(default_factory=list[Place])

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


class Shaper:
    """Shapes of nodes, and the object types that they refer to, each made once.

    Attributes:
        types: object types by key, in the order in which they were met.
    """

    def __init__(self, library: Library, report: Report) -> None:
        self._library = library
        self._report = report
        self._checked: set[str] = set()
        self._open: set[str] = set()
        self._shapes: dict[str, Shape] = {}
        self._pending: list[tuple[str, Facts, bool]] = []
        self._depth = 0
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
            layer = next(stack[-1], None)
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
            if place.draft == "draft-07" and any(keyword in STRUCTURE | TYPED for keyword in node if keyword != "$ref"):
                raise self.refuse(
                    place, "draft-07 ignores what stands beside $ref", "Put both into an allOf, or use draft 2020-12."
                )
            yield self.follow(place)
        for index, _ in enumerate(self._list(place, "allOf")):
            yield child(place, "allOf", index)

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
        return Member(wire, shape, required, description, first.file, first.pointer, name)

    def shape(self, places: Sequence[Place]) -> Shape:
        """What may stand where all of these nodes hold.

        Raises:
            Refused: it cannot be said exactly.
        """
        if not places:
            return ANYTHING
        aliases = [self.alias(place) for place in places]
        unique = list({place.key: place for place in aliases}.values())
        key = unique[0].key if len(unique) == 1 else ""
        if key in self.types:
            return Shape({"$ref": key})
        if key in self._shapes:
            return self._shapes[key]
        if key in self._open:
            raise self.refuse(
                places[0], "a type that contains itself must be an object", "Wrap it: an object with one property."
            )
        if self._depth == DEPTH:
            raise self.refuse(places[0], f"nests deeper than {DEPTH} levels", "Make one of the levels an object.")
        self._open.add(key)
        self._depth += 1
        try:
            shape = self._shape(self.facts(unique))
            self._check_size(unique[0], shape)
        finally:
            self._depth -= 1
            self._open.discard(key)
        if key:
            self._shapes[key] = shape
        return shape

    def _check_size(self, place: Place, shape: Shape) -> None:
        if len(shape.schema.get("anyOf", ())) > ALTERNATIVES:
            raise self.refuse(place, f"has more than {ALTERNATIVES} alternatives", "Use one enum, or one object.")
        count, stack = 0, [shape.schema]
        while stack:
            schema = stack.pop()
            count += 1
            if count > PARTS:
                raise self.refuse(place, f"has more than {PARTS} parts", "Make its parts objects, with $ref.")
            stack += schema.get("anyOf", ())
            stack += [schema[part] for part in ("items", "additionalProperties") if part in schema]

    def settle(self) -> None:
        """Give the object types that were met their members."""
        while self._pending:
            key, facts, closed = self._pending.pop()
            self.types[key] = self.object_type(key, facts, closed)

    def facts(self, places: Iterable[Place], stop: frozenset[str] = frozenset()) -> Facts:
        """What the nodes say together, checked against the table of keywords.

        Raises:
            Refused: a keyword cannot be enforced, or the nodes contradict each other.
        """
        layers = list({layer.key: layer for place in places for layer in self.layers(place, stop)}.values())
        facts = Facts(layers)
        for layer in layers:
            if layer.node is False:
                raise self.refuse(layer, "false admits no value at all", "Remove the property.")
            if layer.node is not True:
                self._check(layer)
                self._add(facts, layer)
        self._check_closed(facts)
        return facts

    def _check(self, place: Place) -> None:
        if place.key in self._checked:
            return
        fine = True
        for keyword in place.node:
            if keyword in STRUCTURE or keyword in TYPED or is_annotation(keyword):
                continue
            fine = False
            if keyword in REFUSED:
                self.refuse(place, f"{keyword} cannot be enforced by the generated class", REFUSED[keyword], keyword)
            else:
                self.refuse(
                    place,
                    f"{keyword} is not a keyword of JSON Schema",
                    "Check the spelling; a keyword of your own must start with x-.",
                    keyword,
                )
        if not fine:
            raise Refused
        self._checked.add(place.key)

    def _add(self, facts: Facts, layer: Place) -> None:
        node = layer.node
        if "type" in node:
            self._add_types(facts, layer)
        if "const" in node:
            self._add_choices(facts, layer, [node["const"]], "const")
        if "enum" in node:
            self._add_choices(facts, layer, self._list(layer, "enum"), "enum")
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
        if not both:
            raise self.refuse(layer, "no value has both types", "The parts of allOf contradict each other.", "type")
        facts.types = both

    def _add_choices(self, facts: Facts, layer: Place, values: list[Json], keyword: str) -> None:
        if facts.choices is not None:
            values = [value for value in values if any(_same(value, known) for known in facts.choices)]
        if not values:
            raise self.refuse(layer, "admits no value at all", keyword=keyword)
        facts.choices = values

    def _add_limit(self, facts: Facts, layer: Place, keyword: str) -> None:
        value = layer.node[keyword]
        if keyword == "items":
            if isinstance(value, list):
                raise self.refuse(layer, "items with one schema per position cannot be enforced", "", keyword)
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
                if tighter is None:
                    raise self.refuse(layer, f"two different values of {keyword} hold here", "Keep one.", keyword)
                value = tighter(known, value)
            facts.limits[keyword] = value

    def _check_closed(self, facts: Facts) -> None:
        for place in facts.extra:
            owner = next(layer for layer in facts.places if f"{layer.pointer}/additionalProperties" == place.pointer)
            foreign = [name for name in facts.properties if name not in owner.node.get("properties", {})]
            if foreign:
                raise self.refuse(
                    place,
                    f"additionalProperties of one part of allOf also holds for {foreign[0]!r} of another",
                    "Move it to the schema that lists all properties.",
                )

    def _shape(self, facts: Facts) -> Shape:
        if facts.unions:
            return self._union(facts)
        if facts.choices is not None:
            return self._choice(facts)
        types = facts.types
        if types is None:
            says = facts.constraints()
            if says:
                remedy = f'Add "type": "{_type_with(says[0])}".'
                raise self.refuse(facts.place, f"{says[0]} without type admits values of every other type", remedy)
            return ANYTHING
        wanted = [name for name in TYPES if name in types and not (name == "integer" and "number" in types)]
        shapes = [self._typed(name, facts) for name in wanted]
        return _join(shapes, nullable="null" in types)

    def _typed(self, name: str, facts: Facts) -> Shape:
        limits = {keyword: value for keyword, value in facts.limits.items() if keyword in BY_TYPE[name]}
        if name in ("string", "array", "object"):
            limits = self._counts(facts.place, limits)
        if name == "object":
            return self._object(facts, limits)
        if name == "array":
            return Shape({"type": "array", "items": _whole(self.shape(facts.items)), **limits})
        if name == "string":
            return Shape({"type": "string", **self._string(facts.place, limits)})
        if name == "integer":
            limits = {keyword: self._integral(facts.place, keyword, value) for keyword, value in limits.items()}
        if name == "number":
            self._check_finite(facts.place, limits)
        return Shape({"type": name, **limits})

    def _string(self, place: Place, limits: dict[str, Json]) -> dict[str, Json]:
        if "format" in limits and len(limits) > 1:
            other = next(keyword for keyword in sorted(limits) if keyword != "format")
            raise self.refuse(
                place, f"{other} beside format {limits['format']!r} cannot be enforced", f"Remove {other}.", other
            )
        if "pattern" in limits:
            pattern, fault = to_rust(limits["pattern"])
            if fault:
                raise self.refuse(
                    place, f"pattern {limits['pattern']!r} cannot be enforced: {fault}", "Rewrite it.", "pattern"
                )
            limits = {**limits, "pattern": pattern}
        return limits

    def _counts(self, place: Place, limits: dict[str, Json]) -> dict[str, Json]:
        """Lengths as integers, and without those that no value can exceed."""
        counts: dict[str, Json] = {}
        for keyword, value in limits.items():
            if not isinstance(value, int | float):
                counts[keyword] = value
            elif value <= MOST:
                counts[keyword] = int(value)
            elif keyword.startswith("min"):
                raise self.refuse(place, f"{keyword} admits no value that fits into memory", keyword=keyword)
        return counts

    def _check_finite(self, place: Place, limits: Mapping[str, Json]) -> None:
        for keyword, value in limits.items():
            try:
                float(value)
            except OverflowError:
                remedy = 'Use "type": "integer", or a smaller bound.'
                raise self.refuse(place, f"{keyword} is beyond the range of a number", remedy, keyword) from None

    def _integral(self, place: Place, keyword: str, value: float) -> int:
        if value == int(value):
            return int(value)
        if keyword == "multipleOf":
            raise self.refuse(place, "multipleOf of an integer must be an integer", keyword=keyword)
        return math.ceil(value) if keyword in ("minimum", "exclusiveMaximum") else math.floor(value)

    def _object(self, facts: Facts, limits: dict[str, Json]) -> Shape:
        closed = any(place.node is False for place in facts.extra)
        if not facts.properties and not facts.required and not closed:
            return Shape({"type": "object", "additionalProperties": _whole(self.shape(facts.extra)), **limits})
        if limits:
            keyword = min(limits)
            raise self.refuse(
                facts.place, f"{keyword} of an object with properties cannot be enforced", "Use `required`.", keyword
            )
        if facts.extra and not closed:
            raise self.refuse(
                facts.extra[0],
                "a schema for additional properties beside listed ones cannot be enforced",
                "Put the additional ones into a property of their own, of type object.",
            )
        key = facts.place.key
        if key not in self.types:
            self.types[key] = self._unsettled(key, facts, closed)
            self._pending.append((key, facts, closed))
        return Shape({"$ref": key})

    def _unsettled(self, key: str, facts: Facts, closed: bool) -> TypeModel:
        place = facts.place
        return TypeModel(key, place.file, place.pointer, facts.description, (), closed, name_of(place))

    def object_type(self, key: str, facts: Facts, closed: bool) -> TypeModel:
        """An object type from what its nodes say; it is known by its key while its members are shaped."""
        place = facts.place
        self.types[key] = self._unsettled(key, facts, closed)
        names = [*facts.properties, *(name for name in facts.required if name not in facts.properties)]
        members = (self.member(name, facts.properties.get(name, ()), name in facts.required) for name in names)
        known = tuple(member for member in members if member is not None)
        return TypeModel(key, place.file, place.pointer, facts.description, known, closed, name_of(place))

    def _choice(self, facts: Facts) -> Shape:
        values = [value for value in facts.choices or () if facts.types is None or _type_of(value) & facts.types]
        if facts.constraints():
            raise self.refuse(facts.place, "enum or const beside other constraints", "Remove the other constraints.")
        unusual = next((value for value in values if not isinstance(value, str | int | None)), None)
        if unusual is not None:
            raise self.refuse(
                facts.place, f"the constant {unusual!r} cannot be enforced", "Use strings, integers and booleans."
            )
        if not values:
            raise self.refuse(facts.place, "no constant has the type that is asked for", "Correct the type.")
        present = list({(type(value), value): value for value in values if value is not None}.values())
        if not present:
            return Shape({"type": "null"}, nullable=True)
        return Shape({"enum": present}, nullable=None in values)

    def _union(self, facts: Facts) -> Shape:
        place, keyword = facts.unions[0]
        if len(facts.unions) > 1 or facts.constraints() or facts.choices is not None:
            raise self.refuse(
                place,
                f"{keyword} beside other constraints cannot be enforced",
                "Move them into each alternative.",
                keyword,
            )
        shapes = [self.shape([child(place, keyword, index)]) for index, _ in enumerate(self._list(place, keyword))]
        if facts.types is not None:
            stray = next((shape for shape in shapes if not self._kinds(shape) <= _widen(facts.types)), None)
            if stray is not None:
                raise self.refuse(place, f"type beside {keyword} excludes an alternative", "Remove type.", keyword)
        if keyword == "oneOf" and len(shapes) > 1:
            self._check_distinct(place, shapes)
        return _join(shapes, nullable=False)

    def _check_distinct(self, place: Place, shapes: list[Shape]) -> None:
        self.settle()
        seen: set[str] = set()
        objects = [self.types[shape.schema["$ref"]] for shape in shapes if "$ref" in shape.schema]
        tagged = len(objects) > 1 and _tagged(objects)
        for shape in shapes:
            kinds = _widen(self._kinds(shape))
            overlap = seen & kinds - ({"object"} if tagged and "$ref" in shape.schema else set())
            if overlap:
                raise self.refuse(
                    place,
                    f"two alternatives of oneOf admit a value of type {min(overlap)}",
                    "Use anyOf, or give each object a required property with a different const.",
                    "oneOf",
                )
            seen |= kinds

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


def _tagged(objects: Sequence[TypeModel]) -> bool:
    """Whether the objects have a required property in common whose constant tells them apart."""
    for member in objects[0].members:
        tags = [
            tuple(other.shape.schema.get("enum", ()))
            for model in objects
            for other in model.members
            if other.wire == member.wire and other.required and not other.shape.nullable
        ]
        values = [value for tag in tags for value in tag]
        if len(tags) == len(objects) and all(tags) and len(values) == len({repr(value) for value in values}):
            return True
    return False


def _join(shapes: Sequence[Shape], nullable: bool) -> Shape:
    """The union of shapes, flat and without repetition."""
    if any(not shape.schema for shape in shapes):
        return ANYTHING
    nullable = nullable or any(shape.nullable for shape in shapes)
    members: list[Mapping[str, Json]] = []
    for shape in shapes:
        for member in shape.schema.get("anyOf", (shape.schema,)):
            if member not in members and member.get("type") != "null":
                members.append(member)
    if not members:
        return Shape({"type": "null"}, nullable=True)
    return Shape(members[0] if len(members) == 1 else {"anyOf": members}, nullable)


def _whole(shape: Shape) -> Mapping[str, Json]:
    """A shape as one schema, with null inside."""
    if not shape.nullable or not shape.schema or shape.schema == {"type": "null"}:
        return shape.schema
    members = shape.schema.get("anyOf", (shape.schema,))
    return {"anyOf": [*members, {"type": "null"}]}


def _type_with(keyword: str) -> str:
    return next(name for name in ("string", "integer", "array", "object") if keyword in BY_TYPE[name])


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

assert not ANNOTATIONS & (STRUCTURE | TYPED | REFUSED.keys())
