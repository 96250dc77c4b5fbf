"""The linter: every rule is documented, finds its bad example and nothing in its good one; settings as in ruff."""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_codegen import CodegenError, Problem, Report, SchemaErrors, protocol
from mega_codegen.cli import main
from mega_codegen.generation import understand
from mega_codegen.lint import RULES, Subject, lint
from mega_codegen.settings import Settings, SettingsErrors, from_table, holds, with_options

from .making import ROOT, documents, event, write

PAGE = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
IDS = [rule.id for rule in RULES]
ALL = Settings(frozenset(IDS))
Schemas = dict[str, Any]


def findings(schemas: Schemas) -> list[Problem]:
    """What all rules find."""
    report = Report()
    found = understand(documents(schemas), protocol(), report)
    return lint(Subject(found.library, found.catalogue, found.naming, report.problems), ALL)


def found(schemas: Schemas) -> set[tuple[str, str]]:
    """The findings as rule and place."""
    return {(problem.rule[:5], f"{problem.file}#{problem.pointer}") for problem in findings(schemas)}


def blocks(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+(?: [^\n]+)?)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


EVENT, CART = "shop/item_added.v1.schema.json", "shop/cart.schema.json"
BASE: Schemas = {info[5:]: json.loads(text) for info, text in blocks(PAGE) if info in (f"json {EVENT}", f"json {CART}")}
SECTIONS = {each.split(" ")[0]: each for each in PAGE.split("\n### ")[1:]}


