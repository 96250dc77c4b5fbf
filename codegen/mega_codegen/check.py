"""Hold every schema against its meta-schema, and every example against its schema.

Both are done by a compiled validator: the interpreted one takes longer for the meta-schemas of a thousand files than
the model generator takes for their classes. Formats are asserted as the generated classes assert them; other formats
are annotations. This step knows documents and references, and nothing of events or of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

from mega_codegen.errors import MissingDependency, Report
from mega_codegen.keywords import FORMATS, has_form
from mega_codegen.records import Document, Json, Place
from mega_codegen.resolve import ROOT, VALUES, Library, Unresolved, base_of, draft_of, escape

_META: Mapping[str, str] = {
    "2020-12": "https://json-schema.org/draft/2020-12/schema",
    "draft-07": "http://json-schema.org/draft-07/schema#",
}


class _Error(Protocol):
    @property
    def message(self) -> str: ...
    @property
    def instance_path(self) -> list[str | int]: ...


class _Validator(Protocol):
    def iter_errors(self, instance: Any) -> Iterator[_Error]: ...


def well_formed(documents: Sequence[Document], report: Report) -> tuple[Document, ...]:
    """The documents that are valid by their meta-schemas.

    Args:
        documents: schema files.
        report: takes what is wrong with the others.

    Raises:
        MissingDependency: the validator is not installed.
    """
    validators = {draft: _validator({"$schema": address, "$ref": address}) for draft, address in _META.items()}
    fine: list[Document] = []
    for document in documents:
        draft = draft_of(document)
        if draft is None:
            message = f"$schema {document.tree['$schema']!r} is not read"
            report.error(document.path, "/$schema", message, "Use draft 2020-12 or draft-07.")
            continue
        errors = list(validators[draft].iter_errors(document.tree))
        for error in errors:
            report.error(
                document.path,
                _pointer(error.instance_path),
                f"is not JSON Schema ({draft}): {_short(error.message)}",
                "Correct the schema.",
            )
        if not errors:
            fine.append(document)
    return tuple(fine)


def examples(documents: Sequence[Document], library: Library, report: Report) -> None:
    """Validate what stands under ``examples`` of any schema node.

    Args:
        documents: well-formed documents.
        library: the same documents and the protocol, for references.
        report: takes one error for each fault of an example.
    """
    places = [place for document in documents for place in _with_examples(library.root(document.path))]
    if not places:
        return
    bundles = {path: _Bundler(library, path) for path in library.paths()}
    registry = _registry([(f"{ROOT}{_quoted(path)}", bundle.schema) for path, bundle in bundles.items()])
    for place in (place for place in places if bundles[place.file].whole):
        validator = _validator({"$ref": f"{ROOT}{_quoted(place.file)}#{_quoted(place.pointer)}"}, registry)
        for index, example in enumerate(place.node["examples"]):
            for error in validator.iter_errors(example):
                report.error(
                    place.file,
                    f"{place.pointer}/examples/{index}{_pointer(error.instance_path)}",
                    f"the example is not valid: {_short(error.message)}",
                    "Correct the example, or the schema.",
                )


def _with_examples(root: Place) -> Iterator[Place]:
    stack: list[tuple[Json, str]] = [(root.node, "")]
    while stack:
        node, pointer = stack.pop()
        if isinstance(node, dict):
            if isinstance(node.get("examples"), list) and not _names_properties(pointer):
                yield Place(root.file, pointer, node, root.base, root.draft)
            stack += [
                (value, f"{pointer}/{escape(key)}")
                for key, value in node.items()
                if isinstance(value, dict | list) and key not in VALUES
            ]
        else:
            stack += [
                (value, f"{pointer}/{index}") for index, value in enumerate(node) if isinstance(value, dict | list)
            ]


def _names_properties(pointer: str) -> bool:
    """Whether the keys of the object there are names, not keywords."""
    return pointer.endswith(("/properties", "/$defs", "/definitions"))


class _Bundler:
    """A copy of a document whose references are absolute, so that any validator finds them among the documents.

    Attributes:
        schema: the copy.
        whole: whether all references lead somewhere. The others are left out; they are reported where they are used.
    """

    def __init__(self, library: Library, path: str) -> None:
        self.whole = True
        self._library = library
        self._root = library.root(path)
        self.schema = self._keywords(self._root.node, self._root.base)

    def _copy(self, value: Json, base: str, names: bool) -> Json:
        if isinstance(value, list):
            return [self._copy(item, base, names=False) for item in value]
        if not isinstance(value, dict):
            return value
        if names:
            return {name: self._copy(item, base, names=False) for name, item in value.items()}
        return self._keywords(value, base_of(base, value))

    def _keywords(self, node: Mapping[str, Json], base: str) -> Json:
        result: dict[str, Json] = {}
        for keyword, value in node.items():
            if keyword in VALUES:
                result[keyword] = value
            elif keyword == "$ref":
                try:
                    target = self._library.follow(Place(self._root.file, "", node, base, self._root.draft), value)
                except Unresolved:
                    self.whole = False
                    continue
                result[keyword] = f"{ROOT}{_quoted(target.file)}#{_quoted(target.pointer)}"
            elif keyword == "format":
                if value in FORMATS:
                    result[keyword] = value
            elif keyword not in ("$id", "$anchor"):
                result[keyword] = self._copy(value, base, names=_names_properties(f"/{keyword}"))
        return result


def _validator(schema: Json, registry: Any = None) -> _Validator:
    try:
        import jsonschema_rs
    except ImportError as error:
        raise MissingDependency("jsonschema-rs") from error
    formats: dict[str, Callable[..., bool]] = {name: partial(has_form, name) for name in FORMATS}
    return jsonschema_rs.validator_for(schema, formats=formats, validate_formats=True, registry=registry, offline=True)


def _registry(resources: list[tuple[str, Json]]) -> Any:
    import jsonschema_rs

    return jsonschema_rs.Registry(resources)


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{escape(str(token))}" for token in path)


def _quoted(pointer: str) -> str:
    return "".join(character if character in _PLAIN else _percent(character) for character in pointer)


_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/~-._$")


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:150]} ... {message[-140:]}"
