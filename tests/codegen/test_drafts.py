"""The drafts of JSON Schema and the ways of real collections: docs/drafts.md, executed, and what tables cannot say."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from mega_codegen import Report, SchemaErrors, generate, protocol
from mega_codegen.cli import main
from mega_codegen.drafts import ADDRESSES, meta_schema
from mega_typed import Event, InvalidPayload

from .making import PROTOCOL, ROOT, documents, event, imported, package, problems, write

PAGE = (ROOT / "docs" / "drafts.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """The cells of the rows of the table under a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def in_draft(draft: str, schema: str) -> dict[str, Any]:
    return {"$schema": ADDRESSES[draft], **json.loads(schema.strip("`"))}


def accepts(cls: type[Event], value: Any, name: str) -> bool:
    section = {"domain": "shop", "name": name, "version": 1, "timestamp": "2020-05-04T15:53:23Z"}
    payload = {"protocol": "mega", "version": 1, "event": {**section, "attributes": {"value": value}}}
    try:
        cls.from_json(json.dumps(payload))
    except InvalidPayload:
        return False
    return True


def generated(schema: Any, name: str, folder: Path, more: dict[str, Any] | None = None) -> type[Event]:
    """The class of an event whose attribute ``value`` has the schema."""
    definition = event({"value": {"$ref": "tested.json"}}, name=name, required=("value",))
    files = package({"event.json": definition, "tested.json": schema, **(more or {})})
    imported(files, folder, f"drafts_{name}")
    found: type[Event] = getattr(importlib.import_module(f"drafts_{name}.shop"), name.capitalize())
    return found


DIFFERENCES = rows("What differs")


@pytest.mark.parametrize("number", range(len(DIFFERENCES)), ids=[" ".join(row[:2]) for row in DIFFERENCES])
def test_what_differs(number: int, tmp_path: Path) -> None:
    """A row of the page: the class accepts and refuses what the row says."""
    draft, schema, accepted, refused = DIFFERENCES[number]
    cls = generated(in_draft(draft, schema), f"row{number}", tmp_path)
    for cell, expected in ((accepted, True), (refused, False)):
        values = re.findall(r"`([^`]+)`", cell)
        assert values
        assert [value for value in values if accepts(cls, json.loads(value), f"row{number}") != expected] == []


REPORTED = rows("What is said about keywords")


@pytest.mark.parametrize(("draft", "schema", "expected"), REPORTED, ids=[row[1] for row in REPORTED])
def test_what_is_said_about_keywords(draft: str, schema: str, expected: str) -> None:
    """A row of the page: what it says is reported, as an error or as a warning, and no error beside it."""
    report = Report()
    try:
        generate(documents({"a.json": event(), "b.json": in_draft(draft, schema)}), protocol(), report)
    except SchemaErrors as error:
        report.problems = list(error.problems)
    found = [f"{'warning' if each.warning else 'error'}: {each.message}" for each in report.problems]
    assert expected in found
    if expected.startswith("warning"):
        assert [line for line in found if line.startswith("error")] == []


def test_recursion_of_2019_09_reaches_the_outermost_schema(tmp_path: Path) -> None:
    """A tree that is extended by a stricter one is strict at every depth, as with ``$dynamicRef``."""
    draft = ADDRESSES["2019-09"]
    tree = {
        "$schema": draft,
        "$id": "urn:tree",
        "$recursiveAnchor": True,
        "type": "object",
        "properties": {"children": {"type": "array", "items": {"$recursiveRef": "#"}}},
    }
    strict = {
        "$schema": draft,
        "$id": "urn:strict",
        "$recursiveAnchor": True,
        "$ref": "urn:tree",
        "unevaluatedProperties": False,
    }
    cls = generated(strict, "strict", tmp_path, {"tree.json": tree})
    assert accepts(cls, {"children": [{"children": []}]}, "strict")
    assert not accepts(cls, {"children": [{"childern": []}]}, "strict")


