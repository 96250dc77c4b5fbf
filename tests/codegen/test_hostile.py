"""What strangers can put into a schema never becomes code: correct output or a typed error, and nothing else."""

from __future__ import annotations

import ast
import json
import os
import string
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mega_codegen import Report, SchemaErrors, load, names, parse, protocol, words
from mega_codegen.build import build
from mega_codegen.check import is_valid_schema
from mega_codegen.emit import emit
from mega_codegen.errors import Problem
from mega_codegen.model import catalogue, library_of
from mega_codegen.records import Catalogue
from mega_codegen.regexes import to_rust
from mega_codegen.text import docstring, literal
from pydantic_core import SchemaValidator, core_schema

from .making import documents, event, package, problems, run, write

NASTY = [
    '"""', "'''", "\\", '"', "'", "\n", "\r\n", "\\N{DASH}", "\u202e", "\u2066x", "\x00", "\x7f", "\ufeff", "é", "ﬁ",
    "class", "None", "True", "__class__", "__init__", "model_config", "model_fields", "self", "cls", "import os",
    '"""\nimport os\nos.system("x")\n"""', "'); import os; ('", "{x}", "%s", "#", "\u2028", "a b", "1st", "_", "__", "_x",
    "x_", "A", "a", "str", "list", "int", "date", "datetime", "UUID", "Annotated", "Field", "Literal", "timestamp",
    "object", "extra", "subject", "json", "copy", "schema", "validate", "type", "name", "version", "ClassVar", "any_",
    "ThingHappened", "日本", "😀", "a-b", "a.b", "a/b", "a~b", "$ref", "type]", "x" * 120, "Cart", "\u0301", "\\", "lambda",
]  # fmt: skip

texts = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), max_size=4).map("".join),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)

scalars = st.one_of(
    st.builds(lambda text: {"type": "string", "description": text, "title": text, "default": text}, texts),
    st.builds(lambda values: {"enum": values}, st.lists(texts, min_size=1, max_size=4, unique=True)),
    st.builds(lambda text: {"const": text}, texts),
    st.sampled_from(
        [
            {"type": "string", "format": "date"},
            {"type": ["string", "null"], "format": "date-time"},
            {"type": "string", "format": "decimal"},
            {"type": "string", "format": "uuid"},
            {"type": "integer", "minimum": -(10**30), "maximum": 2.5},
            {"type": ["number", "null"], "exclusiveMinimum": -1e-7},
            {"type": "null"},
            {"enum": [True, "x", 3, None]},
            True,
        ]
    ),
)


def _nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.builds(lambda items: {"type": "array", "items": items, "minItems": 1}, inner),
        st.builds(lambda value: {"type": "object", "additionalProperties": value}, inner),
        st.builds(lambda members: {"anyOf": members}, st.lists(inner, min_size=1, max_size=3)),
        _objects(inner),
    )


def _objects(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda properties, closed, text: {
            "type": "object",
            "properties": properties,
            "required": sorted(properties)[:2],
            "description": text,
            **({"additionalProperties": False} if closed else {}),
        },
        st.dictionaries(texts, inner, min_size=1, max_size=4),
        st.booleans(),
        texts,
    )


nodes = st.recursive(scalars, _nested, max_leaves=8)

EXPECTED = (
    ast.Module, ast.ImportFrom, ast.alias, ast.ClassDef, ast.keyword, ast.AnnAssign, ast.Assign, ast.Expr, ast.Name,
    ast.Load, ast.Store, ast.Constant, ast.Subscript, ast.Tuple, ast.BinOp, ast.BitOr, ast.Call, ast.Dict, ast.Set,
    ast.List, ast.UnaryOp, ast.USub, ast.If,
)  # fmt: skip
CALLED = {"Field", "ConfigDict", "EventType", "frozenset", "any_", "register_events", "lazy_exports"}
MODULES = {"__future__", "collections.abc", "datetime", "decimal", "typing", "uuid", "mega_typed", "mega_typed.match", "pydantic"}  # fmt: skip


