"""Find what a ``$ref`` points to, among the documents that were read and the protocol schema, and nowhere else.

A reference is looked up by ``$id``, then by file: relative to the file that it stands in, then from the root of the
folder. Nothing is fetched. This step knows documents; it does not know what the schemas mean.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import NoReturn
from urllib.parse import unquote, urldefrag, urljoin

from mega_codegen.drafts import ADDRESSES, LATEST, meta_schema
from mega_codegen.keywords import DATA, LISTS_OF_SCHEMAS, MAPS_OF_SCHEMAS, SCHEMAS
from mega_codegen.records import Document, Json, Place

ROOT = "schemas:///"
"""Base URI of files that have no ``$id``."""

_DRAFTS: Mapping[str, str] = {address: draft for draft, address in ADDRESSES.items()}


class Unresolved(Exception):  # noqa: N818 - named for what it reports
    """A reference leads nowhere.

    Attributes:
        reason: why.
        remedy: what to do. Both are empty when the file is there and was left out for its own faults.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def escape(token: str) -> str:
    """One token of a JSON pointer."""
    return token.replace("~", "~0").replace("/", "~1")


def unescape(token: str) -> str:
    """The reverse of ``escape``."""
    return token.replace("~1", "/").replace("~0", "~")


def child(place: Place, *tokens: str | int) -> Place:
    """The node below a place."""
    node, base, pointer = place.node, place.base, place.pointer
    for token in tokens:
        node = node[token]
        pointer += f"/{escape(str(token))}"
        base = base_of(base, node, place.draft)
    return Place(place.file, pointer, node, base, place.draft)


def base_of(base: str, node: Json, draft: str = "2020-12") -> str:
    """The base URI within a node, given that of its surroundings. Draft-07 ignores what stands beside ``$ref``."""
    identifier = node.get("$id") if isinstance(node, dict) else None
    if not isinstance(identifier, str) or identifier.startswith("#") or (draft == "draft-07" and "$ref" in node):
        return base
    return urldefrag(_join(base, identifier)).url


def _join(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference)
    except ValueError:
        return reference


_MAPS = MAPS_OF_SCHEMAS | {"$defs", "definitions", "dependencies"}


def schemas_below(place: Place) -> Iterator[Place]:
    """The schemas that stand directly in a schema; what stands under ``const`` or a keyword of nobody is none."""
    node = place.node
    if not isinstance(node, dict) or (place.draft == "draft-07" and "$ref" in node and not _DEFINES & node.keys()):
        return
    for keyword, value in node.items():
        if isinstance(value, list) and (keyword in LISTS_OF_SCHEMAS or keyword == "items"):
            yield from (child(place, keyword, index) for index, _ in enumerate(value))
        elif isinstance(value, dict) and keyword in _MAPS:
            yield from (child(place, keyword, name) for name, each in value.items() if isinstance(each, dict))
        elif isinstance(value, dict) and keyword in SCHEMAS:
            yield child(place, keyword)


_DEFINES = frozenset({"$defs", "definitions"})


IN_PLACE = frozenset({"allOf", "anyOf", "dependentSchemas", "else", "if", "not", "oneOf", "then"})
"""Keywords whose schemas are applied to the same value."""

HEAVIEST = 10_000
"""How many schemas may be applied to one value: validators try each way to a schema anew."""


