"""Write the schema of one event as one document that needs no other: what its class carries to check a payload.

Every node that the event refers to, however far, is copied under ``$defs`` and found by a local reference; drafts are
translated to 2020-12; what says nothing about a value (descriptions, examples, defaults) is left out. So the document
changes when what it admits changes, and not otherwise, and any validator of draft 2020-12 can read it.

This step knows documents and references. It knows nothing of events, of shapes and of Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mega_codegen.errors import Report
from mega_codegen.keywords import FORMATS, LISTS_OF_SCHEMAS, MAPS_OF_SCHEMAS, SCHEMAS, VALUES_OF_KEYWORDS
from mega_codegen.records import Json, Place
from mega_codegen.resolve import Library, Unresolved, child, escape

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_IN_PLACE = frozenset({"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if", "then", "else"})


def bundle(place: Place, library: Library, report: Report) -> Mapping[str, Json] | None:
    """The schema at a place with everything that it refers to.

    Args:
        place: the node.
        library: the documents.
        report: takes what cannot be bundled.

    Returns:
        The document, or ``None`` when something was reported.
    """
    found = len(report.problems)
    result = _Bundle(place, library, report).schema()
    return None if len(report.problems) > found else result


class _Bundle:
    def __init__(self, root: Place, library: Library, report: Report) -> None:
        self._root = root
        self._library = library
        self._report = report
        self._names: dict[str, str] = {root.key: "#"}
        self._waiting: list[Place] = [root]
        self._in_place: dict[str, set[str]] = {}
        self._here = root

    def schema(self) -> Mapping[str, Json]:
        copies: dict[str, Json] = {}
        while self._waiting:
            place = self._waiting.pop()
            self._here = place
            self._in_place[place.key] = set()
            copies[place.key] = self._copy(place, in_place=True)
        self._refuse_circles()
        body = copies.pop(self._root.key)
        body = body if isinstance(body, dict) else {"allOf": [body]}
        definitions = {"$defs": {key: copies[key] for key in sorted(copies)}} if copies else {}
        return {"$schema": DIALECT, **body, **definitions}

    def _copy(self, place: Place, *, in_place: bool) -> Json:
        node = place.node
        if not isinstance(node, dict):
            return node
        if place.draft == "draft-07" and "$ref" in node:
            return {"$ref": self._reference(place, "$ref", in_place)}
        copy: dict[str, Json] = {}
        for keyword, value in node.items():
            if keyword in ("$ref", "$dynamicRef"):
                # a dynamic reference that shaping let pass has one target only
                added = {"$ref": self._reference(place, keyword, in_place)}
                copy |= {"allOf": [*copy.get("allOf", ()), added]} if "$ref" in copy else added
            elif keyword == "items" and isinstance(value, list):
                copy["prefixItems"] = self._list(place, keyword, in_place=False)
                if "additionalItems" in node:
                    copy["items"] = self._copy(child(place, "additionalItems"), in_place=False)
            elif keyword == "dependencies":
                copy |= self._dependencies(place, in_place)
            elif keyword in SCHEMAS and keyword != "additionalItems":
                copy[keyword] = self._copy(child(place, keyword), in_place=in_place and keyword in _IN_PLACE)
            elif keyword in LISTS_OF_SCHEMAS:
                members = self._list(place, keyword, in_place and keyword in _IN_PLACE)
                copy[keyword] = [*copy.get(keyword, ()), *members]
            elif keyword in MAPS_OF_SCHEMAS:
                within = in_place and keyword == "dependentSchemas"
                copy[keyword] = {name: self._copy(child(place, keyword, name), in_place=within) for name in value}
            elif keyword in VALUES_OF_KEYWORDS or (keyword == "format" and value in FORMATS):
                copy[keyword] = value
        return copy

    def _list(self, place: Place, keyword: str, in_place: bool) -> list[Json]:
        return [self._copy(child(place, keyword, index), in_place=in_place) for index, _ in enumerate(place.node[keyword])]

    def _dependencies(self, place: Place, in_place: bool) -> dict[str, Json]:
        named = place.node["dependencies"]
        schemas = {
            name: self._copy(child(place, "dependencies", name), in_place=in_place)
            for name, value in named.items()
            if not isinstance(value, list)
        }
        names = {name: value for name, value in named.items() if isinstance(value, list)}
        parts = {"dependentRequired": names, "dependentSchemas": schemas}
        return {keyword: value for keyword, value in parts.items() if value}

    def _reference(self, place: Place, keyword: str, in_place: bool) -> str:
        try:
            target = self._library.follow(place, place.node[keyword])
        except Unresolved as error:
            if error.reason:
                reason = f"{keyword} {error.reason}"
                self._report.error(place.file, f"{place.pointer}/{keyword}", reason, error.remedy)
            return "#"
        if in_place:
            self._in_place[self._here.key].add(target.key)
        if target.key not in self._names:
            self._names[target.key] = f"#/$defs/{_quoted(escape(target.key))}"
            self._waiting.append(target)
        return self._names[target.key]

    def _refuse_circles(self) -> None:
        """A schema that applies itself to the same value says nothing, and validators do not end."""
        for key in sorted(self._in_place):
            if key in self._reached(key):
                file, _, pointer = key.partition("#")
                message = "is part of itself by way of $ref or allOf"
                self._report.error(file, pointer, message, "Break the circle.")

    def _reached(self, key: str) -> Iterator[str]:
        seen: set[str] = set()
        stack = [key]
        while stack:
            for other in self._in_place.get(stack.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
                    yield other


def _quoted(text: str) -> str:
    return "".join(character if character in _PLAIN else _percent(character) for character in text)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/~-._$")


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