def check_nodes(text: str) -> None:
    """Only the expected kinds of nodes exist, only known functions are called, only known modules are imported."""
    for node in ast.walk(ast.parse(text)):
        assert isinstance(node, EXPECTED), ast.dump(node)
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)
            assert node.func.id in CALLED
        if isinstance(node, ast.ImportFrom):
            assert node.level or node.module in MODULES
        if isinstance(node, ast.If):
            assert ast.unparse(node.test) == "TYPE_CHECKING"
        if isinstance(node, ast.Module | ast.ClassDef):
            check_statements(node)


def check_statements(node: ast.Module | ast.ClassDef) -> None:
    """A bare expression is the docstring of a module, class or field, or the one call that registers the events."""
    for before, statement in zip([None, *node.body], node.body, strict=False):
        if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
            assert isinstance(node, ast.Module)
            assert ast.unparse(statement.value.func) == "register_events"
        elif isinstance(statement, ast.Expr):
            assert isinstance(statement.value, ast.Constant)
            assert isinstance(statement.value.value, str)
            assert before is None or isinstance(before, ast.AnnAssign)


def wires(text: str, name: str) -> set[str]:
    """The wire names of the fields of a generated class."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            fields: dict[str, str] = {}
            renamed: dict[str, str] = {}
            for statement in node.body:
                if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                    if statement.target.id == "__wire_names__":
                        assert statement.value is not None
                        renamed = ast.literal_eval(statement.value)
                    elif not statement.target.id.startswith("__"):
                        fields[statement.target.id] = statement.target.id
            return set((fields | renamed).values())
    raise AssertionError(name)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(texts, nodes, max_size=4), texts, st.sampled_from(["shop", "a-b", "class", "1x", "mega_typed", "é"])
)
def test_hostile_text_becomes_correct_code_or_a_typed_error(
    attributes: dict[str, Any], description: str, domain: str
) -> None:
    """Any schema gives files in which only expected nodes stand and every property has its field, or SchemaErrors."""
    schema = event(attributes, domain=domain, description=description, title=description)
    try:
        files = package({"shop/thing.json": schema})
    except SchemaErrors:
        return
    for path, text in files.items():
        assert path.replace("/", "").replace(".", "").isidentifier()
        compile(text, path, "exec")
        check_nodes(text)
        assert max(map(ord, text), default=0) < 0xD800 or text.encode()
    module = next(text for path, text in files.items() if path.endswith("/thing_happened.py") and "subscr" not in path)
    assert wires(module, "ThingHappened") == set(attributes)


ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_:")


@settings(max_examples=100)
@given(st.one_of(texts, st.text(sorted(ALPHABET), max_size=9)), st.one_of(texts, st.text(sorted(ALPHABET), max_size=9)))
def test_an_identity_is_spelled_in_the_alphabet_of_the_protocol(domain: str, name: str) -> None:
    """A domain or name with any other character is an error at its place; all others are in the registry as they are."""
    found = problems({"shop/thing.json": event(domain=domain, name=name)})
    for part, value in (("domain", domain), ("name", name)):
        place = f"shop/thing.json#/properties/event/properties/{part}: {value!r} is not a name for "
        assert any(line.startswith(place) for line in found) == bool(
            (set(value) - ALPHABET or (part == "name" and not value)) and len(value) <= 200
        )
    if not found:
        registry = ast.parse(package({"shop/thing.json": event(domain=domain, name=name)})["__init__.py"]).body[-1]
        assert isinstance(registry, ast.Expr)
        assert isinstance(registry.value, ast.Call)
        assert list(ast.literal_eval(registry.value.args[1])) == [(domain, name, 1)]


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(texts, texts, texts, texts)
def test_no_text_of_a_model_becomes_code(domain: str, name: str, description: str, kind: str) -> None:
    """The emitter alone, given an identity that the model would refuse, still writes nothing but what it means to."""
    state = {"type": "object", "properties": {"a": True}, "description": description}
    schema = event({"a": {"type": "string", "description": description}}, description=description, title=name)
    schema["$defs"] = {"State": state}
    schema["properties"]["object"] = {
        "properties": {part: {"$ref": "#/$defs/State"} for part in ("current", "previous")}
    }
    report = Report()
    read = catalogue(
        library_of(documents({"shop/thing.json": schema}), protocol(), (), is_valid_schema, report), report
    )
    thing = read.events[0]
    assert thing.object is not None
    hostile = replace(thing, domain=domain, name=name, object=replace(thing.object, type=kind))
    read = Catalogue((hostile,), read.types)
    naming = names.name(read, report)
    if not report.problems:
        for path, text in emit(read, naming, build(read, naming)).items():
            compile(text, path, "exec")
            check_nodes(text)


def identified(part: str, value: str) -> dict[str, Any]:
    return event(domain=value) if part == "domain" else event(name=value)


@pytest.mark.parametrize("part", ["domain", "name"])
def test_a_quote_in_an_identity_runs_nothing(part: str) -> None:
    """The identity that once ended a docstring is refused where it stands."""
    value = 'x"""\nimport os\nos.system("id")\n"""'
    found = problems({"a.json": identified(part, value)})
    assert len(found) == 1
    assert found[0].startswith(f"a.json#/properties/event/properties/{part}: ")


@pytest.mark.parametrize("part", ["domain", "name"])
def test_an_identity_has_a_bounded_length(part: str) -> None:
    """A domain or name of 200 characters is fine, a longer one is not."""
    assert problems({"a.json": identified(part, "a" * 200)}) == []
    assert problems({"a.json": identified(part, "a" * 201)}) == [
        f"a.json#/properties/event/properties/{part}: the {part} has 201 characters, more than 200"
    ]


@given(st.one_of(texts, st.text()))
def test_a_literal_reads_back_as_the_text(text: str) -> None:
    """A string literal is one printable line, and evaluates to the text it was made from."""
    source = literal(text)
    assert ast.literal_eval(source) == text
    assert source.replace(" ", "").isprintable()


@given(st.one_of(texts, st.text()), st.sampled_from([0, 4]), st.one_of(texts, st.text()))
def test_a_docstring_is_one_string(text: str, indent: int, summary: str) -> None:
    """A docstring is one string that says the words of the text, however text or summary try to end it."""
    lines = docstring(text, indent, summary)
    if not lines:
        assert not text.split()
        return
    assert "".join(lines).replace(" ", "").isprintable()
    tree = ast.parse("if x:\n" + "\n".join(lines) if indent else "\n".join(lines))
    body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)
    assert isinstance(body[0].value.value, str)
    assert "".join(text.split()) in "".join(body[0].value.value.split())


BLANK = r"\t-\r \u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{feff}"


@pytest.mark.parametrize(
    ("pattern", "rust"),
    [
        (r"^\d+$", "^[0-9]+$"),
        (r"[\d\w]", "[0-9A-Za-z0-9_]"),
        (r"\/", "/"),
        (r"\u0041", r"\u{0041}"),
        (r"\cJ", r"\x0a"),
        ("[[a]", r"[\[a]"),
        ("[a&&b]", r"[a&\&b]"),
        (r"\<\>\'\@\_", "<>'@_"),
        (r"[\&\&\~\~\<]", r"[\x26\x26\x7e\x7e\x3c]"),
        (r"\s\S[\s]", f"[{BLANK}][^{BLANK}][{BLANK}]"),
        (r"\.\-\$\{[\]\-\^]\t\p{Lu}\x41\u{1F600}", r"\.\-\$\{[\]\-\^]\t\p{Lu}\x41\u{1F600}"),
        ("(?<year>[0-9]{4})(?:-[(?]{0,61}){1,9}", "(?<year>[0-9]{4})(?:-[(?]{0,61}){1,9}"),
        ("^x{1,5000}$", "^x{1,5000}$"),
    ],
)
def test_patterns_are_rewritten_for_the_engine(pattern: str, rust: str) -> None:
    """What ECMA and Rust spell differently is rewritten."""
    assert to_rust(pattern) == (rust, "")


@pytest.mark.parametrize(
    ("pattern", "enforced"),
    [
        ("(?=a)", True), ("(?<!a)b", True), (r"(a)\1", True), (r"[\W]", True), (r"\p{^L}", False), (r"\k<a>", False),
        (r"\z", False), (r"[\z]", False), (r"\é", False), ("(?P<a>b)", False), ("(?x: a)", False), (r"\u{}", False),
        ("(", False), ("a{,3}", False), ("a{2,1}", False), (r"\ud83d\ude00", False), ("a" * 5 + "{1000000000}", False),
        ("(x{1,300}){1,20}y", False), ("((?:x{20})?x{60}){20}", False), ("(a{1,2000})*", False), ("((a{50}){10}){3}", False),
    ],
)  # fmt: skip
def test_patterns_that_the_engine_lacks_are_left_to_the_check(pattern: str, enforced: bool) -> None:
    """A pattern that types cannot hold is checked with the whole payload; one that cannot be read is an error."""
    rust, fault = to_rust(pattern)
    assert not rust
    assert fault
    found = problems({"a.json": event({"x": {"type": "string", "pattern": pattern}})})
    assert len(found) == (0 if enforced else 1)
    assert all("a.json#/properties/event/properties/attributes/properties/x/pattern: " in line for line in found)


def test_an_escape_means_what_it_means_in_ecma() -> None:
    """Whatever character is escaped, the rewritten expression matches that character, or the escape is refused."""
    allowed = ""
    for character in map(chr, range(0x20, 0x250)):
        for pattern in (f"^\\{character}$", f"^[\\{character}]$"):
            rust, fault = to_rust(pattern)
            if not fault and not character.isalnum():
                SchemaValidator(core_schema.str_schema(pattern=rust)).validate_python(character)
                allowed += character
    assert set(allowed) == set(string.punctuation + " ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes"),
        ('{"a": 1, "a": 2}', 'the key "a" occurs twice in one object'),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": "\\ud800"}', 'the text "\\ud800" holds a lone surrogate'),
        ("[" * 500 + "]" * 500, "nests deeper than 150 levels"),
        ("[" * 100_000, "nests deeper than 150 levels"),
        ('{"a": ' * 500 + "1" + "}" * 500, "nests deeper than 150 levels"),
        ("[]", "a schema file must hold a JSON object"),
        ("true", "a schema file must hold a JSON object"),
        ("1" * 5000, "is not JSON: Exceeds the limit"),
    ],
)
def test_unreadable_text_is_a_typed_error(text: str, message: str) -> None:
    """Whatever a file holds, parsing it reports the reason."""
    report = Report()
    assert parse("a.json", text, report) is None
    assert [problem.message.startswith(message) for problem in report.problems] == [True], report.problems


def test_line_and_column_of_broken_json() -> None:
    """An error of the JSON parser says line and column."""
    report = Report()
    parse("a.json", '{\n  "a": }', report)
    assert str(report.problems[0]) == "a.json:2:8#: error: is not JSON: Expecting value"


def test_nothing_outside_the_folder_is_read(tmp_path: Path) -> None:
    """Symbolic links and references that lead out of the folder are errors, and the secret is in no message."""
    secret = write(tmp_path / "secret", {"s.json": {"type": "object", "properties": {"hunter2": {"type": "string"}}}})
    folder = write(tmp_path / "schemas", {"b.json": {"type": "string"}})
    (folder / "link.json").symlink_to(secret / "s.json")
    (folder / "folder").symlink_to(secret)
    references = ["../secret/s.json", str(secret / "s.json"), "file:///etc/passwd", "http://example.com/x.json", "//x/y",
                  "link.json", "folder/s.json", "..%2Fsecret%2Fs.json", "/etc/passwd"]  # fmt: skip
    attributes = {f"a{index}": {"$ref": reference} for index, reference in enumerate(references)}
    write(folder, {"a.json": event(attributes)})
    report = Report()
    loaded = load(folder, report)
    assert [(problem.file, problem.message) for problem in report.problems] == [
        ("folder", "is a symbolic link; links are not followed"),
        ("link.json", "is a symbolic link; links are not followed"),
    ]
    found = problems({document.path: document.tree for document in loaded})
    assert len(found) == len(references)
    assert all("/$ref: $ref " in line and "hunter2" not in line for line in found)


def test_thousands_of_properties_and_deep_schemas_end_in_time() -> None:
    """Size alone neither hangs nor breaks the generator."""
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(20):
        deep = {"type": "object", "properties": {"x": deep}}
    wide = {f"p{index}": {"type": "integer"} for index in range(3000)}
    files = package({"a.json": event({"deep": deep, "wide": {"type": "object", "properties": wide}})})
    assert files["shop/thing_happened.py"].count("int | None = None") == 3000
    assert documents({"a.json": event()})


def _chain(length: int, link: Callable[[Any], Any], last: Any) -> dict[str, Any]:
    """An event whose attribute is the first of many definitions, each made of the next."""
    links = {f"L{index}": link({"$ref": f"#/$defs/L{index + 1}"}) for index in range(length)}
    return {"a.json": event({"x": {"$ref": "#/$defs/L0"}}) | {"$defs": {**links, f"L{length}": last}}}


THING: dict[str, Any] = {"type": "object", "properties": {"v": {"type": "string"}}}
KINDS = [{"type": "object", "properties": {"k": {"const": f"c{index}"}}, "required": ["k"]} for index in range(1000)]
DIAMONDS: list[tuple[Callable[[Any], Any], Any, str]] = [
    (lambda link: {"allOf": [link, link]}, THING, ""),
    (lambda link: {"allOf": [link, {"allOf": [link]}]}, THING, ""),
    (lambda link: {"anyOf": [link, link]}, THING, ""),
    (lambda link: {"anyOf": [link, link]}, {"type": "string"}, ""),
    (lambda link: {"oneOf": [link, link]}, THING, "applies more than 10000 schemas to one value"),
    (lambda link: {"anyOf": [link, {"type": "array", "items": link}]}, THING, ""),
    (lambda link: {"type": "object", "properties": {"a": link, "b": link}}, THING, ""),
]


@pytest.mark.parametrize(("link", "last", "message"), DIAMONDS)
def test_a_diamond_of_references_is_walked_once(link: Callable[[Any], Any], last: Any, message: str) -> None:
    """Twenty-five levels, each of which refers to the next one twice, take no longer than each level once."""
    package({"a.json": event({"x": {"type": "string"}})})  # the libraries are imported
    before = process_time()
    found = problems(_chain(25, link, last))
    assert process_time() - before < 1
    assert all(message in line for line in found)
    assert bool(found) == bool(message), found


def _arrays(depth: int) -> Any:
    node: Any = {"type": "string"}
    for _ in range(depth):
        node = {"type": "array", "items": node}
    return node


DEEP: list[tuple[dict[str, Any], str]] = [
    (_chain(1000, lambda link: {"type": "object", "properties": {"a": link}}, THING), ""),
    (_chain(1000, dict, THING), "stands behind more than 100 references"),
    (_chain(1000, lambda link: {"allOf": [link, {}]}, THING), "stands behind more than 100 references"),
    (_chain(1000, lambda link: {"anyOf": [link, {"type": "null"}]}, THING), ""),
    (_chain(300, lambda link: {"type": "array", "items": link}, THING), ""),
    (_chain(300, lambda link: {"oneOf": [{"type": "object", "properties": {"a": link}}, {"type": "null"}]}, THING), ""),
    ({"a.json": event({"x": _arrays(39)})}, ""),
    ({"a.json": event({"x": _arrays(40)})}, ""),
    ({"a.json": event({"x": _arrays(130)})}, ""),
    ({"a.json": event({"x": {"anyOf": KINDS[:200]}})}, ""),
    ({"a.json": event({"x": {"oneOf": KINDS[:200]}})}, ""),
    ({"a.json": event({"x": {"anyOf": KINDS}})}, ""),
    ({"a.json": event({"x": {"anyOf": [{"const": f"c{index}"} for index in range(1000)]}})}, ""),
    ({"a.json": event({"x": {"allOf": [{"type": "integer", "minimum": index} for index in range(1000)]}})}, ""),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("schemas", "message"), DEEP, ids=range(len(DEEP)))
def test_deep_and_wide_schemas_give_code_or_a_typed_error(
    schemas: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """However deep or wide, the generated package can be imported, or an error says what is too deep or wide."""
    found = problems(schemas)
    assert all(message in line for line in found)
    assert bool(found) == bool(message), found
    if not found:
        write(tmp_path / "made", package(schemas))
        done = run("-W", "error", "-c", "import made.shop; made.shop.ThingHappened", cwd=tmp_path)
        assert done.returncode == 0, done.stderr[-1000:]


def test_an_array_of_objects_that_hold_such_an_array() -> None:
    """A recursive type that passes through an object is the same whichever of its parts is met first."""
    schema = event({"x": {"$ref": "#/$defs/Nodes"}})
    schema["$defs"] = {
        "Nodes": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        "Node": {"type": "object", "properties": {"children": {"$ref": "#/$defs/Nodes"}}},
    }
    files = package({"a.json": schema})
    assert "    children: list[Node] | None = None\n" in files["shop/thing_happened.py"]


def test_the_command_never_shows_a_traceback(tmp_path: Path) -> None:
    """A folder full of broken files ends with status 2 and one message for each."""
    write(
        tmp_path / "s", {f"{index}.json": text for index, text in enumerate(["{", "[]", "{}", '{"type": 5}', "\x00"])}
    )
    done = run("-m", "mega_codegen", str(tmp_path / "s"), "-o", str(tmp_path / "out"))
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert sorted(line.split(":")[0].split("#")[0] for line in done.stderr.splitlines() if ": error: " in line) == [
        "0.json", "1.json", "3.json", "4.json",
    ]  # fmt: skip
    assert json.dumps(done.stdout) == '""'


def command(*arguments: str | Path) -> list[str]:
    """The lines of the errors of a run that ends with status 2, without a traceback."""
    done = run("-m", "mega_codegen", *map(str, arguments))
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()


NOT_ROOT = pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")


def test_folders_that_cannot_be_used(tmp_path: Path) -> None:
    """Names that are too long, for schemas and for output, are errors."""
    long = "x" * 5000
    folder = write(tmp_path / "s", {"a.json": event()})
    assert command(long, "-o", tmp_path / "out") == [f"{long}#: error: cannot be read: File name too long"]
    assert command(folder, "-o", long) == [
        ".mega-codegen.json#: error: cannot be read: File name too long",
        "    Remove it, and the generated folder with it.",
    ]


@NOT_ROOT
def test_a_folder_without_permission(tmp_path: Path) -> None:
    """A folder that may not be read is an error at its path."""
    folder = write(tmp_path / "s", {"a.json": event(), "b/c.json": event()})
    (folder / "b").chmod(0)
    lines = command(folder, "-o", tmp_path / "out")
    (folder / "b").chmod(0o755)
    assert lines == ["b#: error: cannot be read: Permission denied"]


def test_a_folder_that_vanishes_or_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever listing a folder raises, it is an error at its path."""

    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    report = Report()
    assert load(tmp_path, report) == ()
    assert [str(problem) for problem in report.problems] == [f"{tmp_path}#: error: cannot be read: Permission denied"]


