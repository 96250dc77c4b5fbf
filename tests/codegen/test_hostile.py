"""What strangers can put into a schema never becomes code: correct output or a typed error, and nothing else."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mega_codegen import Report, SchemaErrors, load, parse
from mega_codegen.regexes import to_rust
from mega_codegen.text import docstring, literal

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
        if isinstance(node, ast.Expr):
            assert isinstance(node.value, ast.Constant | ast.Call)


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(texts, nodes, max_size=4), texts, st.sampled_from(["shop", "a b", "class", "1x", "é"]))
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


@given(st.one_of(texts, st.text()))
def test_a_literal_reads_back_as_the_text(text: str) -> None:
    """A string literal is one printable line, and evaluates to the text it was made from."""
    source = literal(text)
    assert ast.literal_eval(source) == text
    assert source.replace(" ", "").isprintable()


@given(st.one_of(texts, st.text(st.characters(exclude_categories=["Cs"]))), st.sampled_from([0, 4]))
def test_a_docstring_is_one_string(text: str, indent: int) -> None:
    """A docstring is one string expression, however the text tries to end it."""
    lines = docstring(text, indent, "Summary.")
    tree = ast.parse("if x:\n" + "\n".join(lines) if indent else "\n".join(lines))
    body = tree.body[0].body if isinstance(tree.body[0], ast.If) else tree.body
    assert len(body) == 1
    assert isinstance(body[0], ast.Expr)
    assert isinstance(body[0].value, ast.Constant)


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
    ],
)
def test_patterns_are_rewritten_for_the_engine(pattern: str, rust: str) -> None:
    """What ECMA and Rust spell differently is rewritten."""
    assert to_rust(pattern) == (rust, "")


@pytest.mark.parametrize(
    ("pattern", "enforced"),
    [
        ("(?=a)", True), ("(?<!a)b", True), (r"(a)\1", True), (r"[\W]", True), (r"\p{L}", True),
        ("(", False), ("a{,3}", False), ("a{2,1}", False), (r"\ud83d\ude00", False), ("a" * 5 + "{1000000000}", False),
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