def patched(target: Any, patch: Any) -> Any:
    """A JSON Merge Patch, RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


def with_example(info: str, text: str) -> Schemas:
    """The two files of the page, and an example applied to them in the way that the page describes."""
    schemas, change, where = copy.deepcopy(BASE), json.loads(text), info.split(" ")[2:]
    file = where[0] if where and "/" in where[0] else EVENT
    if where == ["attributes"]:
        change = {"properties": {"event": {"properties": {"attributes": {"properties": change}}}}}
    before = schemas.get(file, BASE[EVENT] if ".v" in file and file.startswith("shop/") else {})
    schemas[file] = patched(before, change)
    for schema in schemas.values():
        identity = schema.get("properties", {}).get("event", {}).get("properties", {})
        for example in schema.get("examples", ()):
            example["event"] |= {part: identity[part]["const"] for part in ("domain", "name", "version")}
    return schemas


def test_the_files_of_the_page_are_clean() -> None:
    """What the page starts from has no finding."""
    assert set(BASE) == {EVENT, CART}
    assert findings(BASE) == []


def test_every_rule_has_a_section() -> None:
    """The page and the table of rules list the same, in the same order, and ids are distinct."""
    titles = re.findall(r"^### (\S+ \S+)$", PAGE, re.MULTILINE)
    assert titles == [f"{rule.id} {rule.name}" for rule in RULES] == sorted(titles)
    assert len(set(IDS)) == len({rule.name for rule in RULES}) == len(RULES)


@pytest.mark.parametrize("rule", IDS)
def test_the_examples_of_a_rule(rule: str) -> None:
    """A rule, and no other, finds its bad example; nothing finds its good one."""
    examples = blocks(SECTIONS[rule].split("\n## ")[0])
    assert [info.split(" ")[1] for info, _ in examples] == ["bad", "good"]
    bad, good = (findings(with_example(info, text)) for info, text in examples)
    assert {problem.rule[:5] for problem in bad} == {rule}
    assert good == []
    assert all(problem.warning and problem.message and problem.remedy for problem in bad)


def whole(attributes: Any = None, **more: Any) -> Schemas:
    """An event that has all that the linter asks for, apart from these attributes."""
    kept: dict[str, Any] = {"domain": "shop", "name": "thing.happened", "version": 1} | {
        key: more.pop(key) for key in ("domain", "name", "version") if key in more
    }
    body = {"protocol": "mega", "version": 1, "event": {**kept, "timestamp": "2026-01-31T12:00:00Z"}}
    texts = {"$schema": BASE[EVENT]["$schema"], "title": "T", "description": "D.", "examples": [body]}
    return event(attributes, **kept, **texts | more)


AT = "/properties/event/properties"
X = f"{AT}/attributes/properties/x"
STRING = {"description": "D.", "type": "string"}


def attribute(**schema: Any) -> Schemas:
    return {"thing_happened.json": whole({"x": {"description": "D."} | schema})}


def thing(**more: Any) -> Schemas:
    return {"thing_happened.json": whole(**more)}


PLACES: list[tuple[Schemas, set[tuple[str, str]]]] = [
    (thing(name="a..b"), {("ML001", f"{AT}/name"), ("ML006", "")}),
    (thing(name="thing.1happened"), {("ML001", f"{AT}/name"), ("ML006", "")}),
    (thing(name="thing_happened"), set()),
    (thing(domain="shop.web"), {("ML003", f"{AT}/domain")}),
    (thing(domain="shop:web"), {("ML002", f"{AT}/domain")}),
    (thing(name="shop.thing.happened"), set()),
    (thing(name="shopthing.happened"), {("ML006", "")}),
    (attribute(type="array"), {("ML301", X)}),
    (attribute(type="array", items={"type": "array"}), {("ML301", X)}),
    (attribute(type="array", items=STRING), set()),
    (attribute(type="object"), set()),
    (attribute(enum=["a", None]), {("ML303", X)}),
    (attribute(description="Or nullable.", enum=["a", None]), {("ML303", X)}),
    (attribute(type=["string", "null"], description=" "), {("ML103", X), ("ML303", X)}),
    (attribute(type="array", items={"type": "string", "format": "ipv4"}), {("ML302", f"{X}/items/format")}),
    (attribute(type="object", properties={"y": {"type": "string"}}), {("ML103", f"{X}/properties/y")}),
    (attribute(type="object", properties={"format": STRING, "enum": STRING}), set()),
    (attribute(type="array", items={"type": "object", "properties": {"y": STRING}}), {("ML102", f"{X}/items")}),
    (attribute(type="string", **{"x-mega-name": "y"}), set()),
    (attribute(description=" ", type="object", properties={"y": STRING}), {("ML103", X)}),
    (attribute(type="string", contentSchema={"$ref": "nope.json"}, default={"format": "a"}, **{"x-y": {"format": "a"}}), set()),
    (attribute(type="object", properties={"examples": STRING | {"format": "a"}}), {("ML302", f"{X}/properties/examples/format")}),
    (attribute(**{"$ref": "urn:mega:protocol:1#/properties/event"}), set()),
    ({"thing_happened.json": whole({"x": STRING | {"type": ["string", "null"]}}, required=("x",), examples=[])}, {("ML105", "")}),
    (thing(**{"$defs": {"A": STRING | {"allOf": [{"$ref": "#/$defs/B"}]}, "B": STRING}}), {("ML202", "/$defs/A"), ("ML202", "/$defs/B")}),
    ({"cart.json": BASE[CART]}, {("ML202", "")}),
    ({"thing_happened.json": whole({"timestamp": STRING, "model_dump": STRING})},
     {("ML005", f"{AT}/attributes/properties/timestamp"), ("ML005", f"{AT}/attributes/properties/model_dump")}),
    ({"thing_happened.json": whole({"é": STRING, "A": STRING, "a__b": STRING, "_a": STRING, "a1": STRING})},
     {("ML004", f"{AT}/attributes/properties/{name}") for name in ("é", "A", "a__b", "_a")}),
    ({"thing_happened.json": whole(required=("x",), examples=[])}, {("ML105", ""), ("ML301", "")}),
    ({"ThingHappened.schema.json": whole()}, set()),
    ({"thing-happened-v1.json": whole()}, set()),
    ({"things.json": whole()}, {("ML006", "")}),
]  # fmt: skip


@pytest.mark.parametrize(("schemas", "expected"), PLACES, ids=range(len(PLACES)))
def test_where_a_rule_points(schemas: Schemas, expected: set[tuple[str, str]]) -> None:
    """A finding stands at the schema that is to be changed, and each rule stops where it says."""
    file = next(iter(schemas))
    assert found(schemas) == {(rule, f"{file}#{pointer}") for rule, pointer in expected}


def test_versions() -> None:
    """Each version without its predecessor is reported, unless it is the oldest one that is kept."""
    required = ["domain", "name", "version"]
    schemas: Schemas = {}
    for version in (2, 3, 6, 7, 9):
        schema = whole(version=version)
        schema["properties"]["event"]["required"] = required
        schemas[f"thing_happened.v{version}.json"] = schema
    assert found(schemas) == {("ML201", f"thing_happened.v{version}.json#{AT}/version") for version in (6, 9)}


def test_an_identity_by_way_of_a_reference() -> None:
    """What an event takes over from a base is reported once, at the base when the base can be changed."""
    base = {
        "$schema": BASE[EVENT]["$schema"],
        "title": "T",
        "description": "D.",
        "allOf": [{"$ref": "urn:mega:protocol:1"}],
    }
    base["properties"] = {"event": {"properties": {"domain": {"const": "a-b"}, "attributes": {"type": "object", "properties": {"x": {"type": "string"}}}}, "required": ["domain"]}}  # fmt: skip
    schemas: Schemas = {"base.json": base}
    for name in ("one", "two"):
        schema = whole(name=name, domain="a-b")
        del schema["properties"]["event"]["properties"]["domain"]
        schemas[f"{name}.json"] = schema | {"allOf": [{"$ref": "base.json"}]}
    assert found(schemas) == {("ML003", "one.json#"), ("ML003", "two.json#"), ("ML103", f"base.json#{X}")}


def test_types_are_used_by_way_of_others() -> None:
    """A type is used when an event leads to it, in any number of steps; a circle of types alone is not."""
    draft, node = {"$schema": BASE[EVENT]["$schema"], "title": "T", "description": "D."}, {"description": "D.", "type": "object"}  # fmt: skip

    def to(target: str) -> Schemas:
        return node | {"properties": {"x": {"$ref": target}}}

    types = {
        "types.json": draft | {"$defs": {"A": to("#/$defs/B"), "B": to("more.json"), "C": to("#/$defs/D"), "D": to("#/$defs/C"), "E": {"const": {"$ref": "#/$defs/F"}}, "F": node}},
        "more.json": draft | to("other.json#/properties/x"),
        "other.json": draft | to("types.json#/$defs/G") | {"$id": "urn:other"},
    }  # fmt: skip
    types["types.json"]["$defs"]["G"] = to("#/$defs/A")
    types["types.json"]["$defs"]["E"] = {"description": "D.", "enum": ["x"]}
    schemas = {"thing_happened.json": whole({"x": {"$ref": "types.json#/$defs/A"}}), **types}
    assert found(schemas) == {("ML202", f"types.json#/$defs/{name}") for name in "CDEF"}


def test_a_diamond_of_references_ends() -> None:
    """An attribute that is a part of parts, each twice, is looked at once."""
    parts = {f"T{index}": {"allOf": [{"$ref": f"#/$defs/T{index + 1}"}] * 2} for index in range(40)}
    schema = whole({"x": {"$ref": "#/$defs/T0"}}) | {"$defs": parts | {"T40": {"type": "string"}}}
    assert found({"thing_happened.json": schema}) == {("ML103", f"thing_happened.json#{X}")}


def test_a_copy_of_the_protocol_is_not_linted() -> None:
    """The protocol itself has no findings, wherever it stands."""
    tree = json.loads((ROOT / "schemas/mega/v1.schema.json").read_text())
    assert findings({"mega/x.json": tree, "thing_happened.json": whole()}) == []


names = st.sampled_from(["a", "B", "class", "copy", "x y", "$ref", "format", "é", "a/b", "~", "properties", "$defs", "description", ""])  # fmt: skip
leaves = st.sampled_from([{}, True, {"type": "string"}, {"type": ["string", "null"]}, {"type": "array"}, {"enum": ["a", None]}, {"$ref": "#/$defs/T"}, {"type": "string", "format": "x"}, {"x-y": {"$ref": 5, "format": {}}}])  # fmt: skip
nodes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda properties: {"type": "object", "properties": properties}, st.dictionaries(names, inner, max_size=3)),
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(lambda options: {"anyOf": options}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda part: {"allOf": [part]}, inner),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=150)
@given(st.dictionaries(names, nodes, max_size=4), nodes)
def test_every_finding_points_into_its_file(attributes: Schemas, node: Any) -> None:
    """Whatever generation accepts, linting ends, and each pointer leads to something."""
    schemas = {"a.json": event(attributes), "b.json": {"$defs": {"T": node}, "type": "object"}}
    schemas["a.json"]["$defs"] = {"T": {"type": "object"}}
    try:
        problems = findings(schemas)
    except SchemaErrors:
        return
    for problem in problems:
        place: Any = schemas[problem.file]
        for token in problem.pointer.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            place = place[int(key)] if isinstance(place, list) else place[key]


def test_our_own_schemas_are_clean(capsys: pytest.CaptureFixture[str]) -> None:
    """The schemas of this repository have no finding, and no rule is switched off for them."""
    assert main(["lint", str(ROOT / "schemas")]) == 0
    assert capsys.readouterr().out == f"{ROOT / 'schemas'}: no findings\n"
    assert "mega-codegen.lint" not in (ROOT / "pyproject.toml").read_text()


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "rule", "file", "expected"),
    [
        ({}, "ML101", "a.json", True),
        ({"lint": {"ignore": ["ML101"]}}, "ML101", "a.json", False),
        ({"lint": {"ignore": ["ML101"]}}, "ML102", "a.json", True),
        ({"lint": {"select": ["ML101"]}}, "ML101", "a.json", True),
        ({"lint": {"select": ["ML101"]}}, "ML102", "a.json", False),
        ({"lint": {"select": ["ML101"], "ignore": ["ML101"]}}, "ML101", "a.json", False),
        ({"lint": {"per-file-ignores": {"old/**": ["ML101"]}}}, "ML101", "old/a/b.json", False),
        ({"lint": {"per-file-ignores": {"old/**": ["ML101"]}}}, "ML102", "old/a/b.json", True),
        ({"lint": {"per-file-ignores": {"old/**": ["ML101"]}}}, "ML101", "new/old/b.json", True),
        ({"lint": {"per-file-ignores": {"conf/schemas/old/*": ["ML101"]}}}, "ML101", "old/a/b.json", False),
        ({"lint": {"per-file-ignores": {"*.v1.*": ["ML101"], "x": ["ML102"]}}}, "ML101", "a/b.v1.json", False),
    ],
)
def test_where_a_rule_holds(table: Any, rule: str, file: str, expected: bool) -> None:
    """Selected, not ignored, and not ignored for a pattern that the path matches from either folder."""
    assert holds(from_table(table, "pyproject.toml", IDS, "conf/schemas/"), rule, file) is expected


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"lint": {"ignore": ["ML999"]}}, "#/tool/mega-codegen/lint/ignore: error: there is no rule 'ML999'"),
        (
            {"lint": {"select": ["ml101"]}},
            "/select: error: there is no rule 'ml101'\n    Did you mean ML101? docs/lint.md",
        ),
        ({"lint": {"select": "ML101"}}, "/select: error: must be a list of rule ids"),
        ({"lint": {"select": [1]}}, "/select: error: must be a list of rule ids"),
        ({"lint": {"per-file-ignores": {"a/*": ["X"]}}}, "/per-file-ignores/a~1*: error: there is no rule 'X'"),
        ({"lint": {"per-file-ignores": []}}, "/per-file-ignores: error: must be a table"),
        ({"lint": {"exclude": []}}, "/lint/exclude: error: there is no such setting"),
        ({"lints": {}}, "#/tool/mega-codegen/lints: error: there is no such setting"),
        ({"lint": 5}, "/lint: error: must be a table"),
        (5, "#/tool/mega-codegen: error: must be a table"),
    ],
)
def test_settings_that_cannot_be(table: Any, message: str) -> None:
    """A typed error says where and what; a typing error in an id gets its remedy."""
    with pytest.raises(SettingsErrors) as caught:
        from_table(table, "pyproject.toml", IDS)
    assert str(caught.value).startswith("pyproject.toml#/tool/mega-codegen")
    assert message in str(caught.value)


def test_the_command_line_goes_first() -> None:
    """``--select`` replaces what the file selects and ignores, ``--ignore`` adds, and per-file patterns stay."""
    per_file = {"per-file-ignores": {"old/*": ["ML102"]}}
    read = from_table({"lint": {"select": ["ML101"], "ignore": ["ML102"], **per_file}}, "p", IDS)
    changed = with_options(read, ["ML102", "ML103"], ["ML103"], IDS)
    assert [rule for rule in IDS if holds(changed, rule, "a.json")] == ["ML102"]
    assert not holds(changed, "ML102", "old/a.json")
    kept = with_options(read, [], ["ML101"], IDS)
    assert [rule for rule in IDS if holds(kept, rule, "a.json")] == []
    with pytest.raises(SettingsErrors, match="there is no rule 'X'"):
        with_options(read, [], ["X"], IDS)


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory with a folder of schemas: a clean event, and one without a title."""
    untitled = {key: value for key, value in whole(name="other").items() if key != "title"}
    write(tmp_path / "schemas", {"thing_happened.json": whole(), "old/other.json": untitled})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["lint", "schemas/", *arguments])
    return status, *capsys.readouterr()