def test_folders_that_nest_deeply(tmp_path: Path) -> None:
    """A folder below more than 150 others is not read."""
    (tmp_path / "/".join("d" * 160)).mkdir(parents=True)
    report = Report()
    load(tmp_path, report)
    assert [problem.message for problem in report.problems] == ["folders nest deeper than 150 levels"]


def test_a_file_name_that_is_not_utf_8(tmp_path: Path) -> None:
    """Such a name is an error, whatever the terminal can show."""
    folder = write(tmp_path / "s", {"a.json": event()})
    try:
        Path(os.fsdecode(os.fsencode(folder) + b"/\xff.json")).write_text("{}")
    except OSError:
        pytest.skip("the file system takes names in UTF-8 only")
    assert command(folder, "-o", tmp_path / "out")[0] == r"\udcff.json#: error: the name is not UTF-8"


@pytest.mark.parametrize("mode", ["--check", "--diff"])
def test_a_terminal_that_knows_ascii_only(tmp_path: Path, mode: str) -> None:
    """A diff of text that the terminal cannot show is shown with escapes."""
    folder = write(tmp_path / "s", {"a.json": event(description="日本 é")})
    done = run("-m", "mega_codegen", str(folder), "-o", str(tmp_path / "out"), mode, PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert r"\u65e5\u672c \xe9" in done.stdout


@given(texts, texts, texts, texts)
def test_a_message_is_one_line(file: str, pointer: str, message: str, remedy: str) -> None:
    """Whatever names and texts a message shows, it is one printable line, the remedy another one."""
    lines = str(Problem(file, pointer, message, remedy)).split("\n")
    assert len(lines) == (2 if remedy else 1)
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("name", ["::error::x.json", "  ::error::x.json", "##[error]x.json", "a\n::error::x.json", "\x1b[2Jx.json", "\u202ex.json"])  # fmt: skip
def test_the_name_of_a_file_is_no_command(tmp_path: Path, name: str) -> None:
    """A file name cannot speak to the terminal or to the CI system that shows the error."""
    lines = command(write(tmp_path / "s", {name: "{"}), "-o", tmp_path / "out")
    assert len(lines) == 1
    assert lines[0].isprintable()
    assert not lines[0].lstrip().startswith(("::", "##"))
    assert "##[" not in lines[0]


@pytest.mark.parametrize(
    ("schema", "annotation"),
    [
        ({"type": "string", "maxLength": 1e30, "minLength": 2.0}, "Annotated[str | None, Field(min_length=2)]"),
        ({"type": "array", "maxItems": 2.0, "items": {"type": "string", "maxLength": 10**400}}, "Annotated[list[str] | None, Field(max_length=2)]"),
        ({"type": "object", "minProperties": 1.0, "maxProperties": 1e300}, "Annotated[dict[str, Any], Field(min_length=1)] | None"),
        ({"type": "integer", "maximum": 10**20, "multipleOf": 2.0}, f"Annotated[int | None, Field(le={10**20}, multiple_of=2)]"),
        ({"type": "number", "maximum": 10**300}, None),
        ({"type": "integer", "maximum": 10**400, "minimum": -(10**400)}, None),
        ({"enum": [10**400]}, None),
        ({"type": "integer", "multipleOf": 10**400}, None),
    ],
)  # fmt: skip
def test_huge_and_fractional_limits(schema: Any, annotation: str | None, tmp_path: Path) -> None:
    """Limits that are huge or written as fractions give code that can be imported."""
    files = package({"a.json": event({"x": schema | {"examples": []}})})
    if annotation:
        assert f"    x: {annotation} = None\n" in files["shop/thing_happened.py"]
    write(tmp_path / "made", files)
    done = run("-c", "import made.shop as s; s.ThingHappened()", cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("bad", [{"type": 5}, {"properties": []}, {"allOf": [5]}, {"pattern": 5}, {"format": []}, {"$ref": 5}, 5, None, [1]])  # fmt: skip
def test_a_reference_to_data_is_an_error(bad: Any) -> None:
    """What stands where no schema stands was held against no meta-schema, and no reference may lead there."""
    for pointer, more in (("#/x-mine", {"x-mine": bad}), ("#/$defs/A/const", {"$defs": {"A": {"const": bad}}})):
        found = problems({"a.json": event({"x": {"$ref": pointer}}, **more)})
        assert [line.partition(": ")[2] for line in found] == [f"$ref {pointer!r}: a.json{pointer} is no schema"]


@pytest.mark.parametrize("definitions", [5, [1], {"A": {"type": 5}}, {"A": 5}])
def test_defs_in_a_draft_that_does_not_know_them(definitions: Any) -> None:
    """They are read in draft-07 too, and so held against its meta-schema."""
    draft = "http://json-schema.org/draft-07/schema#"
    found = problems({"a.json": event(**{"$schema": draft, "$defs": definitions})})
    assert found
    assert all("is not JSON Schema (draft-07)" in line for line in found)


@pytest.mark.parametrize(
    "schema",
    [
        {"dependentRequired": {"$ref": ["a"]}},
        {"dependentRequired": {"examples": ["a"], "type": ["b"]}},
        {"patternProperties": {"$ref": {"type": "string"}}},
        {"dependentSchemas": {"$ref": {"type": "string"}}},
        {"x-mine": {"$ref": 5}},
        {"x-mine": {"examples": [1], "type": "bogus"}},
    ],
)
def test_names_and_data_beside_examples_are_no_keywords(schema: Any) -> None:
    """What looks like a keyword and is a name, or data, is not read as a schema when examples are checked."""
    assert problems({"a.json": event({"x": schema, "y": {"type": "string", "examples": ["a"]}})}) == []


def test_examples_of_what_cannot_be_compiled() -> None:
    """Where the validator takes no schema, the run goes on to the error of that schema."""
    found = problems({"a.json": event({"x": {"$dynamicRef": "#nowhere"}}, examples=[{}])})
    assert any("$dynamicRef '#nowhere': no anchor" in line for line in found)


def test_a_large_example_with_many_faults_reports_one() -> None:
    """Thousands of faults that each show a long list of constants are not collected."""
    node = {"type": "array", "items": {"enum": [f"e{index}" for index in range(3000)]}, "examples": [[1] * 10_000]}
    before = process_time()
    assert len(problems({"a.json": event({"x": node})})) == 1
    assert process_time() - before < 5


@pytest.mark.parametrize("name", ["mro", "register"])
def test_a_name_of_the_metaclass_is_taken(name: str) -> None:
    """Pydantic would take the metaclass's method for the default of such a field."""
    assert (
        f"    {name}_: str\n"
        in package({"a.json": event({name: {"type": "string"}}, required=(name,))})["shop/thing_happened.py"]
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=6))
def test_names_are_in_the_form_that_python_gives_them(text: str) -> None:
    """Python normalises identifiers and not strings, so that both have to be normal from the beginning."""
    for name in (words.class_name(text), words.module_name(text), words.member_name(text, frozenset())):
        assert not name or (name.isidentifier() and unicodedata.normalize("NFKC", name) == name)


def test_verify_makes_no_text_of_a_huge_length(tmp_path: Path) -> None:
    """Limits that are huge or written as fractions neither fill the memory nor end in a traceback."""
    attributes = {
        "a": {"type": "string", "minLength": 10**12},
        "b": {"type": "string", "minLength": 2.0},
        "c": {"type": "array", "minItems": 2.0},
    }
    done = run("-m", "mega_codegen", "verify", str(write(tmp_path / "s", {"a.json": event(attributes)})))
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_a_diamond_that_a_validator_would_walk_for_ever() -> None:
    """A schema to which too many ways lead is an error where a class would carry it, and no example is held to it."""
    schemas = _chain(
        60, lambda link: {"anyOf": [link, {"allOf": [link]}]}, {"not": {"type": "integer"}, "examples": [5]}
    )
    schemas["a.json"]["$defs"]["L0"]["examples"] = [5]
    assert any("applies more than 10000 schemas to one value" in line for line in problems(schemas))


@pytest.mark.slow
def test_what_a_small_file_repeats_too_often() -> None:
    """Attributes that all types inherit, and long choices of constants, are not written without end."""
    base: Any = {"properties": {f"a{index}": {} for index in range(1500)}}
    heir: Any = {"type": "object", "allOf": [{"$ref": "#/$defs/B"}], "properties": {"z": {}}}
    heirs = {f"D{index}": heir for index in range(400)}
    choice = {"A": {"enum": [f"e{index}" for index in range(2000)]}}
    many = {f"a{index}": {"$ref": "#/$defs/A"} for index in range(300)}
    for schema in (event() | {"$defs": {"B": base, **heirs}}, event(many) | {"$defs": choice}):
        assert any("the classes have more than 500000 attributes" in line for line in problems({"a.json": schema}))
