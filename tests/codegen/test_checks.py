"""What types cannot say: a generated class carries it, and accepts what its schema accepts."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from mega_codegen import Report, protocol
from mega_codegen.cli import main
from mega_codegen.generation import understand
from mega_codegen.keywords import FORMATS
from mega_codegen.verify import Disagreement, verify
from mega_typed import Event, InvalidPayload
from mega_typed.schema_check import PATTERNS
from pydantic import ValidationError

from .making import documents, event, imported, package, run, write

SCHEMAS: dict[str, Any] = {
    "not": {"type": "string", "not": {"pattern": "^x"}},
    "if": {
        "type": "object",
        "properties": {"kind": {"enum": ["a", "b"]}, "n": {"type": "integer"}},
        "if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
        "then": {"required": ["n"]},
        "else": {"maxProperties": 1},
    },
    "contains": {"type": "array", "contains": {"type": "integer"}, "minContains": 1, "maxContains": 2},
    "uniqueItems": {"type": "array", "items": {"type": "number"}, "uniqueItems": True},
    "dependentRequired": {"type": "object", "properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b"]}},
    "patternProperties": {
        "type": "object",
        "properties": {"ab": {"type": "integer"}},
        "patternProperties": {"^x": {"type": "string"}},
        "additionalProperties": False,
    },
    "propertyNames": {"type": "object", "propertyNames": {"maxLength": 1}},
    "prefixItems": {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
    "unevaluatedProperties": {
        "type": "object",
        "allOf": [{"properties": {"a": {"type": "integer"}}}],
        "properties": {"b": {"type": "string"}},
        "unevaluatedProperties": False,
    },
    "oneOf": {"oneOf": [{"type": "integer"}, {"type": "number", "minimum": 2}, {"type": "string"}]},
    "anyOf beside type": {"type": "string", "anyOf": [{"minLength": 3}, {"const": "x"}]},
    "constants of any type": {"enum": [1.5, 2, "a", None, True, [1], {"a": 1}]},
    "multipleOf of a float": {"type": "number", "multipleOf": 0.5},
    "additionalProperties beside properties": {
        "type": "object",
        "properties": {"a": {"type": "integer"}},
        "additionalProperties": {"type": "string"},
    },
    "no type": {"minimum": 1, "maxLength": 1},
    "a list of lists": {"$ref": "#/$defs/tree"},
    "patterns that Python reads in another way": {
        "type": "object",
        "patternProperties": {r"^\d$": {"type": "string", "pattern": r"^\w+$"}, r"\p{Lu}": {"type": "integer"}},
        "additionalProperties": {"pattern": r"\s$"},
        "examples": [{"1": "a", "A": 1}, {"٣": " "}],
    },
    "multiples of large numbers": {"type": "number", "multipleOf": 2.0, "examples": [2**53 + 2, 1e300]},
    "look-ahead": {"type": "string", "pattern": "^(?!x)."},
}
EXACT: dict[str, Any] = {
    "integers": {"type": "integer", "multipleOf": 3, "minimum": -7.5},
    "numbers": {"type": "number", "minimum": 0, "exclusiveMaximum": 10},
    "0, 1 and true": {"enum": [0, 1, True]},
    "false and 2": {"enum": [False, 2]},
    "required constants": {
        "type": "object",
        "properties": {"a": {"const": "x"}, "b": {"const": 1}, "class": {"type": "integer"}},
        "required": ["a", "class"],
        "additionalProperties": False,
    },
    "date-time": {"type": "string", "format": "date-time"},
    "date": {"type": ["string", "null"], "format": "date"},
    "time": {"type": "string", "format": "time"},
    "uuid": {"type": "string", "format": "uuid"},
    "decimal": {"type": "array", "items": {"type": "string", "format": "decimal"}},
    "a date or a number": {"anyOf": [{"type": "string", "format": "date"}, {"type": "integer"}]},
}
TREE = {"tree": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "integer"}]}}}


def definition(schema: Any, name: str = "thing.happened") -> dict[str, Any]:
    return {"a.json": event({"x": schema, "y": {"type": "integer"}}, name=name) | {"$defs": TREE}}


def _verified(schemas: dict[str, Any], files: dict[str, str]) -> tuple[list[Disagreement], int]:
    understood = understand(documents(schemas), protocol(), Report())
    return verify(understood.library, understood.catalogue, understood.naming, files)


@pytest.mark.parametrize("what", [*SCHEMAS, *EXACT])
def test_the_class_accepts_what_the_schema_accepts(what: str) -> None:
    """No document of hundreds is judged differently by the schema and by the class; only some classes carry a check."""
    schemas = definition({**SCHEMAS, **EXACT}[what])
    files = package(schemas)
    assert ("shop/thing_happened.schema.json" in files) == (what in SCHEMAS)
    found, tried = _verified(schemas, files)
    assert found == []
    assert tried > 100


@pytest.mark.parametrize("more", [{}, {"not": {"type": "object", "required": ["b"]}}])
@pytest.mark.parametrize("other", ["null", "string"])
def test_a_type_means_the_same_wherever_it_is_used(other: str, more: dict[str, Any], tmp_path: Path) -> None:
    """What may be an object or something else may be so at the second place that refers to it, too."""
    shared = {"type": ["object", other], "properties": {"a": {"type": "integer"}}, **more}
    uses = {name: {"$ref": "#/$defs/shared"} for name in ("first", "second")}
    name = f"{other}{len(more)}"
    imported(package({"a.json": event(uses, name=name) | {"$defs": {"shared": shared}}}), tmp_path, f"checks_{name}")
    cls: Any = getattr(importlib.import_module(f"checks_{name}.shop"), name.capitalize())
    value = {"null": None, "string": "text"}[other]
    made = cls.from_json(_text({"first": value, "second": value}, name=name))
    assert (made.first, made.second) == (value, value)


def _class(folder: Path, schema: Any, name: str) -> type[Event]:
    imported(package(definition(schema, name)), folder, f"checks_{name}")
    found: type[Event] = getattr(importlib.import_module(f"checks_{name}.shop"), name.capitalize())
    return found


def _text(attributes: dict[str, Any], **section: Any) -> str:
    identity = {"domain": "shop", "version": 1, "timestamp": "2020-05-04T15:53:23Z", **section}
    return json.dumps({"protocol": "mega", "version": 1, "event": {**identity, "attributes": attributes}})


def test_all_faults_of_types_and_of_the_check_are_reported(tmp_path: Path) -> None:
    """A fault that only the check finds has path, expected and got, beside what pydantic finds."""
    cls = _class(tmp_path, {"type": "array", "items": {"not": {"const": "bad"}}}, "listed")
    with pytest.raises(InvalidPayload) as raised:
        cls.from_json(_text({"x": ["good", "bad"], "y": "no"}, name="listed"))
    assert [str(fault) for fault in raised.value.faults] == [
        "event.attributes.y: Input should be a valid integer, got 'no'",
        'event.attributes.x[1]: {"const":"bad"} is not allowed for "bad", got \'bad\'',
    ]


def test_the_constructor_holds_the_same(tmp_path: Path) -> None:
    """The constructor refuses what could not be read again, with its place on the wire."""
    cls = _class(tmp_path, {"type": "string", "not": {"const": "bad"}}, "made")
    make: Any = cls
    assert make(x="good").x == "good"
    with pytest.raises(ValidationError) as raised:
        make(x="bad")
    assert [detail["loc"] for detail in raised.value.errors()] == [("event", "attributes", "x")]


def test_the_tolerance_of_the_protocol_holds_for_checked_events(tmp_path: Path) -> None:
    """Unlisted keys of the event are attributes for the check too, and null parts of the envelope are absent."""
    cls = _class(tmp_path, {"type": "string", "not": {"const": "bad"}}, "spread")
    cls.from_json(_text({}, name="spread", x="good", subject=None, timestamp="2020-05-04T15:53:23"))
    with pytest.raises(InvalidPayload):
        cls.from_json(_text({}, name="spread", x="bad"))


def test_the_carried_schema_stands_alone_and_stays(tmp_path: Path) -> None:
    """What an event carries refers to nothing outside, and does not change with a description or another event."""
    schemas = {**definition({"$ref": "shared.json#/$defs/a"}), "shared.json": {"$defs": {"a": {"not": {"const": 1}}}}}
    before = package(schemas)["shop/thing_happened.schema.json"]
    assert "shared.json#/$defs/a" in json.loads(before)["$defs"]
    schemas["shared.json"]["$defs"] |= {"b": {"type": "object"}}
    schemas["shared.json"]["$defs"]["a"]["description"] = "Anything but one."
    schemas["b.json"] = event({"z": {"not": {}}}, name="other")
    assert package(schemas)["shop/thing_happened.schema.json"] == before


def test_dynamic_references_are_settled(tmp_path: Path) -> None:
    """A dynamic reference leads to the outermost anchor on the way, and is a plain one in what the event carries."""
    tree = {
        "$id": "urn:tree",
        "$dynamicAnchor": "node",
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$dynamicRef": "#node"}}},
    }
    strict = {"$id": "urn:strict", "$dynamicAnchor": "node", "$ref": "urn:tree", "unevaluatedProperties": False}
    schemas = {**definition({"$ref": "urn:strict"}, "grown"), "tree.json": tree, "strict.json": strict}
    files = package(schemas)
    assert "$dynamicRef" not in files["shop/grown.schema.json"]
    imported(files, tmp_path, "checks_grown")
    cls: type[Event] = importlib.import_module("checks_grown.shop").Grown
    cls.from_json(_text({"x": {"children": [{"children": []}]}}, name="grown"))
    with pytest.raises(InvalidPayload):
        cls.from_json(_text({"x": {"children": [{"daat": 1}]}}, name="grown"))


def test_verify_finds_what_is_wrong() -> None:
    """A class that holds less than its schema is found, with a document that has nothing to spare."""
    schemas = definition({"type": "string"})
    found, _ = _verified(definition({"type": "string", "maxLength": 2}), package(schemas))
    assert [each.generated for each in found] == [""]
    assert list(found[0].document["event"]["attributes"]) == ["x"]
    assert "is too long" in found[0].schema


def test_the_command_verifies_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``mega-codegen verify`` counts what it tried; a schema that cannot be read ends with status 2."""
    folder = write(tmp_path / "schemas", definition({"not": {"const": 1}}))
    assert main(["verify", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}: 400 documents, 0 disagreements\n"
    write(folder, {"b.json": "{"})
    assert main(["verify", str(folder)]) == 2


def test_the_generator_and_the_runtime_have_the_same_forms() -> None:
    """The forms of formats, which each of the two spells for itself, are equal."""
    assert {name: f"^{form}$" for name, form in FORMATS.items()} == PATTERNS


def test_an_event_without_a_check_imports_no_validator() -> None:
    """Only the events that carry a check pay for it."""
    program = (
        "import sys\nfrom generated.shopping_cart import ItemRemoved\nItemRemoved.model_rebuild()\n"
        "sys.exit('jsonschema_rs' in sys.modules)"
    )
    assert run("-c", program).returncode == 0


def test_types_that_nest_deeper_than_the_stack_are_built(tmp_path: Path) -> None:
    """A chain of a hundred classes is read, constructed and written, on the stack that Python has by default."""
    links = {
        f"L{index}": {"properties": {"a": {"$ref": f"#/$defs/L{index + 1}"}}, "type": "object"} for index in range(99)
    }
    last = {"L99": {"type": "object", "properties": {"a": {"type": "string"}}}}
    schemas = {"a.json": event({"x": {"$ref": "#/$defs/L0"}}, name="deep") | {"$defs": {**links, **last}}}
    imported(package(schemas), tmp_path, "checks_deep")
    module = importlib.import_module("checks_deep.shop")
    made = module.Deep(x=module.L0(a=module.L1(a=module.L2())))
    assert module.Deep.from_json(made.to_json()) == made


def test_a_large_payload_is_refused_with_its_first_fault(tmp_path: Path) -> None:
    """Texts on which a pattern that looks ahead backtracks for long do not keep the check busy once for each of them."""
    cls = _class(tmp_path, {"type": "array", "items": {"type": "string", "pattern": "^(?:a|aa|(?=b)b)+$"}}, "texts")
    cls.from_json(_text({"x": ["a" * 20] * 2000}, name="texts"))
    before = process_time()
    with pytest.raises(InvalidPayload) as raised:
        cls.from_json(_text({"x": ["a" * 23 + "!"] * 2000}, name="texts"))
    assert len(raised.value.faults) == 1
    assert process_time() - before < 5