def test_a_meta_schema_of_ones_own_is_read_as_what_it_declares() -> None:
    """``$schema`` may name a file of the folder; through it, draft-04 is read; one with a vocabulary is not followed."""
    own = {"$schema": "urn:own#", "type": "object", "properties": {"n": {"minimum": 1, "exclusiveMinimum": True}}}
    meta: dict[str, Any] = {"$schema": ADDRESSES["draft-04"], "id": "urn:own#"}
    assert problems({"a.json": event(), "own.json": own, "meta.json": meta}) == []
    expected = "own.json#/$schema: $schema 'urn:own#' is not read"
    assert problems({"own.json": own}) == [expected]
    circle = {"$schema": "urn:own#", "$id": "urn:own#"}
    assert expected in problems({"own.json": own, "meta.json": circle})
    some = {"$schema": ADDRESSES["2020-12"], "$id": "urn:own", "$vocabulary": {"urn:v": True}}
    assert expected in problems({"own.json": own, "meta.json": some})


def test_the_draft_of_files_that_declare_none(tmp_path: Path) -> None:
    """``--draft`` decides how a file without ``$schema`` is read, and no other file."""
    old = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1, "exclusiveMinimum": True}}}
    schemas = {
        "event.json": {"$schema": ADDRESSES["2020-12"], **event({"value": {"$ref": "old.json"}})},
        "old.json": old,
    }
    folder = write(tmp_path / "schemas", schemas)
    assert main([str(folder), "-o", str(tmp_path / "a")]) == 2
    assert main([str(folder), "-o", str(tmp_path / "b"), "--draft", "draft-04"]) == 0
    assert "Field(gt=1)" in (tmp_path / "b" / "shared" / "old.py").read_text("utf-8")


def test_every_meta_schema_is_at_hand() -> None:
    """The meta-schemas of all drafts are found by their address, and nothing else is."""
    assert all(meta_schema(address) for address in ADDRESSES.values())
    assert meta_schema("https://json-schema.org/draft/2020-12/meta/core")
    assert meta_schema("https://example.com/draft-07/schema") is None


def test_references_of_real_collections(tmp_path: Path) -> None:
    """``file://NAME``, an ``$id`` without scheme, and one beside a ``$ref`` at the root are found."""
    draft = ADDRESSES["draft-07"]
    schema = {
        "$schema": draft,
        "type": "object",
        "properties": {
            "a": {"$ref": "file://deep/a.json#/definitions/n"},
            "b": {"$ref": "check_run$created"},
            "c": {"$ref": "http://example.com/c#/definitions/n"},
        },
    }
    more = {
        "deep/a.json": {"$schema": draft, "definitions": {"n": {"type": "integer"}}},
        "deep/b.json": {"$schema": draft, "$id": "check_run$created", "$ref": "common/n.json"},
        "elsewhere/n.json": {"$schema": draft, "$id": "common/n.json", "type": "integer"},
        "c.json": {"$schema": draft, "$id": "http://example.com/c", "$ref": "#/definitions/n",
                   "definitions": {"n": {"$ref": "d#/definitions/n"}}},
        "d.json": {"$schema": draft, "$id": "http://example.com/d", "definitions": {"n": {"type": "integer"}}},
    }  # fmt: skip
    cls = generated(schema, "refer", tmp_path, more)
    assert accepts(cls, {"a": 1, "b": 1, "c": 1}, "refer")
    assert not any(accepts(cls, {name: "x"}, "refer") for name in "abc")


def test_an_id_below_the_root_that_was_not_meant_as_one() -> None:
    """Where ``#/...`` leads nowhere because of an ``id`` on the way, the remedy names it."""
    schema = {
        "$schema": ADDRESSES["draft-04"],
        "definitions": {"V": {"id": "V", "type": "object", "properties": {"v": {"$ref": "#/definitions/V"}}}},
    }
    with pytest.raises(SchemaErrors) as caught:
        package({"a.json": event({"x": {"$ref": "b.json#/definitions/V"}}), "b.json": schema})
    assert "'V' is an $id or id, and '#' leads to it" in caught.value.problems[0].remedy


