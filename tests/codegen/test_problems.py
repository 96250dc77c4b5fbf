"""What is wrong with schemas is said with file and pointer, all of it at once."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from mega_codegen import SchemaErrors

from .making import PROTOCOL, event, package, problems

AT = "a.json#/properties/event/properties/attributes/properties/x"


def attribute(schema: Any) -> dict[str, Any]:
    return {"a.json": event({"x": schema})}


ATTRIBUTES: list[tuple[Any, str]] = [
    ({"type": "string", "minLenght": 3}, f"{AT}/minLenght: minLenght is not a keyword of JSON Schema"),
    ({"type": "strin"}, f"{AT}/type: is not JSON Schema (2020-12): "),
    ({"type": "string", "minLength": -1}, f"{AT}/minLength: is not JSON Schema (2020-12): -1 is less than"),
    ({"type": "array", "items": [{}]}, f"{AT}/items: is not JSON Schema (2020-12): "),
    ({"$ref": "#/$defs/Nope"}, f"{AT}/$ref: $ref '#/$defs/Nope': a.json# has no '$defs'"),
    ({"$ref": "nope.json"}, f"{AT}/$ref: $ref 'nope.json': no such file (nope.json)"),
    ({"$ref": "#nope"}, f"{AT}/$ref: $ref '#nope': no anchor 'nope' there"),
    ({"$ref": "https://example.com/x"}, f"{AT}/$ref: $ref 'https://example.com/x': no schema with this $id; nothing"),
    ({"$ref": "../x.json"}, f"{AT}/$ref: $ref '../x.json': leads out of the schemas folder"),
    ({"$ref": "#/properties/event/properties/attributes/properties/x"}, f"{AT}: refers to itself and to nothing else"),
    ({"type": "string", "x-mega-name": "ﬁt"}, f"{AT}: no Python name can be made of 'ﬁt'"),
    (
        {"type": "array", "items": {"type": "object", "properties": {"a": True}, "x-mega-name": "\uff21b"}},
        f"{AT}/items/x-mega-name: '\uff21b' is not the name of a class",
    ),
    ({"type": "string", "x-mega-name": "class"}, f"{AT}: no Python name can be made of 'class'"),
    ({"type": "string", "examples": [5]}, f'{AT}/examples/0: the example is not valid: 5 is not of type "string"'),
    ({"type": "string", "format": "decimal", "examples": ["x"]}, f"{AT}/examples/0: the example is not valid: "),
]


@pytest.mark.parametrize(("schema", "expected"), ATTRIBUTES, ids=[expected[len(AT) :] for _, expected in ATTRIBUTES])
def test_an_attribute_that_cannot_be_generated(schema: Any, expected: str) -> None:
    """Each reason is reported once, where it stands, and nothing else with it."""
    found = problems(attribute(schema))
    assert [line for line in found if not line.startswith(expected)] == []
    assert found


def changed(**parts: Any) -> dict[str, Any]:
    schema = event()
    section = schema["properties"]["event"]
    for name, value in parts.items():
        if name == "required":
            section["required"] = value
        elif name in ("object", "extra"):
            schema["properties"][name] = value
        elif value is None:
            del section["properties"][name]
        else:
            section["properties"][name] = value
    return {"a.json": schema}


ENVELOPES: list[tuple[dict[str, Any], str]] = [
    (changed(name=None), "a.json#: extends the protocol and does not fix the name of an event"),
    (changed(name={"type": "string"}), "a.json#/properties/event/properties/name: the name of the event is not fixed"),
    (changed(name={"const": 5}), "a.json#/properties/event/properties/name: name must be fixed to one string"),
    (changed(name={"enum": ["a", "b"]}), "a.json#/properties/event/properties/name: name must be fixed to one string"),
    (changed(name={"const": "Item Added"}), "a.json#/properties/event/properties/name: 'Item Added' is not a name"),
    (changed(name={"const": "a:b"}), "a.json#/properties/event/properties/name: the name 'a:b' has a ':'"),
    (
        changed(version={"const": "1"}),
        "a.json#/properties/event/properties/version: version must be fixed to one integer",
    ),
    (changed(version={"const": 0}), "a.json#/properties/event: event.version must be 1 or more, not 0"),
    (changed(required=["version"]), "a.json#/properties/event: a payload without event.domain is valid by this schema"),
    (
        changed(object={"properties": {"current": {"type": "string"}, "previous": {"type": "string"}}}),
        "a.json#/properties/object/properties/current: the state of an entity must be an object",
    ),
    (
        changed(attributes={"type": "object", "required": ["a"], "properties": {"a": {}}}),
        "a.json#/properties/event: a payload without event.attributes is valid, although 'a' is required in it",
    ),
    (
        changed(attributes={"type": "array"}),
        "a.json#/properties/event/properties/attributes: event.attributes must be an object with properties",
    ),
]


@pytest.mark.parametrize(("schemas", "expected"), ENVELOPES, ids=[expected for _, expected in ENVELOPES])
def test_an_envelope_that_cannot_be_generated(schemas: dict[str, Any], expected: str) -> None:
    """What an event definition demands of the envelope and the class would not hold is reported."""
    found = problems(schemas)
    assert found
    assert all(line.startswith(expected) for line in found) or found[0].startswith(expected), found


GROUP = "a.json#/x-mega-group"


def grouped(group: Any, schema: Any = True, required: tuple[str, ...] = ("x",), **more: Any) -> dict[str, Any]:
    return {"a.json": event({"x": schema}, required=required, **{"x-mega-group": group}, **more)}


def about(subject: Any, *required: str) -> dict[str, Any]:
    return {"a.json": {**changed(subject=subject, required=["domain", *required])["a.json"], "x-mega-group": "subject"}}


def owned(identifier: Any, required: list[str], *whole: str) -> dict[str, Any]:
    schema = changed(object={"properties": {"id": identifier}, "required": required})["a.json"]
    return {"a.json": {**schema, "x-mega-group": "object.id", "required": whole}}


TEXT = {"type": "string"}
GROUPS: list[tuple[dict[str, Any], str]] = [
    (grouped("attributes.y"), "'attributes.y' is no part of this event"),
    (grouped("attributes.x.y"), "'attributes.x.y' is no part of this event"),
    (grouped("publisher"), "'publisher' is no part of this event"),
    (grouped("attributes"), "'attributes' is no part of this event"),
    (grouped(["subject"]), "['subject'] is no part of this event"),
    (grouped("attributes.x", TEXT, required=()), "attributes.x may be absent"),
    (grouped("attributes.x"), "attributes.x may be another thing"),
    (grouped("attributes.x", {"type": "number"}), "attributes.x may be another thing"),
    (grouped("attributes.x", {"type": ["string", "null"]}), "attributes.x may be another thing"),
    (grouped("attributes.x", {"type": ["string", "integer"]}), "attributes.x may be another thing"),
    (grouped("attributes.x", {"enum": ["a", 1.5]}), "attributes.x may be another thing"),
    (grouped("attributes.x", {"type": "object"}), "attributes.x may be another thing"),
    (grouped("attributes.x", {"type": "array"}), "attributes.x may be another thing"),
    (about(TEXT), "subject may be absent"),
    (about(True, "subject"), "subject may be another thing"),
    (about({"type": ["string", "null"]}, "subject"), "subject may be another thing"),
    (owned(TEXT, ["id"]), "object.id may be absent"),
    (owned(TEXT, [], "object"), "object.id may be absent"),
    (owned(True, ["id"], "object"), "object.id may be another thing"),
]


@pytest.mark.parametrize(("schemas", "expected"), GROUPS, ids=[expected for _, expected in GROUPS])
def test_a_group_that_a_message_may_lack(schemas: dict[str, Any], expected: str) -> None:
    """A marker that names nothing, what may be absent, or what has no one text is reported where it stands."""
    assert [line[: len(GROUP) + 2 + len(expected)] for line in problems(schemas)] == [f"{GROUP}: {expected}"]


@pytest.mark.parametrize(
    "schemas",
    [
        *(grouped("attributes.x", schema) for schema in (TEXT, {"type": "integer"}, {"enum": ["a", 1, True]})),
        grouped("attributes.x", {"type": "string", "format": "date-time"}),
        grouped("attributes.x", {"allOf": [{"minLength": 1}, TEXT], "x-mega-group": "nothing: it is read at an event"}),
        about(TEXT, "subject"),
        owned(TEXT, ["id"], "object"),
    ],
)
def test_a_group_that_every_message_has(schemas: dict[str, Any]) -> None:
    """A marker that names a required text, integer or boolean is taken over into the class as it stands."""
    marker = schemas["a.json"]["x-mega-group"]
    assert f'__group_from__: ClassVar[str | None] = "{marker}"' in package(schemas)["shop/thing_happened.py"]


NOTHING_HOLDS = "no attribute and no part of the envelope holds this mark"
MARKED = {"type": "string", "x-mega-sensitive": True}


def attributes(**keywords: Any) -> dict[str, Any]:
    return {"a.json": merged(event({"x": TEXT}), "properties/event/properties/attributes", keywords)}


def merged(tree: dict[str, Any], path: str, more: dict[str, Any]) -> dict[str, Any]:
    """A schema with more keywords at a place."""
    node = tree = deepcopy(tree)
    for name in path.split("/") if path else ():
        node = node.setdefault(name, {})
    node |= more
    return tree


def marked(path: str, value: Any = True) -> dict[str, Any]:
    return {"a.json": merged(event({"x": TEXT}), path, {"x-mega-sensitive": value})}


def referring(draft: str) -> dict[str, Any]:
    """A reference with a mark beside it that is none, which hides nothing in what it refers to."""
    return {**event({"x": {"$ref": "#/$defs/S", "x-mega-sensitive": "yes"}}), "$schema": draft, "$defs": {"S": TEXT}}


MISPLACED: list[tuple[dict[str, Any], str, str]] = [
    (marked("properties/event/properties/attributes/properties/x", "yes"), "", "must be true or false, not 'yes'"),
    (marked("properties/event/properties/attributes/properties/x", 1), "", "must be true or false, not 1"),
    (marked("properties/event/properties/attributes/properties/x", None), "", "must be true or false, not None"),
    ({"a.json": referring("https://json-schema.org/draft/2020-12/schema")}, "/x", "must be true or false, not 'yes'"),
    ({"a.json": referring("http://json-schema.org/draft-07/schema#")}, "/x", "must be true or false, not 'yes'"),
    (marked(""), "", NOTHING_HOLDS),
    (marked("properties/event"), "/properties/event", NOTHING_HOLDS),
    (marked("properties/event/properties/attributes"), "/properties/event/properties/attributes", NOTHING_HOLDS),
    (attributes(patternProperties={"^s_": MARKED}), "attributes/patternProperties/^s_", NOTHING_HOLDS),
    (attributes(then={"properties": {"x": MARKED}}, **{"if": True}), "attributes/then/properties/x", NOTHING_HOLDS),
    (marked("properties/event/properties/y"), "/properties/event/properties/y", NOTHING_HOLDS),
    (marked("properties/more"), "/properties/more", NOTHING_HOLDS),
    (marked("properties/event/properties/name"), "/properties/event/properties/name", "name identifies"),
    (marked("properties/event/properties/timestamp"), "", "timestamp identifies"),
    (marked("properties/object/properties/type"), "", "object.type identifies"),
]


@pytest.mark.parametrize(("schemas", "pointer", "expected"), MISPLACED)
def test_a_mark_that_hides_nothing(schemas: dict[str, Any], pointer: str, expected: str) -> None:
    """A mark that is no boolean, or that no class could hold, is reported where it stands."""
    found = problems(schemas)
    assert found
    for line in found:
        place, _, message = line.partition(": ")
        assert place.endswith(f"{pointer}/x-mega-sensitive")
        assert expected in message


def test_a_slip_in_a_marker() -> None:
    """A marker of this generator that is misspelt is an error, and no mark that hides nothing."""
    schemas = {"a.json": event({"x": {"type": "string", "x-mega-sensitve": True}})}
    assert any("x-mega-sensitve is not a keyword of mega-codegen" in line for line in problems(schemas))


def test_a_group_that_must_not_be_shown() -> None:
    """A group id stands in logs, so it cannot be what is sensitive."""
    assert "attributes.x is sensitive" in problems(grouped("attributes.x", MARKED))[0]


NUMBER_AND_X = ["number", "x"]
CARD = {"type": "object", "properties": {"number": MARKED, "brand": TEXT}}
HELD: list[tuple[Any, list[str]]] = [
    (TEXT, []),
    ({**TEXT, "x-mega-sensitive": False}, []),
    (MARKED, ["x"]),
    ({"$ref": "#/$defs/Secret"}, ["x"]),
    ({"$ref": "#/$defs/Card"}, ["number"]),
    ({"$ref": "#/$defs/Card", "x-mega-sensitive": True}, ["number", "x"]),
    ({"allOf": [TEXT, {"$ref": "#/$defs/Secret"}]}, ["x"]),
    ({"type": "array", "items": MARKED}, ["x"]),
    ({"type": "array", "items": {"$ref": "#/$defs/Card"}}, ["number"]),
    ({"type": "array", "prefixItems": [{"$ref": "#/$defs/Card"}]}, ["number", "x"]),
    ({"type": "object", "additionalProperties": MARKED}, ["x"]),
    ({"type": "object", "additionalProperties": {"$ref": "#/$defs/Card"}}, ["number"]),
    ({"type": "object", "patternProperties": {"^a": MARKED}}, ["x"]),
    ({"anyOf": [MARKED, {"type": "integer"}]}, ["x"]),
    ({"anyOf": [{"$ref": "#/$defs/Card"}, {"type": "null"}]}, ["number"]),
    ({"not": {"properties": {"y": MARKED}}}, ["x"]),
    ({"if": {"type": "string"}, "then": MARKED}, ["x"]),
    ({"$ref": "#/$defs/Card", "dependentSchemas": {"brand": {"properties": {"brand": MARKED}}}}, ["number", "x"]),
    ({"$ref": "#/$defs/Card", "minProperties": 1, "properties": {"brand": MARKED}}, ["brand", "number"]),
    ({"$ref": "#/$defs/Card", "not": {"properties": {"y": {"$ref": "#/$defs/Card"}}, "required": ["y"]}}, NUMBER_AND_X),
    ({"type": "array", "contains": {"$dynamicRef": "#secret"}}, ["x"]),
    ({"type": "array", "contains": {"$dynamicRef": "other.json#secret"}}, ["x"]),
    ({"$ref": "#/$defs/Loop"}, ["secret"]),
]


@pytest.mark.parametrize(("schema", "expected"), HELD)
def test_a_mark_is_held_by_the_class_that_has_the_value(schema: Any, expected: list[str]) -> None:
    """A mark hides a field of the class that has it; below what no class holds, it hides the field around it."""
    loop = {"type": "object", "properties": {"next": {"$ref": "#/$defs/Loop"}, "secret": MARKED}}
    secret = {**MARKED, "$dynamicAnchor": "secret"}
    other = {"$defs": {"Shown": {"type": "string", "$dynamicAnchor": "secret"}}}
    definitions = {"Secret": secret, "Card": CARD, "Loop": loop}
    files = package({"a.json": {**event({"x": schema}), "$defs": definitions}, "other.json": other})
    used = [text for path, text in files.items() if path.endswith(".py") and "subscribers" not in path]
    spelt = [line.partition("{")[2] for text in used for line in text.splitlines() if "__sensitive__" in line]
    found = {name for line in spelt for name in line.split('"')[1::2]}
    # the types are generated whether the event uses them or not
    assert found == {*expected, "number", "secret"}


FILES: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"a.json": event(), "b.json": event()},
        ["b.json#: shop thing.happened, version 1 is also defined in a.json#"],
    ),
    (
        {"a.json": event(name="item.added"), "b.json": event(name="item_added")},
        ["b.json#: the name ItemAdded in package shop is also that of a.json#"],
    ),
    (
        {"a.json": event(name="item.added.v2"), "b.json": event(name="item.added", version=2)},
        ["a.json#: the name ItemAddedV2 in package shop is also that of b.json#"],
    ),
    (
        {"a.json": event({"a b": True, "a_b": True})},
        ["a.json#/properties/event/properties/attributes/properties/a_b: 'a_b' and 'a b' have the same Python name a_b"],
    ),
    (
        {"a.json": {"$id": "x:y", "type": "object"}, "b.json": {"$id": "x:y", "type": "object"}},
        ["a.json#/$id: the same $id as b.json", "b.json#/$id: the same $id as a.json"],
    ),
    (
        {"a.json": {"$schema": "http://json-schema.org/draft-03/schema#"}},
        ["a.json#/$schema: $schema 'http://json-schema.org/draft-03/schema#' is not read"],
    ),
    (
        {
            "a.json": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
                       "properties": {"x": {"$ref": "#/definitions/y", "maxLength": 3}}, "definitions": {"y": {"type": "string"}}},
        },
        ["a.json#/properties/x: draft-07 ignores what stands beside $ref"],
    ),
    (
        {"a.json": {"allOf": [{"$ref": "b.json"}]}, "b.json": {"allOf": [{"$ref": "a.json"}]}},
        [f"{file}.json#: is part of itself by way of $ref or allOf" for file in "ab"],
    ),
    (
        {"a.json": event(examples=[{"protocol": "mega", "version": 1, "event": {"name": "x"}}])},
        [
            "a.json#/examples/0/event/name: the example is not valid",
            "a.json#/examples/0/event: the example is not valid",
            "a.json#/examples/0/event: the example is not valid",
            "a.json#/examples/0/event: the example is not valid",
        ],
    ),
    (
        {"a.json": event({"x": {"$ref": "nope.json", "examples": [5]}}), "b.json": {"type": "string", "examples": [5]}},
        [
            "a.json#/properties/event/properties/attributes/properties/x/$ref: $ref 'nope.json': no such file",
            "b.json#/examples/0: the example is not valid",
        ],
    ),
    (
        {"a.json": {key: value for key, value in event({"x": {"minimun": 1}}).items() if key != "allOf"}},
        [
            "a.json#: fixes the name of an event and does not extend the protocol",
            "a.json#/properties/event/properties/attributes/properties/x/minimun: minimun is not a keyword",
        ],
    ),
    (
        {"a.json": {"$defs": {"E": {"properties": {"event": {"properties": {"name": {"const": "x"}}}}}}}},
        ["a.json#/$defs/E: fixes the name of an event and does not extend the protocol"],
    ),
    (
        {"a.json": event({"x": {"type": 5}, "y": {"nott": {}}}), "b.json": event({"z": {"$ref": "a.json"}}, name="b")},
        [
            "a.json#/properties/event/properties/attributes/properties/x/type: is not JSON Schema",
            "a.json#/properties/event/properties/attributes/properties/y/nott: nott is not a keyword of JSON Schema; did",
        ],
    ),
    (
        {"a.json": event({"y": {"minimun": 1}}), "c.json": event({"x": {"not": {"nott": {}}}}, name="c"), "b.json": {"type": "object", "properties": {"q": {"x": 1}}}},
        [
            "c.json#/properties/event/properties/attributes/properties/x/not/nott: nott is not a keyword",
            "a.json#/properties/event/properties/attributes/properties/y/minimun: minimun is not a keyword",
            "b.json#/properties/q/x: x is not a keyword of JSON Schema and says nothing",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("schemas", "expected"), FILES, ids=[expected[0] for _, expected in FILES])
def test_files_that_cannot_be_generated_together(schemas: dict[str, Any], expected: list[str]) -> None:
    """All problems of all files are reported together, each once."""
    found = problems(schemas)
    assert len(found) == len(expected), found
    for line, start in zip(sorted(found), sorted(expected), strict=True):
        assert line.startswith(start)


def test_the_base_of_an_event_need_not_extend_the_protocol() -> None:
    """A schema that fixes the name for an event that refers to it, and extends the protocol, is fine."""
    base = {"type": "object", "properties": {"event": {"type": "object", "properties": {"name": {"const": "x"}}}}}
    assert problems({"a.json": base, "b.json": {"allOf": [{"$ref": PROTOCOL}, {"$ref": "a.json"}]}}) == []


def test_an_error_says_what_to_do() -> None:
    """The text of an error has file, pointer, reason and remedy."""
    with pytest.raises(SchemaErrors) as caught:
        package(attribute({"$recursiveRef": "#"}))
    assert str(caught.value) == (
        f"{AT}/$recursiveRef: error: $recursiveRef is not a keyword of draft 2020-12\n    Use `$dynamicRef` or `$ref`."
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "format": "email", "title": "t", "default": "x", "deprecated": True, "$comment": "c"},
        {"allOf": [{"type": "integer", "minimum": 1}, {"minimum": 5, "maximum": 7}]},
        {"type": ["integer", "null"], "maxLength": 3},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"oneOf": [{"type": "string"}, {"type": "array"}]},
        {"type": "object", "required": ["a"]},
        {"$ref": PROTOCOL + "#/properties/event/properties/subject"},
        {"x-anything": 5, "type": "string"},
    ],
)
def test_what_is_accepted(schema: Any) -> None:
    """Annotations, merged bounds, keywords for other types and references into the protocol are fine."""
    assert problems(attribute(schema)) == []
