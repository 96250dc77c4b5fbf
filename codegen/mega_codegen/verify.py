"""Hold generated classes against a second opinion: documents that one accepts and the other does not.

The documents come from the examples of the schemas, from what the schemas themselves mention (constants, names of
properties, limits), and from small changes to both. Each is judged by ``jsonschema``, with the formats and the
tolerance that docs/schemas.md documents, and by the class; a disagreement is made smaller as long as it remains one.

This is the only step that runs generated code. It asks the generated package for its classes and knows nothing else of
the runtime.
"""

from __future__ import annotations

import copy
import importlib
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mega_codegen.bundle import bundle
from mega_codegen.errors import Report
from mega_codegen.records import Catalogue, EventModel, Json, Naming, Place
from mega_codegen.reference import Undecided, reference
from mega_codegen.resolve import Library

DOCUMENTS = 400
"""How many documents are tried for each event."""

_ENVELOPE = frozenset({"name", "domain", "version", "timestamp", "subject", "publisher", "attributes"})
_NULLABLE = frozenset({"domain", "version", "subject", "publisher", "attributes", "current", "previous", "id", "type"})


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A document that the schema and the class judge differently.

    Attributes:
        event: the event, in words.
        document: as small as it could be made.
        schema: what ``jsonschema`` says, empty when it accepts.
        generated: what the class says, empty when it accepts.
    """

    event: str
    document: Json
    schema: str
    generated: str

    def __str__(self) -> str:
        lines = [f"{self.event}: the schema and the generated class disagree", f"    {json.dumps(self.document)}"]
        for who, verdict in (("jsonschema", self.schema), ("class", self.generated)):
            lines.append(f"    {who}: {verdict or 'valid'}")
        return "\n".join(lines)


def verify(
    library: Library, catalogue: Catalogue, naming: Naming, files: Mapping[str, str], seed: int = 0
) -> tuple[list[Disagreement], int]:
    """Try documents on every event.

    Args:
        library: the schemas, free of errors.
        catalogue: what they define.
        naming: the Python names of these.
        files: what was generated from them.
        seed: of the changes that are made.

    Returns:
        The disagreements, one for each event and pair of verdicts at most, and how many documents were tried.

    Raises:
        MissingDependency: ``jsonschema`` is not installed.
    """
    found: list[Disagreement] = []
    tried = 0
    with _package(files) as package:
        for event in catalogue.events:
            location = naming.classes[event.content.key]
            cls = getattr(importlib.import_module(f"{package}.{location.package}"), location.name)
            place = _place_of(event, library)
            judges = _Judges(event, bundle(place, library, Report()), cls)
            chance = random.Random(f"{seed} {event.title}")  # noqa: S311 - the same documents in every run
            for document in _documents(event, judges.tree, place.node, chance):
                tried += 1
                known = {(each.event, not each.schema) for each in found}
                if judges.disagree(document) and (event.title, judges.accepts(document)) not in known:
                    found.append(judges.explain(_smallest(document, judges.disagree)))
    return found, tried


class _package:  # noqa: N801 - used as a function
    """The generated files as an importable package, for as long as they are needed."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = files
        self._folder = tempfile.TemporaryDirectory(prefix="mega-codegen-")

    def __enter__(self) -> str:
        root = Path(self._folder.name)
        name = f"mega_codegen_verified_{abs(hash(self._folder.name))}"
        for path, text in {**self._files, "__init__.py": ""}.items():  # without the registry
            target = root / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        sys.path.insert(0, str(root))
        importlib.invalidate_caches()
        return name

    def __exit__(self, *_: object) -> None:
        sys.path.remove(self._folder.name)
        self._folder.cleanup()


def _place_of(event: EventModel, library: Library) -> Place:
    file, _, pointer = event.content.key.partition("#")
    return library.follow(library.root(file), f"#{pointer}")


class _Judges:
    """Both opinions about documents of one event."""

    def __init__(self, event: EventModel, tree: Json, cls: Any) -> None:
        self.tree = tree
        self._event = event
        self._objects = reference(tree)
        self._read: Callable[[str], object] = cls.from_json

    def accepts(self, document: Json) -> bool:
        """What ``jsonschema`` says of a document, in one of the forms that a tolerant reader takes for it."""
        return not self._objections(document)

    def disagree(self, document: Json) -> bool:
        try:
            return self.accepts(document) != (not self._refusal(document))
        except Undecided:
            return False

    def explain(self, document: Json) -> Disagreement:
        return Disagreement(self._event.title, document, self._objections(document), self._refusal(document))

    def _objections(self, document: Json) -> str:
        read = _as_read(document, self._event)
        if read is None:
            return "another event, or none"
        found = self._objects(read)
        if found and not self._objects(_without_nulls(read)):
            return ""
        return "; ".join(found)[:500]

    def _refusal(self, document: Json) -> str:
        try:
            self._read(json.dumps(document))
        except ValueError as error:  # every DecodeError is one
            return str(error).replace("\n", " ")[:500]
        return ""