class Library:
    """The documents of a run, by file, by ``$id`` and by anchor.

    Attributes:
        duplicates: pairs of documents with one ``$id``.
        answers: what was looked up in other files: file, base URI, address and the file that it was found in.
        asked_in_vain: whether something was looked up that is not there.
        missing: documents from which references lead to what was left out, as far as they were followed.
    """

    def __init__(
        self,
        documents: Iterable[Document],
        broken: Iterable[str] = (),
        is_valid: Callable[[Json, str], bool] = lambda node, draft: False,
    ) -> None:
        self._broken = frozenset(broken)
        self._is_valid = is_valid
        self._files: dict[str, Place] = {}
        self._resources: dict[str, Place] = {}
        self._anchors: dict[tuple[str, str], Place] = {}
        self._dynamic: dict[str, dict[str, str]] = {}
        self._shipped: set[str] = set()
        self._sound: set[str] = set()
        self._followed: dict[tuple[str, str, str], Place] = {}
        self._weights: dict[str, int] = {}
        self.duplicates: list[tuple[Place, Place]] = []
        self.answers: dict[tuple[str, str, str], str] = {}
        self.asked_in_vain = False
        self.missing: set[str] = set()
        for document in documents:
            self._add(document)

    def _add(self, document: Document) -> Place:
        draft = _DRAFTS.get(document.tree.get("$schema"), LATEST)
        base = base_of(ROOT + document.path, document.tree)  # a $ref at the root hides no $id
        root = Place(document.path, "", document.tree, base, draft)
        self._files[document.path] = root
        self._index(root)
        return root

    def _index(self, root: Place) -> None:
        first = self._resources.setdefault(root.base, root)
        if first is not root:
            self.duplicates.append((root, first))
        stack = [root] if _names_anything(root.node) else []
        while stack:
            place = stack.pop()
            if place is not root and place.base not in self._resources:
                self._resources[place.base] = place
            if isinstance(place.node, dict):
                for anchor in _anchors(place.node):
                    self._anchors.setdefault((place.base, anchor), place)
                if isinstance(place.node.get("$dynamicAnchor"), str):
                    self._dynamic.setdefault(place.base, {})[place.node["$dynamicAnchor"]] = place.base
            stack += schemas_below(place)

    def dynamic_anchors(self, base: str) -> Mapping[str, str]:
        """The names of the ``$dynamicAnchor`` of a resource, each with the resource's base URI."""
        return self._dynamic.get(base, {})

    def dynamic_anchor(self, base: str, name: str) -> Place:
        """The node of a resource that has a ``$dynamicAnchor``."""
        return self._anchors[base, name]

    def anywhere(self, name: str) -> list[Place]:
        """All nodes that have a ``$dynamicAnchor`` of this name."""
        return [self._anchors[base, name] for base, names in sorted(self._dynamic.items()) if name in names]

    def weight(self, place: Place) -> int:
        """How many schemas are applied to one value when a schema is: those that two ways lead to count twice."""
        waiting, entered = [place], set[str]()
        while waiting:
            here = waiting[-1]
            entered.add(here.key)
            below = list(self._applied(here)) if here.key not in self._weights else []
            missing = [each for each in below if each.key not in self._weights and each.key not in entered]
            if missing:
                waiting += missing
                continue
            self._weights.setdefault(here.key, 1 + sum(self._weights.get(each.key, 0) for each in below))
            waiting.pop()
        return self._weights[place.key]

    def _applied(self, place: Place) -> Iterator[Place]:
        """The schemas that a schema applies to the same value."""
        node = place.node if isinstance(place.node, dict) else {}
        for keyword in ("$ref", "$dynamicRef"):
            if isinstance(node.get(keyword), str):
                try:
                    yield self.follow(place, node[keyword])
                except Unresolved:
                    continue
        for keyword in sorted(IN_PLACE & node.keys()):
            value = node[keyword]
            if keyword == "dependentSchemas" and isinstance(value, dict):
                yield from (child(place, keyword, name) for name in value)
            elif isinstance(value, list):
                yield from (child(place, keyword, index) for index in range(len(value)))
            else:
                yield child(place, keyword)

    def paths(self) -> tuple[str, ...]:
        """The documents, sorted by path, without meta-schemas that were merely referred to."""
        return tuple(sorted(self._files.keys() - self._shipped))

    def referring(self, files: Collection[str]) -> set[str]:
        """The documents from which references lead to some of the files, as far as they were followed."""
        return {asker for (asker, _, _), found in self.answers.items() if found in files}

    def resource(self, identifier: str) -> Place:
        """The schema with an ``$id``."""
        return self._resources[identifier]

    def root(self, path: str) -> Place:
        """The root of a document."""
        return self._files[path]

    def follow(self, place: Place, reference: str) -> Place:
        """The node that a reference points to.

        Args:
            place: the node in which the reference stands.
            reference: the text of ``$ref``.

        Raises:
            Unresolved: there is no such node among the documents.
        """
        asked = (place.file, place.base, reference)
        if asked in self._followed:
            return self._followed[asked]
        try:
            target = self._follow(place, reference)
            if target.key not in self._sound:
                if not is_schema(self._files[target.file].node, target) and not self._is_schema_elsewhere(target):
                    raise Unresolved(f"{reference!r}: {target.key} is no schema", "Move what stands there below $defs.")
                self._sound.add(target.key)
            self._followed[asked] = target
            return target
        except Unresolved:
            self.asked_in_vain = True
            raise

    def _is_schema_elsewhere(self, place: Place) -> bool:
        """Whether a node in a container of the user's own is a schema for all that, and means there what it says.

        What older drafts say in other words was not translated in data, nor in a schema that has a keyword's name; and
        an ``$id`` in a container is one to some validators and none to others.
        """
        tokens = place.pointer.split("/")[1:]
        return (
            not DATA.intersection(tokens)
            and tokens[-1] not in _MAPS
            and not _has_identifier(self._files[place.file].node, tokens)
            and not _names_anything({"": place.node})
            and self._is_valid(place.node, place.draft)
        )

    def _follow(self, place: Place, reference: str) -> Place:
        address, _, fragment = reference.partition("#")
        resource = self._resource(place, address)
        if resource.file != place.file:
            self.answers[place.file, place.base, address] = resource.file
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            anchor = self._anchors.get((resource.base, fragment))
            if anchor is None:
                raise Unresolved(f"{reference!r}: no anchor {fragment!r} there", "Check the spelling of $anchor.")
            return anchor
        return self._walk(resource, fragment, reference)

    def _resource(self, place: Place, address: str) -> Place:
        if not address:
            return self._resources.get(place.base) or self._files[place.file]
        for identifier in (_join(place.base, address), address):
            if identifier in self._resources:
                return self._resources[identifier]
            if identifier in self._broken:
                self._miss(place)
        shipped = meta_schema(_join(place.base, address))
        if shipped is not None:
            self._shipped.add(shipped.path)
            return self._add(shipped)
        if address.startswith("file:"):
            address = address.removeprefix("file:").lstrip("/")
        if "://" in address or address.startswith(("urn:", "data:", "//")):
            raise Unresolved(
                f"{address!r}: no schema with this $id; nothing is fetched over a network",
                "Put a copy of that schema with its $id into the schemas folder.",
            )
        path = unquote(address)
        relative = posixpath.normpath(posixpath.join(posixpath.dirname(place.file), path))
        for candidate in (relative, posixpath.normpath(path.lstrip("/"))):
            if candidate in self._files:
                return self._files[candidate]
            if candidate in self._broken:
                self._miss(place)
        if relative.startswith(("..", "/")):
            raise Unresolved(
                f"{address!r}: leads out of the schemas folder", "Move the file into the folder, or refer to its $id."
            )
        raise Unresolved(f"{address!r}: no such file ({relative})", "Check the path; it is relative to this file.")

    def _miss(self, place: Place) -> NoReturn:
        """A reference to what is there and was left out for its own faults."""
        self.missing.add(place.file)
        raise Unresolved("", "")

    def _walk(self, resource: Place, fragment: str, reference: str) -> Place:
        place = resource
        for token in fragment.split("/")[1:]:
            key = unescape(token)
            node = place.node
            if isinstance(node, dict) and key in node:
                place = child(place, key)
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                place = child(place, int(key))
            elif resource.pointer and place is resource:
                remedy = f"There, {resource.base!r} is an $id or id, and '#' leads to it. Leave it out, if so meant."
                raise Unresolved(f"{reference!r}: {place.key} has no {key!r}", remedy)
            else:
                raise Unresolved(f"{reference!r}: {place.key} has no {key!r}", "Check the JSON pointer after '#'.")
        return place


