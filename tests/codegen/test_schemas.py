"""The schemas of the repository, held against the meta-schema and their examples by another validator than ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mega_codegen import protocol
from referencing import Registry, Resource

from .making import PROTOCOL, ROOT

SCHEMAS = ROOT / "schemas"
FILES = sorted(SCHEMAS.rglob("*.json"))


def _registry() -> Registry[Any]:
    resources = [(path.as_uri(), Resource.from_contents(json.loads(path.read_text("utf-8")))) for path in FILES]
    return Registry[Any]().with_resources([*resources, (PROTOCOL, Resource.from_contents(protocol().tree))])


def _examples(node: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    for example in node.get("examples", ()):
        yield pointer, example
    for name, definition in node.get("$defs", {}).items():
        yield from _examples(definition, f"{pointer}/$defs/{name}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(SCHEMAS).as_posix())
def test_schema_and_examples_are_valid(path: Path) -> None:
    """Each schema is valid by its meta-schema, and has examples that are valid by the schema."""
    tree = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(tree)
    examples = list(_examples(tree, ""))
    assert examples
    for pointer, example in examples:
        reference = {"$ref": f"{path.as_uri()}#{pointer}"}
        jsonschema.Draft202012Validator(reference, registry=_registry()).validate(example)


def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(protocol().tree)


EVENT: dict[str, Any] = {"name": "user.created", "timestamp": "2020-05-04T15:53:23.123"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"event": {**EVENT, "username": "john.doe"}},
        {"event": {**EVENT, "name": "user:login:web", "version": 2, "domain": "user", "attributes": {"a": 1}}},
        {"event": {**EVENT, "domain": None, "subject": None, "publisher": None, "attributes": None, "version": None}},
        {"object": None, "extra": None},
        {"object": {"current": {}, "previous": None, "id": "1", "type": "user", "version": 3, "other": 1}},
        {"extra": {"a": [1]}, "another": "section"},
        {"event": {**EVENT, "timestamp": "2020-05-04T15:53:23+02:00"}},
    ],
)
def test_the_protocol_admits(change: dict[str, Any]) -> None:
    """What protocol.md allows is valid: optional parts missing or null, unknown keys anywhere."""
    _validator().validate({"protocol": "mega", "version": 1, "event": EVENT, **change})


@pytest.mark.parametrize(
    "change",
    [
        {"protocol": "sqs"},
        {"version": 2},
        {"version": "1"},
        {"event": None},
        {"event": {"name": "user.created"}},
        {"event": {"timestamp": EVENT["timestamp"]}},
        {"event": {**EVENT, "name": 5}},
        {"event": {**EVENT, "name": "User Created"}},
        {"event": {**EVENT, "timestamp": 1588607603}},
        {"event": {**EVENT, "timestamp": "yesterday"}},
        {"event": {**EVENT, "subject": 987650}},
        {"event": {**EVENT, "attributes": []}},
        {"object": {"id": 5}},
        {"object": {"current": "x"}},
        {"extra": "x"},
    ],
)
def test_the_protocol_rejects(change: dict[str, Any]) -> None:
    """What protocol.md does not allow is invalid."""
    assert not _validator().is_valid({"protocol": "mega", "version": 1, "event": EVENT, **change})