def test_findings_in_each_format(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 1, and each finding with file, position, rule and remedy, on stdout."""
    assert call(capsys) == (
        1,
        'old/other.json:1:1#: warning: the file has no title [ML104 title]\n    Add "title".\nschemas: 1 finding\n',
        "",
    )
    assert call(capsys, "--format", "github") == (
        1,
        '::warning file=schemas/old/other.json,line=1,col=1,title=ML104 title::the file has no title%0AAdd "title".\n',
        "",
    )
    status, out, err = call(capsys, "--format", "json")
    document = json.loads(out)
    assert (status, err, [each["rule"] for each in document["problems"]]) == (1, "", ["ML104"])
    assert call(capsys, "--ignore", "ML104") == (0, "schemas: no findings\n", "")
    assert call(capsys, "--select", "ML101,ML102", "--select", "ML103")[0] == 0


def test_the_settings_of_the_page(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The table of docs/lint.md is read from the nearest pyproject.toml that has one."""
    [(_, text)] = [block for block in blocks(PAGE) if block[0] == "toml settings"]
    (project / "pyproject.toml").write_text(text.replace("legacy", "old").replace("ML001", "ML104"))
    (project / "schemas/pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert call(capsys)[0] == 0
    (project / "schemas/pyproject.toml").write_text("[tool.mega-codegen]\n")
    assert call(capsys)[0] == 1
    (project / "schemas/pyproject.toml").rename(project / "schemas/old/pyproject.toml")
    os.chdir(project / "schemas")
    assert main(["lint", "old/.."]) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.mega-codegen.lint]\nselect = ['X']\n", "#/tool/mega-codegen/lint/select: error: there is no rule 'X'"),
        ("[tool", "#: error: is not TOML: "),
        ("x = " + "[" * 50_000, "#: error: is not TOML: "),
        ("x = " + "1" * 5000, "#: error: is not TOML: "),
        ("\x00", "#: error: is not TOML: "),
        (b"\xff", "#: error: is not TOML: "),
    ],
    ids=range(6),
)
def test_broken_settings(project: Path, text: str | bytes, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Status 2 and a message with the path of pyproject.toml."""
    (project / "pyproject.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    status, out, err = call(capsys)
    assert (status, out) == (2, "")
    assert err.startswith(f"pyproject.toml{message}")


def test_errors_of_generation_are_reported(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What stops generation is status 2, with the same message; findings wait until it is repaired."""
    write(project / "schemas", {"bad.json": event({"x": {"$recursiveRef": "#"}})})
    status, out, err = call(capsys)
    assert (status, out) == (2, "")
    assert "bad.json:1:" in err
    assert "is not a keyword of draft" in err
    assert call(capsys, "--select", "X")[0] == 2
    assert main(["lint", "nowhere"]) == 2


def test_a_folder_called_lint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``./lint`` is a folder, ``lint`` is the command."""
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "lint", {"thing_happened.json": whole()})
    assert main(["./lint", "-o", "out"]) == 0
    assert main(["lint", "lint"]) == 0
    with pytest.raises(SystemExit):
        main(["lint", "-o", "out"])


def test_an_error_of_the_settings_is_typed() -> None:
    """Those who call the parts catch one class."""
    assert issubclass(SettingsErrors, CodegenError)
