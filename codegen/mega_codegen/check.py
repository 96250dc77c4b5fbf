"""Hold every schema against its meta-schema, and every example against its schema.

Both are done by a compiled validator: the interpreted one takes longer for the meta-schemas of a thousand files than
the model generator takes for their classes. Formats are asserted as the generated classes assert them; other formats
are annotations. This step knows documents and references, and nothing of events or of Python.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from typing import Any, Protocol, cast

from mega_codegen.bundle import bundle
from mega_codegen.drafts import ADDRESSES, check_keywords, translate
from mega_codegen.errors import MissingDependency, Report
from mega_codegen.keywords import DRAFTS, FORMATS, has_form
from mega_codegen.records import Document, Json, Place
from mega_codegen.resolve import Library, escape, schemas_below


class _Error(Protocol):
    @property
    def message(self) -> str: ...
    @property
    def instance_path(self) -> list[str | int]: ...


class _Validator(Protocol):
    def is_valid(self, instance: Any) -> bool: ...
    def validate(self, instance: Any) -> None: ...
    def iter_errors(self, instance: Any) -> Iterator[_Error]: ...


def well_formed(
    documents: Sequence[Document], drafts: Mapping[str, str | None], report: Report
) -> tuple[Document, ...]:
    """The documents that are valid by their meta-schemas, in the drafts that later steps know.

    Args:
        documents: schema files.
        drafts: the draft of each (``drafts_of``).
        report: takes what is wrong with the others.

    Raises:
        MissingDependency: the validator is not installed.
    """
    fine: list[Document] = []
    for document in documents:
        draft = drafts[document.path]
        if draft is None:
            message = f"$schema {document.tree['$schema']!r} is not read"
            report.error(document.path, "/$schema", message, _DRAFTS_READ)
            continue
        errors = _errors(_meta_validator(draft), document.tree)
        for error in errors:
            report.error(
                document.path,
                _pointer(error.instance_path),
                f"is not JSON Schema ({draft}): {_short(error.message)}",
                "Correct the schema." if "$schema" in document.tree else _UNDECLARED,
            )
        if not errors:
            fine.append(translate(document, draft))
    check_keywords(documents, drafts, report)
    return tuple(fine)


_DRAFTS_READ = (
    f"Use one of the drafts {', '.join(DRAFTS)}; or put the meta-schema into the folder, with this $id and with the "
    "$schema of its draft."
)
_UNDECLARED = 'Correct the schema, or declare its draft: "$schema", or --draft for all files that declare none.'


def _meta(draft: str) -> Json:
    address = ADDRESSES[draft]
    definitions = {"type": "object", "additionalProperties": {"$ref": address}}  # read in drafts that have none, too
    return {"$schema": address, "allOf": [{"$ref": address}], "properties": {"$defs": definitions}}


@cache
def _meta_validator(draft: str) -> _Validator:
    return _validator(_meta(draft), lenient=True)


def is_valid_schema(node: Json, draft: str) -> bool:
    """Whether a node that no meta-schema has looked at is a schema by that of its draft."""
    return _meta_validator(draft).is_valid(node)


def examples(documents: Sequence[Document], library: Library, events: Collection[str], report: Report) -> None:
    """Validate what stands under ``examples`` of any schema node.

    Args:
        documents: well-formed documents.
        library: the same documents and the protocol, for references.
        events: keys of the event definitions.
        report: takes each fault: of a whole payload as an error, of any other example as a warning.
    """
    for document in documents:
        for place in _with_examples(library.root(document.path)):
            schema = bundle(place, library, Report())
            if schema is None:
                continue  # what is wrong is reported where the schema is used
            validator = _validator(schema)
            for index, example in enumerate(place.node["examples"]):
                for error in _errors(validator, example):
                    note = report.error if place.key in events else report.warn
                    note(
                        place.file,
                        f"{place.pointer}/examples/{index}{_pointer(error.instance_path)}",
                        f"the example is not valid: {_short(error.message)}",
                        "Correct the example, or the schema.",
                    )


def _with_examples(root: Place) -> Iterator[Place]:
    """The schemas of a document that have examples."""
    stack = [root]
    while stack:
        place = stack.pop()
        if isinstance(place.node, dict) and isinstance(place.node.get("examples"), list):
            yield place
        stack += schemas_below(place)


def _validator(schema: Json, *, lenient: bool = False) -> _Validator:
    try:
        import jsonschema_rs
    except ImportError as error:
        raise MissingDependency("jsonschema-rs") from error
    known: dict[str, Callable[..., bool]] = {name: partial(has_form, name) for name in FORMATS}
    if lenient:  # real schemas refer to "#/definitions/List<int>"
        known |= dict.fromkeys(("uri", "uri-reference"), _anything)
    return jsonschema_rs.validator_for(schema, formats=known, validate_formats=True, offline=True)


def _errors(validator: _Validator, instance: Json) -> list[_Error]:
    """What is wrong; of a large value the first fault, because its faults could be many and each shows a value."""
    if validator.is_valid(instance):
        return []
    if _is_small(instance):
        return list(validator.iter_errors(instance))
    try:
        validator.validate(instance)
    except ValueError as error:  # the validator's own error is one
        return [cast("_Error", error)]
    return []


def _is_small(instance: Json) -> bool:
    count, stack = 0, [instance]
    while stack and count <= _SMALL:
        node = stack.pop()
        count += len(node) if isinstance(node, dict | list) else 1
        stack += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return count <= _SMALL


_SMALL = 5000
"""How many parts a value may have of which all faults are shown."""


def _anything(text: str) -> bool:
    return True


def _pointer(path: Sequence[str | int]) -> str:
    return "".join(f"/{escape(str(token))}" for token in path)


def _short(message: str) -> str:
    return message if len(message) <= 300 else f"{message[:150]} ... {message[-140:]}"