def test_types_of_different_files_may_have_one_name(tmp_path: Path) -> None:
    """Each file's ``Status`` is a class of its module; both can be used, and the package itself offers neither."""
    status = {"definitions": {"status": {"type": "object", "properties": {"code": {"type": "integer"}}}}}
    other = {"definitions": {"status": {"type": "object", "properties": {"code": {"type": "string"}}}}}
    parts = {name: {"$ref": f"types/{name}.json#/definitions/status"} for name in ("one", "two")}
    schemas = {"event.json": event(parts), "types/one.json": status, "types/two.json": other}
    imported(package(schemas), tmp_path, "drafts_names")
    face = importlib.import_module("drafts_names.types")
    assert not hasattr(face, "Status")
    thing: Any = importlib.import_module("drafts_names.shop").ThingHappened
    one: Any = importlib.import_module("drafts_names.types.one").Status
    two: Any = importlib.import_module("drafts_names.types.two").Status
    assert thing(one=one(code=1), two=two(code="x")).two.code == "x"
    assert problems(schemas) == [
        "types/one.json#/definitions/status: 2 types of package types are named Status; the package itself offers none"
    ]


def test_signs_before_digits_have_names() -> None:
    """``+1`` and ``-1`` of one object are different fields."""
    files = package({"a.json": event({"+1": {"type": "integer"}, "-1": {"type": "integer"}})})
    assert "plus_1: int | None" in files["shop/thing_happened.py"]
    assert "minus_1: int | None" in files["shop/thing_happened.py"]


def test_signs_alone_are_spelled_out() -> None:
    """A property of signs only has a field that names them; one without any sign needs ``x-mega-name``."""
    files = package({"a.json": event({"<=": {"type": "integer"}, "*": {}})})
    assert "less_than_sign_equals_sign: int | None" in files["shop/thing_happened.py"]
    assert "asterisk: Any" in files["shop/thing_happened.py"]
    assert "no Python name can be made of ''" in problems({"a.json": event({"": {}})})[0]


def test_a_nullable_dictionary_keeps_the_type_of_its_values(tmp_path: Path) -> None:
    """``"type": ["object", "null"]`` with ``additionalProperties`` holds for the values."""
    schema = {"type": ["object", "null"], "additionalProperties": {"type": ["integer", "null"]}}
    cls = generated(schema, "nullable", tmp_path)
    assert accepts(cls, {"a": 1, "b": None}, "nullable")
    assert accepts(cls, None, "nullable")
    assert not accepts(cls, {"a": "x"}, "nullable")


COLLECTION = {
    "fine.json": event(name="fine"),
    "broken.json": '{"type": ',
    "slip.json": {"$id": "urn:slip", "type": "object", "propertis": {}},
    "by_path.json": event({"x": {"$ref": "broken.json"}}, name="by.path"),
    "by_id.json": event({"x": {"$ref": "urn:slip"}}, name="by.id"),
    "middle.json": {"type": "object", "properties": {"x": {"$ref": "broken.json"}}},
    "far.json": event({"x": {"$ref": "middle.json"}}, name="far"),
}


