"""Write the schema of one event as one document that needs no other: what its class carries to check a payload.

Every node that the event refers to, however far, is copied under ``$defs`` and found by a local reference; drafts are
translated to 2020-12; what says nothing about a value (descriptions, examples, defaults) is left out. So the document
changes when what it admits changes, and not otherwise, and any validator of draft 2020-12 can read it.

This step knows documents and references. It knows nothing of events, of shapes and of Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urldefrag

from mega_codegen.errors import Report
from mega_codegen.keywords import FORMATS, LISTS_OF_SCHEMAS, MAPS_OF_SCHEMAS, SCHEMAS, VALUES_OF_KEYWORDS, objection
from mega_codegen.records import Json, Place
from mega_codegen.regexes import unreadable
from mega_codegen.resolve import HEAVIEST, IN_PLACE, Library, Unresolved, child, escape

DIALECT = "https://json-schema.org/draft/2020-12/schema"


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


_Scope = Mapping[str, str]
"""Name of a ``$dynamicAnchor`` to the base URI of the outermost resource that has one, among those on the way here."""


_COPIES = 100
"""How many copies of a node there may be, each for a dynamic scope."""


class _Bundle:
    """Copies nodes, once for each dynamic scope that they are reached in; a dynamic reference becomes a plain one."""

    def __init__(self, root: Place, library: Library, report: Report) -> None:
        self._root = root
        self._library = library
        self._report = report
        self._names: dict[tuple[str, str], str] = {}
        self._waiting: list[tuple[Place, _Scope, str]] = []
        self._in_place: dict[str, dict[str, Place]] = {}
        self._here = ""
        self._copies: dict[str, int] = {}

    def schema(self) -> Mapping[str, Json]:
        copies: dict[str, Json] = {}
        self._enqueue(self._root, self._library.dynamic_anchors(self._root.base))
        while self._waiting:
            place, scope, name = self._waiting.pop()
            self._here = name
            self._in_place[name] = {}
            copies[name] = self._copy(place, scope, in_place=True)
        self._refuse_circles()
        body = copies.pop("")
        body = body if isinstance(body, dict) else {"allOf": [body]}
        definitions = {"$defs": {name: copies[name] for name in sorted(copies)}} if copies else {}
        return {"$schema": DIALECT, **body, **definitions}

    def _enqueue(self, place: Place, scope: _Scope) -> str:
        """The name of the copy of a node; it is made if there is none yet."""
        identity = (place.key, repr(sorted(scope.items())))
        if identity not in self._names:
            identifier = place.node.get("$id") if isinstance(place.node, dict) and not place.pointer else None
            name = identifier if isinstance(identifier, str) else place.key
            again = self._copies[place.key] = self._copies.get(place.key, -1) + 1
            if again == _COPIES:
                message = f"is reached in more than {_COPIES} dynamic scopes"
                self._report.error(place.file, place.pointer, message, "Use $ref where a $dynamicRef is not needed.")
            if again >= _COPIES:
                return ""
            name = f"{name} ({again + 1})" if again else name
            self._names[identity] = name if self._names else ""
            self._waiting.append((place, scope, self._names[identity]))
        return self._names[identity]

    def _copy(self, place: Place, scope: _Scope, *, in_place: bool) -> Json:
        node = place.node
        if not isinstance(node, dict):
            return node
        if place.draft == "draft-07" and "$ref" in node:
            return {"$ref": self._reference(place, scope, "$ref", in_place)}
        copy: dict[str, Json] = {}
        for keyword, value in node.items():
            within = in_place and keyword in IN_PLACE
            found = objection(keyword, place.draft, value)
            if found is not None:
                self._report.error(place.file, f"{place.pointer}/{keyword}", *found)
            elif keyword in ("$ref", "$dynamicRef"):
                added = {"$ref": self._reference(place, scope, keyword, in_place)}
                copy |= {"allOf": [*copy.get("allOf", ()), added]} if "$ref" in copy else added
            elif keyword == "items" and isinstance(value, list):
                copy["prefixItems"] = self._list(place, scope, keyword, in_place=False)
                if "additionalItems" in node:
                    copy["items"] = self._below(place, scope, "additionalItems")
            elif keyword == "dependencies":
                copy |= self._dependencies(place, scope, in_place)
            elif keyword in SCHEMAS and keyword != "additionalItems":
                copy[keyword] = self._below(place, scope, keyword, in_place=within)
            elif keyword in LISTS_OF_SCHEMAS:
                copy[keyword] = [*copy.get(keyword, ()), *self._list(place, scope, keyword, within)]
            elif keyword in MAPS_OF_SCHEMAS:
                for name in value if keyword == "patternProperties" else ():
                    self._pattern(place, keyword, name)
                copy[keyword] = {name: self._below(place, scope, keyword, name, in_place=within) for name in value}
            elif keyword == "pattern":
                copy[keyword] = self._pattern(place, keyword, value)
            elif keyword in VALUES_OF_KEYWORDS or (keyword == "format" and value in FORMATS):
                copy[keyword] = value
        return copy

    def _pattern(self, place: Place, keyword: str, pattern: str) -> str:
        if fault := unreadable(pattern):
            message = f"the pattern {pattern!r} cannot be enforced: {fault}"
            self._report.error(place.file, f"{place.pointer}/{keyword}", message, "Rewrite it.")
        return pattern

    def _below(self, place: Place, scope: _Scope, *tokens: str | int, in_place: bool = False) -> Json:
        lower = child(place, *tokens)
        if lower.base != place.base:
            scope = {**self._library.dynamic_anchors(lower.base), **scope}
        return self._copy(lower, scope, in_place=in_place)

    def _list(self, place: Place, scope: _Scope, keyword: str, in_place: bool) -> list[Json]:
        indexes = range(len(place.node[keyword]))
        return [self._below(place, scope, keyword, index, in_place=in_place) for index in indexes]

    def _dependencies(self, place: Place, scope: _Scope, in_place: bool) -> dict[str, Json]:
        named = place.node["dependencies"]
        schemas = {
            name: self._below(place, scope, "dependencies", name, in_place=in_place)
            for name, value in named.items()
            if not isinstance(value, list)
        }
        names = {name: value for name, value in named.items() if isinstance(value, list)}
        parts = {"dependentRequired": names, "dependentSchemas": schemas}
        return {keyword: value for keyword, value in parts.items() if value}

    def _reference(self, place: Place, scope: _Scope, keyword: str, in_place: bool) -> str:
        try:
            target = self._library.follow(place, place.node[keyword])
        except Unresolved as error:
            if error.reason:
                reason = f"{keyword} {error.reason}"
                self._report.error(place.file, f"{place.pointer}/{keyword}", reason, error.remedy)
            return "#"
        anchor = unquote(urldefrag(place.node[keyword]).fragment)
        if keyword == "$dynamicRef" and self._library.dynamic_anchors(target.base).get(anchor) and anchor in scope:
            target = self._library.dynamic_anchor(scope[anchor], anchor)
        if self._library.weight(target) > HEAVIEST:
            message = f"applies more than {HEAVIEST} schemas to one value"
            self._report.error(place.file, f"{place.pointer}/{keyword}", message, "Refer to each schema once.")
            return "#"
        name = self._enqueue(target, {**self._library.dynamic_anchors(target.base), **scope})
        if in_place:
            self._in_place[self._here][name] = target
        return f"#/$defs/{_quoted(escape(name))}" if name else "#"

    def _refuse_circles(self) -> None:
        """A schema that applies itself to the same value says nothing, and validators do not end."""
        for name in sorted(self._in_place):
            for other, place in self._reached(name):
                if other == name:
                    message = "is part of itself by way of $ref or allOf"
                    self._report.error(place.file, place.pointer, message, "Break the circle.")

    def _reached(self, name: str) -> Iterator[tuple[str, Place]]:
        seen: set[str] = set()
        stack = [name]
        while stack:
            for other, place in self._in_place.get(stack.pop(), {}).items():
                if other not in seen:
                    seen.add(other)
                    stack.append(other)
                    yield other, place


def _quoted(text: str) -> str:
    return "".join(character if character in _PLAIN else _percent(character) for character in text)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/~-._$")


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
