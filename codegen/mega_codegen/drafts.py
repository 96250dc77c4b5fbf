"""The drafts of JSON Schema: which one a file is in, and older ones in terms of younger ones.

Later steps know draft-07, 2019-09 and 2020-12. Draft-04 and draft-06 are read as draft-07, and what 2019-09 has of its
own is read as 2020-12 says it. A translation changes keywords where they stand and moves no node, so that every pointer
into the file stays true. docs/drafts.md says what differs; this file is where it is done.

A ``$schema`` of one's own is the draft that the file with that ``$id`` declares in turn. The meta-schemas of all drafts
are at hand for references. This file knows trees; it knows no library of documents and no meaning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

from mega_codegen.errors import Report
from mega_codegen.keywords import (
    DATA,
    DRAFTS,
    LISTS_OF_SCHEMAS,
    MAPS_OF_SCHEMAS,
    RECURSIVE,
    SCHEMAS,
    SENSITIVE,
    foreign_to,
    is_known,
    objection,
    remark,
)
from mega_codegen.records import Document, Json

LATEST: Final = "2020-12"
IGNORES_SIBLINGS: Final = frozenset({"draft-04", "draft-06", "draft-07"})
"""Drafts in which nothing that stands beside ``$ref`` counts."""

ADDRESSES: Final[Mapping[str, str]] = {
    draft: f"http://json-schema.org/{draft}/schema#"
    if draft.startswith("draft-")
    else f"https://json-schema.org/draft/{draft}/schema"
    for draft in DRAFTS
}
_BY_ADDRESS: Final = {address.partition("//")[2].rstrip("#"): draft for draft, address in ADDRESSES.items()}
_UNDATED: Final = "json-schema.org/schema"
"""The address of no draft in particular; a file that declares it declares nothing."""

_READ_AS: Final[Mapping[str, str]] = {"draft-04": "draft-07", "draft-06": "draft-07"}
_MAPS: Final = MAPS_OF_SCHEMAS | {"$defs", "definitions", "dependencies"}


def drafts_of(documents: Sequence[Document], default: str = LATEST) -> Mapping[str, str | None]:
    """The draft of each document by path; ``None`` for one that is not read.

    Args:
        documents: all of them, because one may be the meta-schema of another.
        default: the draft of a document that declares none.
    """
    named = {
        identifier.rstrip("#"): document.tree.get("$schema")
        for document in documents
        if "$vocabulary" not in document.tree  # it may have fewer keywords than its draft
        for identifier in (document.tree.get("id"), document.tree.get("$id"))
        if isinstance(identifier, str)
    }
    return {document.path: _draft(document.tree.get("$schema"), named, default) for document in documents}


def _draft(declared: Json, named: Mapping[str, Json], default: str) -> str | None:
    seen: set[str] = set()
    while isinstance(declared, str) and declared not in seen:
        seen.add(declared)
        address = declared.rstrip("#").partition("//")[2]
        if address == _UNDATED:
            return default
        if address in _BY_ADDRESS and declared.startswith(("http://", "https://")):
            return _BY_ADDRESS[address]
        if declared.rstrip("#") not in named:
            return None
        declared = named[declared.rstrip("#")]
    return default if declared is None and not seen else None


def translate(document: Document, draft: str) -> Document:
    """A document in one of the drafts that later steps know, which it declares.

    Args:
        document: well-formed by its draft.
        draft: its draft.
    """
    target = _READ_AS.get(draft, draft)
    tree = document.tree
    if draft != target or draft == "2019-09":
        tree = _schema(tree, draft, anchored=tree.get("$recursiveAnchor") is True)
    if target == LATEST and "$schema" not in tree:
        return document
    return Document(document.path, {**tree, "$schema": ADDRESSES[target]})


def _schema(node: Mapping[str, Json], draft: str, anchored: bool) -> dict[str, Json]:
    root = isinstance(node.get("$id"), str) and not node["$id"].startswith("#")
    anchored = node.get("$recursiveAnchor") is True if root else anchored
    copy: dict[str, Json] = {}
    for keyword, value in node.items():
        if keyword in DATA and not (keyword == "const" and foreign_to(keyword, draft)):
            copy[keyword] = value
        elif keyword in _MAPS and isinstance(value, dict):
            copy[keyword] = {name: _any(each, draft, anchored) for name, each in value.items()}
        else:
            copy[keyword] = _any(value, draft, anchored)
    if draft == "draft-04":
        return _from_draft_04(copy)
    return _from_2019_09(copy, anchored) if draft == "2019-09" else copy


def _any(value: Json, draft: str, anchored: bool) -> Json:
    if isinstance(value, dict):
        return _schema(value, draft, anchored)
    return [_any(each, draft, anchored) for each in value] if isinstance(value, list) else value


def _from_draft_04(node: dict[str, Json]) -> dict[str, Json]:
    for keyword in ("$id", "examples"):  # younger keywords, which say nothing here
        if isinstance(node.get(keyword), str | list):
            del node[keyword]
    if isinstance(node.get("id"), str):
        node["$id"] = node.pop("id")
    for exclusive, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(exclusive), bool):
            strict = node.pop(exclusive)
            if strict and limit in node:
                node[exclusive] = node.pop(limit)
    return node


def _from_2019_09(node: dict[str, Json], anchored: bool) -> dict[str, Json]:
    if node.pop("$recursiveAnchor", False) is True:
        node["$dynamicAnchor"] = RECURSIVE
    if isinstance(node.get("$recursiveRef"), str):
        reference = node.pop("$recursiveRef")
        if anchored:
            node["$dynamicRef"] = f"#{RECURSIVE}"
        elif "$ref" in node:
            node["allOf"] = [*node.get("allOf", ()), {"$ref": reference}]
        else:
            node["$ref"] = reference
    return node


@cache
def meta_schema(address: str) -> Document | None:
    """The meta-schema of a draft, or a part of one, by its address; ``None`` when it is none."""
    plain = address.rstrip("#").partition("//")[2]
    if not plain.startswith("json-schema.org/"):
        return None
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    found = [identifier for identifier in REGISTRY if identifier.partition("//")[2].rstrip("#") == plain]
    if not found:
        return None
    tree: Json = REGISTRY.contents(found[0])
    draft = drafts_of([Document("", tree)])[""]
    name = plain.removeprefix("json-schema.org/").replace("/", "-").replace("draft-20", "20").removesuffix("-schema")
    return translate(Document(f"json-schema:{name}.json", tree), draft) if draft else None


# --- keywords ---------------------------------------------------------------------------------------------------------


def check_keywords(documents: Sequence[Document], drafts: Mapping[str, str | None], report: Report) -> None:
    """Report keywords that do not belong into a schema.

    Those of other drafts and likely slips are errors; the others are one warning each, because JSON Schema has it that
    they say nothing.

    Args:
        documents: schema files as they were read.
        drafts: the draft of each.
        report: takes the problems.
    """
    first: dict[str, tuple[str, str]] = {}
    files: Counter[str] = Counter()
    for document in documents:
        draft = drafts[document.path]
        for keyword, pointer in (_unknown(document, draft, report) if draft else {}).items():
            first.setdefault(keyword, (document.path, pointer))
            files[keyword] += 1
    for keyword, (file, pointer) in first.items():
        message, remedy = remark(keyword, drafts[file] or LATEST)
        more = files[keyword] - 1
        also = f" (and in {more} other file{'s' if more > 1 else ''})" if more else ""
        report.warn(file, pointer, f"{message}{also}", remedy)


def _unknown(document: Document, draft: str, report: Report) -> Mapping[str, str]:
    """The keywords of a document that say nothing, each with the first place; others are reported at once."""
    unknown: dict[str, str] = {}
    unlike = {"contains": "", "unevaluatedItems": ""}
    objections = 0
    for pointer, node in _schemas(document.tree, draft):
        for keyword, value in node.items():
            if keyword in unlike:
                unlike[keyword] = f"{pointer}/{keyword}"
            known = is_known(keyword, draft)
            if known and keyword != SENSITIVE:
                continue
            at = f"{pointer}/{_escape(keyword)}"
            found = objection(keyword, draft, value)
            if found is not None:
                report.error(document.path, at, *found)
                objections += 1
            elif not known:
                unknown.setdefault(keyword, at)
    if draft == "2019-09" and all(unlike.values()):
        message = "in 2019-09, unevaluatedItems does not know of contains; that cannot be enforced"
        report.error(document.path, unlike["unevaluatedItems"], message, "Use draft 2020-12.")
    if unknown and not objections and not any(is_known(each, draft) for each in document.tree if each != "$schema"):
        message = "holds no keyword of JSON Schema; nothing is generated for it"
        report.warn(document.path, "", message, "Move it out of the folder, unless a schema refers into it.")
        return {}
    return unknown


def _schemas(tree: Json, draft: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
    """The schemas of a document, each with its pointer, where the draft has schemas."""
    stack: list[tuple[str, Json]] = [("", tree)]
    while stack:
        pointer, node = stack.pop()
        if not isinstance(node, dict):
            continue
        if draft in IGNORES_SIBLINGS and isinstance(node.get("$ref"), str):
            node = {key: value for key, value in node.items() if key in ("$ref", "definitions", "$defs", SENSITIVE)}
        yield pointer, node
        for keyword, value in node.items():
            if isinstance(value, list) and (keyword in LISTS_OF_SCHEMAS or keyword == "items"):
                stack += [(f"{pointer}/{keyword}/{index}", each) for index, each in enumerate(value)]
            elif isinstance(value, dict) and keyword in _MAPS:
                stack += [(f"{pointer}/{keyword}/{_escape(name)}", each) for name, each in value.items()]
            elif keyword in SCHEMAS:
                stack.append((f"{pointer}/{keyword}", value))


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")