def test_keep_going(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What has no error and refers to none is generated; all else is reported, and the exit status says so."""
    folder = write(tmp_path / "schemas", COLLECTION)
    output = tmp_path / "out"
    assert main([str(folder), "-o", str(output)]) == 2
    assert not output.exists()
    capsys.readouterr()
    assert main([str(folder), "-o", str(output), "--keep-going"]) == 2
    assert sorted(path.name for path in (output / "shop").glob("*.py")) == ["__init__.py", "fine.py"]
    reported = {
        line.split("#")[0].split(":")[0] for line in capsys.readouterr().err.splitlines() if ": error: " in line
    }
    assert reported == COLLECTION.keys() - {"fine.json"}
    assert main([str(folder), "-o", str(output), "--keep-going", "--check"]) == 2


def test_keep_going_on_fine_schemas_changes_nothing(tmp_path: Path) -> None:
    """Without errors the option makes no difference, and the exit status is 0."""
    schemas = {"fine.json": event(name="fine")}
    assert generate(documents(schemas), protocol(), keep_going=True) == package(schemas)
    assert main([str(write(tmp_path / "s", schemas)), "-o", str(tmp_path / "out"), "--keep-going"]) == 0


def test_keep_going_blames_who_refers_to_a_meta_schema() -> None:
    """An error that is found in a meta-schema leaves out the files that refer to it, and hides no other."""
    shipped = "json-schema:draft-07.json"
    schemas = {
        "fine.json": event(name="fine"),
        "json schema draft-07.json": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "refers.json": event({"filter": {"$ref": ADDRESSES["draft-07"]}}, name="refers"),
    }
    report = Report()
    files = generate(documents(schemas), protocol(), report, keep_going=True)
    assert [path for path in files if path.startswith("shop/subscribers/")] == [
        "shop/subscribers/__init__.py",
        "shop/subscribers/fine.py",
    ]
    assert {each.file for each in report.problems if not each.warning} == {shipped, "refers.json"}


@pytest.mark.parametrize("draft", ["draft-04", "draft-07", "2020-12"])
def test_a_reference_into_a_container_of_ones_own(draft: str, tmp_path: Path) -> None:
    """What stands where no draft has schemas, and is one, is followed, translated and named like any other."""
    exclusive = {"minimum": 1, "exclusiveMinimum": True} if draft == "draft-04" else {"exclusiveMinimum": 1}
    user = {"type": "object", "properties": {"age": {"type": "integer", **exclusive}}, "required": ["age"]}
    shared = {"$schema": ADDRESSES[draft], "components": {"schemas": {"User": user, "Two": [{"not": user}]}}}
    uses = {"value": {"$ref": "s.json#/components/schemas/User"}, "no": {"$ref": "s.json#/components/schemas/Two/0"}}
    name = f"contained{draft.replace('-', '')}"
    files = package({"s.json": shared, "a.json": event(uses, name=name)})
    assert "class SComponentsSchemasUser(Model):" in files["shared/s.py"]
    imported(files, tmp_path, f"drafts_{name}")
    cls: type[Event] = getattr(importlib.import_module(f"drafts_{name}.shop"), name.capitalize())
    assert accepts(cls, {"age": 2}, name)
    assert not accepts(cls, {"age": 1}, name)
    assert not accepts(cls, {}, name)


@pytest.mark.parametrize(
    ("schema", "container"),
    [
        ({"type": "strin"}, "components"),
        ({"type": "string"}, "examples"),
        ({"$id": "urn:x", "type": "string"}, "components"),
        ({"properties": {"a": {"$anchor": "x"}}}, "components"),
    ],
)
def test_a_reference_into_a_container_leads_to_a_plain_schema(schema: Any, container: str) -> None:
    """What is no schema, is data, or is called something that not every validator would know, is refused."""
    definition = event({"x": {"$ref": f"#/x-mine/{container}/A"}}) | {"x-mine": {container: {"A": schema}}}
    found = problems({"a.json": definition})
    assert any(f"a.json#/x-mine/{container}/A is no schema" in line for line in found)


def test_an_invalid_example_of_a_part_does_not_stop_the_run() -> None:
    """A wrong example of a property is a warning; one of a whole payload is an error (test_problems)."""
    report = Report()
    generate(documents({"a.json": event({"x": {"type": "string", "examples": [5]}})}), protocol(), report)
    assert [(each.warning, each.message[:24]) for each in report.problems] == [(True, "the example is not valid")]


def test_an_unknown_keyword_is_reported_once_for_all_files() -> None:
    """Hundreds of files with a keyword of their own give one warning, with their number."""
    schemas = {f"{name}.json": {"type": "object", "javaType": name} for name in "abc"}
    assert problems({"e.json": event(), **schemas}) == [
        "a.json#/javaType: javaType is not a keyword of JSON Schema and says nothing (and in 2 other files)"
    ]


def test_the_protocol_may_be_extended_from_any_draft(tmp_path: Path) -> None:
    """An event definition in draft-04 has ``enum`` for a constant and extends the protocol like any other."""
    definition = {
        "$schema": ADDRESSES["draft-04"],
        "allOf": [{"$ref": PROTOCOL}],
        "properties": {
            "event": {
                "properties": {
                    "domain": {"enum": ["shop"]},
                    "name": {"enum": ["old"]},
                    "version": {"enum": [1]},
                    "attributes": {
                        "type": "object",
                        "properties": {"value": {"type": "integer"}},
                        "required": ["value"],
                    },
                },
                "required": ["domain", "name", "attributes"],
            }
        },
    }
    imported(package({"a.json": definition}), tmp_path, "drafts_old")
    cls: type[Event] = importlib.import_module("drafts_old.shop").Old
    assert accepts(cls, 1, "old")
    assert not accepts(cls, "1", "old")


def test_a_type_inside_of_another_gives_way_to_a_definition() -> None:
    """Two types of one file whose names come out the same have two classes; the definition keeps the short name."""
    category = {"type": "object", "properties": {"id": {"type": "integer"}}}
    definitions = {
        "discussion": {"type": "object", "properties": {"category": category}},
        "discussion-category": category | {"required": ["id"]},
    }
    schemas = {"shop/a.json": {"$defs": definitions}, "shop/b.json": event({"x": {"$ref": "a.json#/$defs/discussion"}})}
    text = package(schemas)["shop/a.py"]
    assert "class DiscussionCategory(Model):" in text
    assert "    category: DiscussionInnerCategory | None = None" in text


def test_a_type_that_is_made_of_another_and_of_more_has_a_name_of_its_own() -> None:
    """What allOf adds to a property of a shared type makes another class, named after the place that adds it."""
    definitions = {
        "issue": {"type": "object", "properties": {"origin": {"type": "object", "properties": {"url": {"type": "string"}}}}},
        "opened": {"allOf": [{"$ref": "#/$defs/issue"}, {"properties": {"origin": {"required": ["url"]}}}]},
    }  # fmt: skip
    uses = {"x": {"$ref": "a.json#/$defs/opened"}, "y": {"$ref": "a.json#/$defs/issue"}}
    text = package({"shop/a.json": {"$defs": definitions}, "shop/b.json": event(uses)})["shop/a.py"]
    assert "class IssueOrigin(Model):" in text
    assert "class OpenedOrigin(Model):" in text


def test_a_type_that_is_made_of_two_definitions_is_named_after_both() -> None:
    """Where the name of either node is taken by a class of its own, the class made of both says so."""
    definitions = {
        "issue": {"type": "object", "properties": {"url": {"type": "string"}}},
        "pull": {"type": "object", "properties": {"head": {"type": "string"}}},
        "left": {"type": "object", "properties": {"x": {"$ref": "#/$defs/issue"}}},
        "both": {"allOf": [{"$ref": "#/$defs/left"}, {"properties": {"x": {"$ref": "#/$defs/pull"}}}]},
    }
    uses = {name: {"$ref": f"a.json#/$defs/{name}"} for name in definitions}
    text = package({"shop/a.json": {"$defs": definitions}, "shop/b.json": event(uses)})["shop/a.py"]
    classes = [name for name in ("Issue", "Pull", "PullAndIssue") if f"class {name}(Model):" in text]
    assert classes == ["Issue", "Pull", "PullAndIssue"]
