"""Find the event definitions and the shared types among the documents, and what each of them says.

An event definition is a schema, a file's root or one of its ``$defs``, that extends the protocol and fixes the
identity. Its envelope is taken apart here: the attributes become the members of the event, ``object`` becomes its
entity, and whatever else the schema demands of the envelope is refused, because the generated class would not hold it.

This step knows the protocol and the shapes of nodes. It knows nothing of Python names and of generated code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from mega_codegen.errors import Report
from mega_codegen.keywords import is_annotation
from mega_codegen.records import Catalogue, Document, EventModel, Json, ObjectModel, Place, Shape, TypeModel
from mega_codegen.resolve import Library, child
from mega_codegen.shapes import ANYTHING, Facts, Refused, Shaper, name_of

PROTOCOL = "urn:mega:protocol:1"

_NAME = re.compile(r"[a-z0-9._-]+")
_TOLERATED_NAME = re.compile(r"[a-z0-9._:-]+")
_NAME_LENGTH = 200


@dataclass(slots=True)
class _Section:
    """A part of the envelope: its properties, each with all nodes that hold for it."""

    place: Place
    properties: dict[str, list[Place]] = field(default_factory=dict[str, list[Place]])
    required: set[str] = field(default_factory=set[str])
    description: str = ""


def library_of(documents: Sequence[Document], protocol: Document, broken: Iterable[str], report: Report) -> Library:
    """The documents, and the protocol: the copy among them, or the schema that ships with the generator.

    Args:
        documents: well-formed files of the user.
        protocol: the protocol schema that ships with the generator.
        broken: files that were left out, because something is wrong with them.
        report: takes a warning when the copy differs.
    """
    copies = [document for document in documents if document.tree.get("$id") == PROTOCOL]
    for copy in copies:
        if copy.tree != protocol.tree:
            report.warn(copy.path, "", "differs from the protocol schema that ships with mega-codegen", "Update it.")
    return Library([*documents, *([] if copies else [protocol])], broken)


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
            self._report.error(second.file, "/$id", f"the same $id as {first.file}", "Give each schema its own $id.")
        candidates = [place for path in self._library.paths() for place in self._candidates(path)]
        candidates = [place for place in candidates if place.file != self._protocol.file]
        layers = {place.key: self._layers(place) for place in candidates}
        events: list[EventModel] = []
        extended = {layer.key for place in candidates for layer in layers[place.key][1:]}
        for place in candidates:
            if any(layer.key in self._stop for layer in layers[place.key]):
                events += self._event(place, abstract=place.key in extended)
        events = self._distinct(events)
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
        root = self._section([place], {"protocol", "version", "event", "object", "extra"}, "the payload")
        event = self._section(
            root.properties.get("event", []),
            {"domain", "name", "version", "timestamp", "subject", "publisher", "attributes"},
            "event",
            place,
        )
        if "name" not in event.properties and abstract:
            return
        name, domain, version = self._identity(place, event)
        self._check_free(root, ("protocol", "version", "extra"))
        self._check_free(event, ("timestamp", "subject", "publisher"))
        content = self._content(place, root, event)
        state = self._object(root) if "object" in root.properties or "object" in root.required else None
        self._shaper.settle()
        failed = any(not problem.warning for problem in self._report.problems[before:])
        if name is not None and content is not None and not failed:
            yield EventModel(content, domain, name, version, state)

    def _section(
        self, places: Iterable[Place], listed: set[str], title: str, fallback: Place | None = None
    ) -> _Section:
        section: _Section | None = None
        for layer in (layer for place in places for layer in self._shaper_layers(place)):
            section = section or _Section(layer)
            node = layer.node
            if not isinstance(node, dict):
                self._report.error(layer.file, layer.pointer, f"{title} must be a schema with properties")
                continue
            for keyword, value in node.items():
                if not _harmless(keyword, value):
                    self._report.error(
                        layer.file,
                        f"{layer.pointer}/{keyword}",
                        f"{keyword} of {title} cannot be enforced by the generated class",
                        "Constrain event.attributes, object.current and object.previous only.",
                    )
            section.description = section.description or str(node.get("description", ""))
            section.required |= {str(name) for name in node.get("required", ())}
            for name in node.get("properties", {}):
                if name in listed:
                    section.properties.setdefault(name, []).append(child(layer, "properties", name))
                else:
                    at = child(layer, "properties", name)
                    self._report.error(
                        at.file, at.pointer, f"{title} has no part named {name!r}", _remedy_for_unlisted(title)
                    )
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

    def _check_free(self, section: _Section, names: Iterable[str]) -> None:
        """Parts of the envelope that the base class declares must not be constrained further."""
        for name in names:
            places = section.properties.get(name, [])
            facts = self._facts(places) if places else None
            if facts is None:
                continue
            constant = {"protocol": "mega", "version": 1}.get(name)
            fixed = facts.choices == [constant] and constant is not None
            if not fixed and (
                facts.choices is not None or facts.constraints() or not _free(facts, _ENVELOPE_TYPES[name])
            ):
                place = places[0]
                self._report.error(
                    place.file,
                    place.pointer,
                    f"{name} belongs to the protocol; a constraint on it cannot be enforced by the generated class",
                    "Remove it, or carry the value in an attribute.",
                )
        for name in sorted(section.required - _REQUIRABLE):
            self._report.error(
                section.place.file,
                f"{section.place.pointer}/required",
                f"required {name!r} cannot be enforced by the generated class",
                "Remove it from required, or carry the value in an attribute.",
            )

    def _content(self, place: Place, root: _Section, event: _Section) -> TypeModel | None:
        places = event.properties.get("attributes", [])
        facts = self._facts(places) if places else None
        if places and facts is None:
            return None
        if facts is None:
            return TypeModel(place.key, place.file, place.pointer, root.description, (), False, name_of(place))
        self._check_attributes(facts, event)
        closed = any(extra.node is False for extra in facts.extra)
        model = self._shaper.object_type(place.key, facts, closed)
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
        if facts.unions or facts.choices is not None or facts.limits or not _free(facts, {"object", "null"}):
            self._report.error(
                place.file, place.pointer, "event.attributes must be an object with properties", 'Use "type": "object".'
            )
        if facts.extra and any(extra.node is not False for extra in facts.extra):
            self._report.error(
                place.file,
                f"{place.pointer}/additionalProperties",
                "a schema for additional attributes cannot be enforced",
                "Put them into an attribute of type object.",
            )
        if facts.required and "attributes" not in event.required:
            at = event.place
            self._report.error(
                at.file,
                at.pointer,
                f"a payload without event.attributes is valid, although {facts.required[0]!r} is required in it",
                'Add "attributes" to "required" beside the properties of event.',
            )

    def _object(self, root: _Section) -> ObjectModel | None:
        section = self._section(
            root.properties.get("object", []), {"current", "previous", "id", "type", "version"}, "object", root.place
        )
        for name in sorted(section.required):
            self._report.error(
                section.place.file,
                f"{section.place.pointer}/required",
                f"required {name!r} of object cannot be enforced by the generated class yet",
                "Remove it from required.",
            )
        for place in section.properties.get("id", []):
            facts = self._facts([place])
            if facts and (facts.choices is not None or facts.limits or not _free(facts, {"string", "null"})):
                self._report.error(
                    place.file,
                    place.pointer,
                    "object.id belongs to the protocol and is a string",
                    "Remove the constraint.",
                )
        states = {
            name: self._state(section.properties[name])
            for name in ("current", "previous")
            if name in section.properties
        }
        shapes = [shape for shape in states.values() if shape is not None]
        if len(shapes) == 1 == len(states) and shapes[0].schema:
            missing = "previous" if "current" in states else "current"
            self._report.error(
                section.place.file,
                section.place.pointer,
                f"object.{missing} is not described; it has the same type as the other state",
                f'Add "{missing}" with the same $ref.',
            )
        if len(shapes) == 2 and shapes[0].schema != shapes[1].schema:
            self._report.error(
                section.place.file,
                section.place.pointer,
                "current and previous have different types",
                "Use one $ref for both.",
            )
        return ObjectModel(
            state=shapes[0] if shapes else ANYTHING,
            required="object" in root.required,
            type=self._constant(section, "type", str),
            version=self._constant(section, "version", int),
        )

    def _state(self, places: list[Place]) -> Shape | None:
        try:
            shape = self._shaper.shape(places)
        except Refused:
            return None
        schema = shape.schema
        if schema and "$ref" not in schema and schema.get("type") != "object":
            place = places[0]
            self._report.error(
                place.file, place.pointer, "the state of an entity must be an object", 'Use "type": "object".'
            )
            return None
        return shape

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

_WORDS = {str: "string", int: "integer"}

_ENVELOPE_TYPES = {
    "protocol": {"string"},
    "version": {"integer"},
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


def _remedy_for_unlisted(title: str) -> str:
    if title == "event":
        return "Move it into event.attributes."
    return "Move it into event.attributes, object.current or extra."


__all__ = ["PROTOCOL", "catalogue", "library_of"]
