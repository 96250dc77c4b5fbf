"""Find the event definitions and the shared types among the documents, and what each of them says.

An event definition is a schema, a file's root or one of its ``$defs``, that extends the protocol and fixes the
identity. Its envelope is taken apart here: the attributes become the members of the event, ``object`` becomes its
entity. Where the schema demands anything that these do not say, the event gets its whole schema to carry along.

This step knows the protocol and the shapes of nodes. It knows nothing of Python names and of generated code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

from mega_codegen.bundle import bundle
from mega_codegen.errors import Report
from mega_codegen.keywords import SENSITIVE, is_annotation, objection
from mega_codegen.records import Catalogue, Document, EventModel, Json, ObjectModel, Place, Shape, TypeModel
from mega_codegen.resolve import Library, child
from mega_codegen.shapes import ANYTHING, UNSAID, Facts, Held, Refused, Shaper, name_of, references

PROTOCOL = "urn:mega:protocol:1"

GROUP = "x-mega-group"
"""The keyword of an event definition that says where the group id of its messages comes from."""

_LISTED = {
    "root": frozenset({"protocol", "version", "event", "object", "extra"}),
    "event": frozenset({"domain", "name", "version", "timestamp", "subject", "publisher", "attributes"}),
    "object": frozenset({"current", "previous", "id", "type", "version"}),
}
"""Parts of the envelope that the protocol lists."""

_NAME = re.compile(r"[a-z0-9._-]+")
_TOLERATED_NAME = re.compile(r"[a-z0-9._:-]+")
_NAME_LENGTH = 200


@dataclass(slots=True)
class _Section:
    """A part of the envelope: its properties, each with all nodes that hold for it.

    ``exact`` is whether the schema says nothing else of it, ``open`` whether it leaves other keys alone.
    """

    place: Place
    properties: dict[str, list[Place]] = field(default_factory=dict[str, list[Place]])
    required: set[str] = field(default_factory=set[str])
    description: str = ""
    exact: bool = True
    open: bool = True


def library_of(
    documents: Sequence[Document],
    protocol: Document,
    broken: Iterable[str],
    is_valid: Callable[[Json, str], bool],
    report: Report,
) -> Library:
    """The documents, and the protocol: the copy among them, or the schema that ships with the generator.

    Args:
        documents: well-formed files of the user.
        protocol: the protocol schema that ships with the generator.
        broken: files that were left out, because something is wrong with them.
        is_valid: whether a node is a schema by the meta-schema of a draft.
        report: takes a warning when the copy differs.
    """
    copies = [document for document in documents if document.tree.get("$id") == PROTOCOL]
    for copy in copies:
        if copy.tree != protocol.tree:
            report.warn(copy.path, "", "differs from the protocol schema that ships with mega-codegen", "Update it.")
    return Library([*documents, *([] if copies else [protocol])], broken, is_valid)


def catalogue(library: Library, report: Report) -> Catalogue:
    """Read the model out of the documents.

    Args:
        library: the documents and the protocol.
        report: takes everything that is wrong.
    """
    return _Reader(library, report).read()


class _Reader:
    def __init__(self, library: Library, report: Report) -> None:
        self._library = library
        self._protocol = library.resource(PROTOCOL)
        self._stop = frozenset({self._protocol.key})
        self._report = report
        self._shaper = Shaper(library, report)

    def read(self) -> Catalogue:
        for second, first in self._library.duplicates:
            for one, other in ((first, second), (second, first)):
                self._report.error(one.file, "/$id", f"the same $id as {other.file}", "Give each schema its own $id.")
        candidates = [place for path in self._library.paths() for place in self._candidates(path)]
        candidates = [place for place in candidates if place.file != self._protocol.file]
        layers = {place.key: self._layers(place) for place in candidates}
        events: list[EventModel] = []
        extended = {layer.key for place in candidates for layer in layers[place.key][1:]}
        for place in candidates:
            if any(layer.key in self._stop for layer in layers[place.key]):
                events += self._event(place, abstract=place.key in extended)
        events = [self._with_check(event) for event in self._distinct(events)]
        keys = {event.content.key for event in events}
        for place in candidates:
            if (
                layers[place.key]
                and place.key not in keys
                and not any(layer.key in self._stop for layer in layers[place.key])
            ):
                if place.key not in extended and _looks_like_event(place.node):
                    self._report.error(
                        place.file,
                        place.pointer,
                        "fixes the name of an event and does not extend the protocol",
                        f'Add "allOf": [{{"$ref": "{PROTOCOL}"}}].',
                    )
                else:
                    self._offer(place)
        types = (model for key, model in self._shaper.types.items() if key not in keys)
        return Catalogue(
            tuple(sorted(events, key=lambda event: (event.domain or "", event.name, event.version))),
            tuple(sorted(types, key=lambda model: model.key)),
            self._shaper.bounded,
        )

    def _candidates(self, path: str) -> Iterator[Place]:
        root = self._library.root(path)
        yield root
        for keyword in ("$defs", "definitions"):
            definitions = root.node.get(keyword)
            if isinstance(definitions, dict):
                yield from (child(root, keyword, name) for name in definitions)

    def _layers(self, place: Place) -> list[Place]:
        try:
            return list(self._shaper.layers(place))
        except Refused:
            return []

    def _offer(self, place: Place) -> None:
        """Shape a type that a file offers, whether something refers to it or not."""
        if isinstance(place.node, dict) and any(not is_annotation(keyword) for keyword in place.node):
            try:
                self._shaper.shape([place])
                self._shaper.settle()
            except Refused:
                return

    # --- events -------------------------------------------------------------------------------------------------------

    def _event(self, place: Place, abstract: bool) -> Iterator[EventModel]:
        before = len(self._report.problems)
        root = self._section([place], _LISTED["root"])
        event = self._section(root.properties.get("event", []), _LISTED["event"], place)
        if "name" not in event.properties and abstract:
            return
        name, domain, version = self._identity(place, event)
        exact = self._says_no_more(root, {"protocol": "mega", "version": 1})
        exact &= self._says_no_more(event, {"name": name, "domain": domain, "version": version})
        content = self._content(place, root, event)
        state = self._object(root) if "object" in root.properties or "object" in root.required else None
        sensitive = self._sensitive(place, root, event, state) if self._shaper.any_marks else ()
        self._shaper.settle()
        failed = any(not problem.warning for problem in self._report.problems[before:])
        if name is not None and content is not None and not failed:
            exact &= "attributes" not in event.required or any(member.required for member in content.members)
            content = replace(content, exact=content.exact and exact)
            required = version == 1 and "version" in event.required
            hidden = {*sensitive, *(f"attributes.{member.wire}" for member in content.members if member.sensitive)}
            group = self._group(place, root, event, content, hidden)
            yield EventModel(
                content, domain, name, version, state, event.open, required, group=group, sensitive=sensitive
            )

    def _with_check(self, event: EventModel) -> EventModel:
        """The event with its schema, when some part of it is not exact."""
        waiting = [event.content]
        shapes = [] if event.object is None else list(event.object.states)
        exact = event.object is None or (event.object.exact and all(shape.exact for shape in shapes))
        seen: set[str] = set()
        while exact and (waiting or shapes):
            for model in waiting:
                exact &= model.exact and all(member.shape.exact for member in model.members)
                shapes += [member.shape for member in model.members]
            keys = {key for shape in shapes for key in references(shape.schema)} - seen
            seen |= keys
            waiting, shapes = [self._shaper.types[key] for key in sorted(keys)], []
        if exact:
            return event
        file, _, pointer = event.content.key.partition("#")
        place = self._library.follow(self._library.root(file), f"#{pointer}")
        return replace(event, check=bundle(place, self._library, self._report))

    def _section(self, places: Iterable[Place], listed: frozenset[str], fallback: Place | None = None) -> _Section:
        section: _Section | None = None
        for layer in (layer for place in places for layer in self._shaper_layers(place)):
            section = section or _Section(layer)
            node = layer.node
            if not isinstance(node, dict):
                section.exact &= node is True
                continue
            for keyword, value in node.items():
                found = objection(keyword, layer.draft, value)
                if found is not None:
                    self._shaper.refuse(layer, *found, keyword)
                if not _harmless(keyword, value):
                    section.exact = False
                    section.open &= keyword not in _ABOUT_KEYS
            section.description = section.description or str(node.get("description", ""))
            section.required |= {str(name) for name in node.get("required", ())}
            for name in node.get("properties", {}):
                if name in listed:
                    section.properties.setdefault(name, []).append(child(layer, "properties", name))
                else:
                    section.exact = section.open = False
        unlisted = section.required - listed if section else set[str]()
        if section and unlisted:
            section.exact = section.open = False
        return section or _Section(fallback or Place("", "", {}, "", ""))

    def _shaper_layers(self, place: Place) -> Iterator[Place]:
        try:
            yield from self._shaper.layers(place, self._stop)
        except Refused:
            return

    def _identity(self, place: Place, event: _Section) -> tuple[str | None, str | None, int]:
        name = self._constant(event, "name", str)
        domain = self._constant(event, "domain", str)
        version = self._constant(event, "version", int)
        at = event.place
        if name is None and "name" not in event.properties:
            self._report.error(
                place.file,
                place.pointer,
                "extends the protocol and does not fix the name of an event",
                'Add properties.event.properties.name: {"const": "..."}.',
            )
        for part, value in (("domain", domain), ("version", None if version == 1 else version)):
            if value is not None and part not in event.required:
                self._report.error(
                    at.file,
                    at.pointer,
                    f"a payload without event.{part} is valid by this schema and is another event",
                    f'Add "{part}" to "required" beside the properties of event.',
                )
        for part, value in (("name", name), ("domain", domain or None)):
            if value is not None:
                self._check_name(event, part, value)
        if version is not None and version < 1:
            self._report.error(at.file, at.pointer, f"event.version must be 1 or more, not {version}")
        if domain == "":
            self._report.error(at.file, at.pointer, "event.domain is empty", "Leave it out, or name the domain.")
        return name, domain, 1 if version is None else version

    def _check_name(self, event: _Section, part: str, value: str) -> None:
        place = event.properties[part][0]
        remedy = "Names have lower-case letters, digits, '.', '-' and '_'."
        if len(value) > _NAME_LENGTH:
            message = f"the {part} has {len(value)} characters, more than {_NAME_LENGTH}"
            self._report.error(place.file, place.pointer, message, "Shorten it.")
        elif not _TOLERATED_NAME.fullmatch(value):
            whose = "an event" if part == "name" else "a domain"
            self._report.error(place.file, place.pointer, f"{value!r} is not a name for {whose}", remedy)
        elif not _NAME.fullmatch(value):
            self._report.warn(place.file, place.pointer, f"the {part} {value!r} has a ':'", remedy)

    def _constant(self, section: _Section, name: str, kind: type) -> Json:
        """The value that a part of the envelope is fixed to; ``None`` when it is not fixed."""
        places = section.properties.get(name)
        if not places or not (facts := self._facts(places)):
            return None
        if facts.choices is None and not facts.limits and _free(facts, {"string", "integer", "null"}):
            if name == "name":
                at = places[0]
                self._report.error(at.file, at.pointer, "the name of the event is not fixed", 'Use {"const": "..."}.')
            return None
        values = facts.choices or []
        if len(values) != 1 or not isinstance(values[0], kind) or isinstance(values[0], bool):
            place = places[0]
            self._report.error(
                place.file, place.pointer, f"{name} must be fixed to one {_WORDS[kind]}", 'Use {"const": ...}.'
            )
            return None
        return values[0]

    def _facts(self, places: list[Place]) -> Facts | None:
        try:
            return self._shaper.facts(places, self._stop)
        except Refused:
            return None

    def _says_no_more(self, section: _Section, constants: Mapping[str, Json]) -> bool:
        """Whether the schema demands nothing of a section but what the protocol demands, and some constants.

        ``event``, ``attributes`` and ``object`` are looked at elsewhere.
        """
        exact = section.exact and section.required <= _REQUIRABLE
        for name in sorted(section.properties.keys() & _ENVELOPE_TYPES.keys()):
            facts = self._facts(section.properties[name])
            if facts is None:
                continue
            plain = facts.exact and not facts.unions and not facts.constraints()
            free = facts.choices is None and _free(facts, _ENVELOPE_TYPES[name])
            exact &= plain and (free or (name in constants and facts.choices == [constants[name]]))
        return exact

    def _content(self, place: Place, root: _Section, event: _Section) -> TypeModel | None:
        places = event.properties.get("attributes", [])
        facts = self._facts(places) if places else None
        if places and facts is None:
            return None
        if facts is None:
            return TypeModel(place.key, place.file, place.pointer, root.description, (), False, name_of(place))
        self._check_attributes(facts, event)
        closed = facts.exact and any(extra.node is False for extra in facts.extra)
        exact = facts.exact and not facts.unions and facts.choices is None and not facts.limits
        exact &= closed or not facts.extra
        model = self._shaper.object_type(place.key, facts, closed, exact=exact)
        return replace(
            model,
            key=place.key,
            file=place.file,
            pointer=place.pointer,
            description=root.description,
            python=name_of(place),
        )

    def _check_attributes(self, facts: Facts, event: _Section) -> None:
        place = facts.place
        if facts.types is not None and not {"object", "null"} & facts.types:
            message = "event.attributes must be an object with properties"
            self._report.error(place.file, place.pointer, message, 'Use "type": "object".')
        if facts.required and "attributes" not in event.required:
            at = event.place
            self._report.error(
                at.file,
                at.pointer,
                f"a payload without event.attributes is valid, although {facts.required[0]!r} is required in it",
                'Add "attributes" to "required" beside the properties of event.',
            )

    def _sensitive(self, place: Place, root: _Section, event: _Section, state: ObjectModel | None) -> tuple[str, ...]:
        """The parts of the envelope that are marked, as ``__sensitive__`` names them; attributes are members."""
        find = self._shaper.mark
        entity = root.properties.get("object", [])
        parts = {name: root.properties.get(name, []) for name in ("protocol", "version", "extra")}
        parts |= {name: event.properties.get(name, []) for name in sorted(_LISTED["event"] - {"attributes"})}
        found = {name: find(places, {}) for name, places in sorted(parts.items())}
        for name, places in sorted(self._section(entity, _LISTED["object"]).properties.items()):
            held = self._shaper.held(getattr(state, name)) if state and name in ("current", "previous") else {}
            found[f"object.{name}"] = find(places, held)
        found["object"] = find(entity, self._held(entity, _LISTED["object"]))
        whole = (
            find([place], self._held([place], _LISTED["root"])),
            find(root.properties.get("event", []), self._held(root.properties.get("event", []), _LISTED["event"])),
            find(event.properties.get("attributes", []), self._held(event.properties.get("attributes", []))),
        )
        for unheld in filter(None, whole):
            message = "no attribute and no part of the envelope holds this mark; it would hide the whole event"
            self._shaper.refuse(unheld, message, f"Mark a property of event.attributes, {_and(_MARKABLE)}.", SENSITIVE)
        for name, at in found.items():
            if at is not None and name not in _MARKABLE:
                message = f"{name} identifies or dates the event and is shown in logs, whatever the mark says"
                self._shaper.refuse(at, message, "Remove the mark.", SENSITIVE)
        return tuple(name for name, at in sorted(found.items()) if at is not None and name in _MARKABLE)

    def _held(self, places: Iterable[Place], names: frozenset[str] | None = None) -> Held:
        return {layer.key: names for place in places for layer in self._shaper_layers(place)}

    def _group(self, place: Place, root: _Section, event: _Section, content: TypeModel, hidden: set[str]) -> str | None:
        """Where the group id of a message comes from: the outermost ``x-mega-group``, if it names what always is there.

        A group must be one text for one value, so a number that is no integer is none.
        """
        layers = (layer for layer in self._shaper_layers(place) if isinstance(layer.node, dict))
        at = next((layer for layer in layers if GROUP in layer.node), None)
        if at is None:
            return None
        path = at.node[GROUP]
        section, _, name = path.partition(".") if isinstance(path, str) else ("", "", "")
        if path == "subject":
            required, shape, whole = "subject" in event.required, self._part(event, "subject"), "event"
        elif path == "object.id":
            entity = self._section(root.properties.get("object", []), _LISTED["object"])
            required = "object" in root.required and "id" in entity.required
            shape, whole = self._part(entity, "id"), "object"
        elif section == "attributes" and name in (members := {member.wire: member for member in content.members}):
            required, shape, whole = members[name].required, members[name].shape, "event.attributes"
        else:
            known = ["subject", "object.id", *(f"attributes.{member.wire}" for member in content.members)]
            near = get_close_matches(path, known, 1) if isinstance(path, str) else []
            remedy = f"Did you mean {near[0]!r}?" if near else 'Name "subject", "object.id" or "attributes.NAME".'
            self._shaper.refuse(at, f"{path!r} is no part of this event", remedy, GROUP)
            return None
        if {path, section} & hidden:
            remedy = "Name a part that may be shown, or remove the mark."
            self._shaper.refuse(at, f"{path} is sensitive, and a group id is shown in logs", remedy, GROUP)
        elif not required:
            also = ', and "object" to that of the payload' if path == "object.id" else ""
            remedy = f'Add "{name or path}" to "required" in {whole}{also}.'
            self._shaper.refuse(at, f"{path} may be absent, and a message would have no group then", remedy, GROUP)
        elif shape.nullable or not _is_scalar(shape.schema):
            remedy = 'Say "type": "string" there; "integer" and "boolean" do as well for an attribute.'
            self._shaper.refuse(at, f"{path} may be another thing than one text, integer or boolean", remedy, GROUP)
        return str(path)

    def _part(self, section: _Section, name: str) -> Shape:
        try:
            return self._shaper.shape(section.properties.get(name, []))
        except Refused:
            return ANYTHING

    def _object(self, root: _Section) -> ObjectModel | None:
        section = self._section(root.properties.get("object", []), _LISTED["object"], root.place)
        exact = section.exact and not section.required
        for place in section.properties.get("id", []):
            facts = self._facts([place])
            exact &= facts is None or not (
                facts.choices is not None or facts.limits or not facts.exact or not _free(facts, {"string", "null"})
            )
        return ObjectModel(
            current=self._state(section.properties.get("current", [])),
            previous=self._state(section.properties.get("previous", [])),
            required="object" in root.required,
            type=self._fixed(section, "type", str),
            version=self._fixed(section, "version", int),
            exact=exact and all(self._is_settled(section, name) for name in ("type", "version")),
        )

    def _fixed(self, section: _Section, name: str, kind: type) -> Json:
        """The one value of its kind that a part of ``object`` can have; ``None`` when there is none."""
        facts = self._facts(section.properties.get(name, []))
        values = facts.choices if facts is not None and facts.choices is not None else []
        fitting = [value for value in values if isinstance(value, kind) and not isinstance(value, bool)]
        return fitting[0] if len(values) == 1 == len(fitting) else None

    def _is_settled(self, section: _Section, name: str) -> bool:
        """Whether ``type`` or ``version`` of ``object`` is fixed to one value, or free."""
        facts = self._facts(section.properties.get(name, []))
        if facts is None:
            return True
        plain = facts.exact and not facts.unions and not facts.constraints()
        kind = {"type": str, "version": int}[name]
        free = facts.choices is None and _free(facts, {"string", "integer", "null"})
        return plain and (free or self._fixed(section, name, kind) is not None)

    def _state(self, places: list[Place]) -> Shape:
        try:
            shape = self._shaper.shape(places)
        except Refused:
            return ANYTHING
        schema = shape.schema
        if "$ref" in schema or schema in ({}, {"type": "object", "additionalProperties": {}}):
            return shape
        if schema.get("type") not in (None, "object", "null"):
            place = places[0]
            message = "the state of an entity must be an object"
            self._report.error(place.file, place.pointer, message, 'Use "type": "object".')
        return UNSAID

    def _distinct(self, events: Sequence[EventModel]) -> list[EventModel]:
        """The events, without those whose identity another one has already."""
        seen: dict[tuple[str | None, str, int], EventModel] = {}
        for event in events:
            first = seen.setdefault((event.domain, event.name, event.version), event)
            if first is not event:
                self._report.error(
                    event.content.file,
                    event.content.pointer,
                    f"{event.title} is also defined in {first.content.key}",
                    "Raise the version of one of them, or remove it.",
                )
        return list(seen.values())


_REQUIRABLE = frozenset({"protocol", "version", "event", "object", "name", "domain", "timestamp", "attributes"})
"""Parts of the envelope that a generated class always writes, or can ask for."""

_ABOUT_KEYS = frozenset(
    {
        "additionalProperties", "dependencies", "dependentRequired", "dependentSchemas", "maxProperties",
        "minProperties", "patternProperties", "propertyNames", "unevaluatedProperties",
    }
)  # fmt: skip
"""Keywords that may say something about keys of ``event`` which the protocol does not list."""

_WORDS = {str: "string", int: "integer"}

_MARKABLE = ("subject", "publisher", "extra", "object", "object.id", "object.current", "object.previous")
"""Parts of the envelope that may be sensitive."""


def _and(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


_ENVELOPE_TYPES = {
    "protocol": {"string"},
    "domain": {"string", "null"},
    "version": {"integer", "null"},
    "extra": {"object", "null"},
    "timestamp": {"string"},
    "subject": {"string", "null"},
    "publisher": {"string", "null"},
}


def _harmless(keyword: str, value: Json) -> bool:
    if keyword == "type":
        return "object" in (value if isinstance(value, list) else [value])
    if keyword == "additionalProperties":
        return value is True or value == {}
    return keyword in ("$ref", "allOf", "properties", "required") or is_annotation(keyword)


def _looks_like_event(node: Json) -> bool:
    """Whether a schema fixes ``event.name``, as the definition of an event does."""
    for key in ("properties", "event", "properties", "name"):
        node = node.get(key) if isinstance(node, dict) else None
    return isinstance(node, dict) and isinstance(node.get("const"), str)


def _free(facts: Facts, types: set[str]) -> bool:
    """Whether the nodes say nothing but the type that the protocol gives anyway."""
    return not facts.unions and (facts.types is None or facts.types <= types)


def _is_scalar(schema: Mapping[str, Json]) -> bool:
    """Whether a schema in normal form admits texts, integers or booleans only: values that have one text each."""
    return schema.get("type") in ("string", "integer", "boolean") or (
        "enum" in schema and all(isinstance(value, (str, int)) for value in schema["enum"])
    )


__all__ = ["PROTOCOL", "catalogue", "library_of"]