def is_schema(root: Json, place: Place) -> bool:
    """Whether a place below a root is one that the meta-schema of its draft holds for a schema, and has looked at."""
    modern = place.draft != "draft-07"
    node, tokens = root, iter(place.pointer.split("/")[1:])
    for number, keyword in enumerate(tokens):
        value = node.get(keyword) if isinstance(node, dict) else None
        if (place.draft == "2020-12" and keyword in _ONLY_OLD) or (
            not modern and keyword in _ONLY_MODERN and (keyword != "$defs" or number)
        ):
            return False
        if isinstance(value, list) and (keyword in LISTS_OF_SCHEMAS or keyword == "items"):
            name = next(tokens, "")
            node = value[int(name)] if name else None
        elif isinstance(value, dict) and keyword in _MAPS:
            node = value.get(unescape(next(tokens, "/")))
        elif keyword in SCHEMAS or keyword == "contentSchema":
            node = value
        else:
            return False
    return isinstance(node, dict | bool)


_ONLY_OLD = frozenset({"additionalItems"})
_ONLY_MODERN = frozenset(
    {"$defs", "contentSchema", "dependentSchemas", "prefixItems", "unevaluatedItems", "unevaluatedProperties"}
)


def _has_identifier(node: Json, tokens: Iterable[str]) -> bool:
    """Whether a node on the way from a root, which is not counted, has an ``$id``."""
    for token in tokens:
        node = node[int(token)] if isinstance(node, list) else node[unescape(token)]
        if isinstance(node, dict) and "$id" in node:
            return True
    return False


def _names_anything(root: Json) -> bool:
    """Whether a node below the root has an ``$id`` or an anchor; most documents need no index."""
    stack: list[Json] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            if (
                "$anchor" in node
                or "$dynamicAnchor" in node
                or (node is not root and "$id" in node)
                or str(node.get("$id", "")).startswith("#")
            ):
                return True
            stack += node.values()
        elif isinstance(node, list):
            stack += node
    return False


def _anchors(node: dict[str, Json]) -> list[str]:
    found = [node.get("$anchor"), node.get("$dynamicAnchor")]
    identifier = node.get("$id")
    if isinstance(identifier, str) and identifier.startswith("#"):
        found.append(identifier[1:])
    return [anchor for anchor in found if isinstance(anchor, str)]