def _as_read(document: Json, event: EventModel) -> Json:
    """A payload as the protocol reads it; ``None`` when it is not this event."""
    section = document.get("event") if isinstance(document, dict) else None
    if not isinstance(section, dict):
        return None
    version = section.get("version", 1)
    identity = (section.get("domain"), section.get("name"), 1 if version is None else version)
    if identity != (event.domain, event.name, event.version) or isinstance(version, bool):
        return None
    loose = {key: value for key, value in section.items() if key not in _ENVELOPE} if event.spread else {}
    given = section.get("attributes")
    if loose and (isinstance(given, dict) or given is None):
        listed = {key: value for key, value in section.items() if key in _ENVELOPE}
        section = {**listed, "attributes": loose | (given or {})}
    protocol = document.get("version")
    return {**document, "version": 1 if protocol in (1, "1") else protocol, "event": section}


def _without_nulls(document: Json) -> Json:
    present = {key: value for key, value in document.items() if value is not None}
    for part in ("event", "object"):
        if isinstance(present.get(part), dict):
            pairs = present[part].items()
            present[part] = {key: value for key, value in pairs if value is not None or key not in _NULLABLE}
    return present


# --- documents --------------------------------------------------------------------------------------------------------


def _documents(event: EventModel, tree: Json, node: Json, chance: random.Random) -> Iterator[Json]:
    """Documents that are nearly valid: built by the schema, each with up to three changes."""
    values = [*_ODD, *_mentioned(tree)]
    names = sorted({text for text in values if isinstance(text, str)})
    maker = _Maker(tree, node.get("examples", []), chance)
    for number in range(DOCUMENTS):
        document = maker.document(event)
        for _ in range(number % 4):
            document = _changed(document, values, names, chance)
        yield document


_ODD: Sequence[Json] = (
    None, True, False, 0, 1, -1, 1.0, 1.5, 2**63, 10**30, -0.0, 1e300, "", "x", "1", "é", "😀", "a\n", [], {}, [None],
    {"x": 1}, "2020-05-04T15:53:23Z", "2020-05-04T15:53:23", "2020-05-04 15:53", "2020-05-04t15:53:23.5+02:00",
    "2020-02-30", "2020-02-29", "1700000000", "12:30:00", "12:30:00Z", "19.99", "1e3", ".5", "NaN", "1_0",
    "61fcc874624e40f88fd70e663c7837e8", "61fcc874-624e-40f8-8fd7-0e663c7837e8",
    "{61fcc874-624e-40f8-8fd7-0e663c7837e8}",
)  # fmt: skip


def _mentioned(tree: Json) -> list[Json]:
    """Constants, names and numbers around the limits, wherever a schema mentions them."""
    found: list[Json] = []
    stack = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            found += [node["const"]] if "const" in node else []
            found += node["enum"] if isinstance(node.get("enum"), list) else []
            found += [value + step for value in node.values() if _is_number(value) for step in (-1, 0, 1)]
            found += [name for name in node if isinstance(node[name], dict)]
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return found


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Maker:
    """Makes values that a schema is likely to accept."""

    def __init__(self, tree: Json, examples: Sequence[Json], chance: random.Random) -> None:
        self._tree = tree
        self._examples = examples
        self._chance = chance

    def document(self, event: EventModel) -> Json:
        known = self._examples and self._chance.random() < 0.5
        made: Json = copy.deepcopy(self._chance.choice(self._examples)) if known else self._value(self._tree, 0)
        made = made if isinstance(made, dict) else {}
        section: dict[str, Json] = made["event"] if isinstance(made.get("event"), dict) else {}
        identity = {"domain": event.domain, "name": event.name, "version": event.version}
        section = {**section, **{key: value for key, value in identity.items() if value is not None}}
        section.setdefault("timestamp", "2020-05-04T15:53:23Z")
        if not isinstance(section["timestamp"], str) or not section["timestamp"][:4].isdigit():
            section["timestamp"] = "2020-05-04T15:53:23Z"
        return {**made, "protocol": "mega", "version": 1, "event": section}

    def _value(self, schema: Json, depth: int) -> Json:
        if not isinstance(schema, dict) or depth > 12:
            return self._chance.choice(_ODD)
        parts = self._parts(schema, 0)
        constants = [
            value for part in parts for value in (part.get("enum") or ([part["const"]] if "const" in part else []))
        ]
        if constants:
            return self._chance.choice(constants)
        types = [part["type"] for part in parts if "type" in part]
        kind = self._chance.choice(types[0] if types and isinstance(types[0], list) else types[:1] or [""])
        if kind == "object" or (not kind and any("properties" in part for part in parts)):
            return self._object(parts, depth)
        if kind == "array":
            limit = next((part["minItems"] for part in parts if "minItems" in part), 0)
            items: Json = next((part["items"] for part in parts if "items" in part), {})
            return [
                self._value(items, depth + 1) for _ in range(int(min(limit, 5)) + self._chance.choice([0, 0, 1, 2]))
            ]
        return self._scalar(kind, parts)

    def _parts(self, schema: Json, depth: int) -> list[dict[str, Json]]:
        """The schema and what holds with it: references, all of ``allOf``, one of ``anyOf`` and ``oneOf``."""
        if not isinstance(schema, dict) or depth > 12:
            return []
        parts = [schema]
        if "$ref" in schema:
            parts += self._parts(self._target(schema["$ref"]), depth + 1)
        for member in schema.get("allOf", ()):
            parts += self._parts(member, depth + 1)
        for keyword in ("anyOf", "oneOf"):
            if schema.get(keyword):
                parts += self._parts(self._chance.choice(schema[keyword]), depth + 1)
        return parts

    def _target(self, reference: str) -> Json:
        from urllib.parse import unquote

        node = self._tree
        for token in unquote(reference).split("/")[1:]:
            node = node[token.replace("~1", "/").replace("~0", "~")]
        return node

    def _object(self, parts: Sequence[dict[str, Json]], depth: int) -> Json:
        properties: dict[str, list[Json]] = {}
        for part in parts:
            for key, value in part.get("properties", {}).items():
                properties.setdefault(key, []).append(value)
        needed = {key for part in parts for key in part.get("required", ())}
        rare = 0.6 / (1 + depth)
        chosen = [
            key
            for key in [*properties, *sorted(needed - properties.keys())]
            if key in needed or self._chance.random() < rare + 0.2
        ]
        return {key: self._value({"allOf": properties.get(key, [])}, depth + 1) for key in chosen}

    def _scalar(self, kind: str, parts: Sequence[dict[str, Json]]) -> Json:
        def limit(*keywords: str) -> Json:
            return next((part[keyword] for part in parts for keyword in keywords if keyword in part), None)

        form = limit("format")
        if form in _SAMPLES:
            return _SAMPLES[form]
        if kind == "string":
            return "x" * int(min(max(limit("minLength") or 0, 1), _LONGEST))
        if kind in ("integer", "number"):
            low, high = limit("minimum", "exclusiveMinimum"), limit("maximum", "exclusiveMaximum")
            base = low if low is not None else high if high is not None else 1
            return base + self._chance.choice([0, 1]) if kind == "integer" else base
        return {"boolean": True, "null": None}.get(kind, self._chance.choice(_ODD))


_LONGEST = 10_000
"""The longest text that is made for a schema that asks for a long one."""

_SAMPLES: Mapping[str, str] = {
    "date": "2020-02-29",
    "time": "12:30:00Z",
    "date-time": "2020-05-04T15:53:23.123Z",
    "uuid": "61fcc874-624e-40f8-8fd7-0e663c7837e8",
    "decimal": "19.99",
}


def _changed(document: Json, values: Sequence[Json], names: Sequence[str], chance: random.Random) -> Json:
    """A copy with one change below ``event.attributes``, ``object``, or now and then elsewhere."""
    made = copy.deepcopy(document)
    places = [place for place in _places(made) if place[1] not in ("protocol", "name", "domain", "timestamp")]
    if not places:
        return made
    holder, key = chance.choice(places)
    action = chance.randrange(4)
    if action == 0:
        del holder[key]
    elif action == 1 and isinstance(holder, dict):
        holder[chance.choice(names)] = copy.deepcopy(chance.choice(values))
    elif action == 2 and isinstance(holder, list):
        holder.append(copy.deepcopy(chance.choice(values)))
    else:
        holder[key] = copy.deepcopy(chance.choice(values))
    return made


def _places(document: Json) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    stack = [document]
    while stack:
        node = stack.pop()
        keys: Any = node if isinstance(node, dict) else range(len(node))
        found += [(node, key) for key in keys]
        stack += [node[key] for key in keys if isinstance(node[key], dict | list)]
    return found


def _smallest(document: Json, fails: Callable[[Json], bool]) -> Json:
    """The document without every part that the disagreement does not need."""
    shrunk = True
    while shrunk:
        shrunk = False
        for index in range(len(_places(document))):
            smaller = copy.deepcopy(document)
            places = _places(smaller)
            if index >= len(places):
                break
            holder, key = places[index]
            del holder[key]
            if fails(smaller):
                document, shrunk = smaller, True
                break
    return document
