"""Line and column of what is wrong, found in the text of a file when there is something to report."""

from __future__ import annotations

import json
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_codegen import Report, parse
from mega_codegen.cli import main
from mega_codegen.positions import NOWHERE, first, locate, repeated
from mega_codegen.reports import placed
from mega_codegen.resolve import escape

from .making import event, write

keys = st.one_of(st.text(max_size=6), st.sampled_from(["a", "a/b", "~", "", "{", '"', "\\", "é", "😀", "\n", "0", "1"]))
leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), keys)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=25
)


class Written:
    """A JSON text that is written by hand, with the position of each pointer noted on the way."""

    def __init__(self, tree: Any, spaces: list[str], ascii_only: bool) -> None:
        self.text = ""
        self.places: dict[str, tuple[int, int]] = {}
        self._spaces, self._ascii, self._used = spaces, ascii_only, 0
        self._note("")
        self._write(tree, "")
        self._space()

    @property
    def _here(self) -> tuple[int, int]:
        return self.text.count("\n") + 1, len(self.text) - self.text.rfind("\n")

    def _note(self, pointer: str) -> None:
        self._space()
        self.places[pointer] = self._here

    def _space(self) -> None:
        self.text += self._spaces[self._used % len(self._spaces)]
        self._used += 1

    def _string(self, value: Any) -> str:
        return json.dumps(value, ensure_ascii=self._ascii)

    def _write(self, node: Any, pointer: str) -> None:
        if isinstance(node, dict):
            self.text += "{"
            for index, (key, value) in enumerate(node.items()):
                self.text += "," if index else ""
                self._note(f"{pointer}/{escape(key)}")
                self.text += self._string(key)
                self._space()
                self.text += ":"
                self._space()
                self._write(value, f"{pointer}/{escape(key)}")
            self._space()
            self.text += "}"
        elif isinstance(node, list):
            self.text += "["
            for index, value in enumerate(node):
                self.text += "," if index else ""
                self._note(f"{pointer}/{index}")
                self._write(value, f"{pointer}/{index}")
                self._space()
            self._space()
            self.text += "]"
        else:
            self.text += self._string(node)


spaces = st.lists(st.text(" \t\n", max_size=3) | st.just("\r\n  "), min_size=1, max_size=5)


@settings(max_examples=300)
@given(trees, spaces, st.booleans(), st.sampled_from(["", "\ufeff"]))
def test_every_pointer_leads_to_its_key_or_element(tree: Any, between: list[str], ascii_only: bool, mark: str) -> None:
    """For any document in any layout, each pointer gives the line and column where its key or element stands."""
    written = Written(tree, between, ascii_only)
    assert json.loads(written.text) == tree
    assert locate(mark + written.text, written.places) == written.places


@settings(max_examples=150)
@given(trees, st.integers(0, 4) | st.just("\t"), keys, keys)
def test_what_is_not_there_is_found_at_its_nearest_ancestor(tree: Any, indent: int | str, one: str, two: str) -> None:
    """A pointer that leads nowhere has the position of the deepest ancestor that the text has."""
    text = json.dumps(tree, indent=indent)
    places = Written(tree, [""], True).places
    for pointer in places:
        below = f"{pointer}/{escape(one)}/{escape(two)}"
        if f"{pointer}/{escape(one)}" not in places:
            assert locate(text, [below])[below] == locate(text, [pointer])[pointer]


LAYOUTS: list[tuple[str, str, tuple[int, int]]] = [
    ('{"a": 1}', "/a", (1, 2)),
    ('\ufeff{"a": 1}', "/a", (1, 2)),
    ('{\r\n  "a": {\r\n    "b": 1}}', "/a/b", (3, 5)),
    ('{"\\u0061": {"\\/": 1}}', "/a/~1", (1, 13)),
    ('{"😀é": 1, "\\ud83d\\ude00": 2}', "/😀", (1, 11)),
    ('{"~": [0, {"x/y": 1}]}', "/~0/1/x~1y", (1, 12)),
    ("[[1, 2], [3,\n4]]", "/1/1", (2, 1)),
    ('{"a": 1}', "/b/c", (1, 1)),
    ("[1]", "/01", (1, 1)),
    ("  5", "", (1, 3)),
    ('{"a": {"b": 1}, "b": 2}', "/b", (1, 17)),
]


@pytest.mark.parametrize(("text", "pointer", "expected"), LAYOUTS)
def test_layouts(text: str, pointer: str, expected: tuple[int, int]) -> None:
    """Byte order marks, line ends, escapes and pairs of surrogates neither hide a key nor shift a column."""
    assert locate(text, [pointer]) == {pointer: expected}


@settings(max_examples=500)
@given(st.text('{}[],:"\\ \r\n\ufeffabu0019\ud800', max_size=40), st.text("/ab01~", max_size=8))
def test_no_text_is_too_strange(text: str, pointer: str) -> None:
    """For text that is no JSON there is an answer too, within the text."""
    line, column = locate(text, [pointer])[pointer]
    assert 1 <= line <= text.count("\n") + 1
    assert 1 <= column <= len(text) + 1
    repeated(text)
    first(text, lambda token, depth: depth > 2)


@pytest.mark.parametrize(
    "text", ["[" * 400_000, '{"a":' * 100_000, '"' + '\\"' * 300_000, '"\\' * 300_000, "\n" * 400_000, '{"a":1,' * 80_000]
)  # fmt: skip
def test_large_and_deep_text_takes_linear_time(text: str) -> None:
    """Half a megabyte that nests or never closes a string is scanned within a second or two."""
    start = process_time()
    locate(text, ["/a" * 1000, "/0" * 1000])
    repeated(text)
    assert first(text, lambda *_: False) == NOWHERE
    assert process_time() - start < 6


def test_many_pointers_are_found_in_one_scan() -> None:
    """Ten thousand problems in one file cost one pass."""
    text = json.dumps({f"k{index}": {"x": index} for index in range(10_000)}, indent=1)
    start = process_time()
    found = locate(text, [f"/k{index}/x" for index in range(10_000)])
    assert found["/k9999/x"] == (3 * 9999 + 3, 3)
    assert process_time() - start < 3


REJECTED: list[tuple[str, str]] = [
    ('{"a": {"b": 1,\n "b": 2}}', "2:2"),
    ('{"b": {"b": 1},\n "\\u0062": 2}', "2:2"),
    ('{"NaN": "NaN",\n "a": NaN}', "2:7"),
    ('[1,\n -Infinity]', "2:2"),
    ('{"1e999": 1e9,\n "a": 1e999}', "2:7"),
    ('{"a": ["x", {\n "b": "\\ud800"}]}', "2:7"),
    ('{\n"\\udfff": 1}', "2:1"),
    ("\n" + "[" * 100_000, "2:151"),
    ("\n" + "[" * 500 + "]" * 500, "2:151"),
    ('\n {"a": 5, "b": ' * 500 + "1" + "}" * 500, "151:3"),
    ('{"a":\n ' + "1" * 5000 + "}", "2:2"),
    ("\n [1]", "2:2"),
    ('{\n  "a": }', "2:8"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REJECTED, ids=range(len(REJECTED)))
def test_what_reading_refuses_has_a_position(text: str, expected: str) -> None:
    """Duplicate keys, NaN, numbers that are too large, lone surrogates and deep nesting are shown where they stand."""
    report = Report()
    assert parse("a.json", text, report) is None
    [problem] = report.problems
    assert str(problem).startswith(f"a.json:{expected}#: error: ")


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b'\xef\xbb\xbf{\n "\xc3\xa9\xff": 1}', "2:4#: error: is not UTF-8: byte 9"), (b'\xef\xbb\xbf{"\xff": 1}', "1:3#: error: is not UTF-8: byte 5")],
)  # fmt: skip
def test_a_byte_that_is_not_utf_8_has_a_position(
    tmp_path: Path, data: bytes, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """The position counts characters up to the wrong byte."""
    (tmp_path / "a.json").write_bytes(data)
    assert main([str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith(f"a.json:{expected}\n")


def test_no_link_is_followed_for_a_position(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that was refused is not read for its positions either."""
    write(tmp_path, {"secret.json": "\n\n {}"})
    (tmp_path / "s").mkdir()
    (tmp_path / "s/link.json").symlink_to(tmp_path / "secret.json")
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("link.json#: error: is a symbolic link")


def test_errors_and_warnings_of_a_run_have_positions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a run reports about a file shows line and column, in the order in which it stands there."""
    good = json.dumps(event({}, name="a:b"), indent=2)
    bad = json.dumps(event({"x": {"minimun": 1}, "a": {"$ref": "nope.json"}}), indent=2)
    write(tmp_path / "s", {"shop/good.json": good, "shop/bad.json": bad})
    assert main([str(tmp_path / "s"), "-o", str(tmp_path / "out")]) == 2
    shown = [line.split(": ")[0] for line in capsys.readouterr().err.splitlines() if not line.startswith(" ")]
    lines = bad.splitlines()
    assert shown == [
        f"shop/bad.json:{lines.index(f'{chr(32) * 14}{chr(34)}minimun{chr(34)}: 1') + 1}:15"
        "#/properties/event/properties/attributes/properties/x/minimun",
        f"shop/bad.json:{lines.index(f'{chr(32) * 14}{chr(34)}$ref{chr(34)}: {chr(34)}nope.json{chr(34)}') + 1}:15"
        "#/properties/event/properties/attributes/properties/a/$ref",
        f"shop/good.json:{good[: good.index('name')].count(chr(10)) + 1}:9#/properties/event/properties/name",
    ]


def test_a_file_is_read_again_only_when_it_has_something_to_report() -> None:
    """Each file with a problem is asked for once; a position that is known is not looked for."""
    report, asked = Report(), list[str]()

    def read(file: str) -> str:
        asked.append(file)
        return '{"x": 1}'

    for pointer in ("/x", "", "/x"):
        report.error("a.json", pointer, "wrong")
    report.error("b.json", "", "wrong", position=(7, 8))
    assert [str(problem) for problem in placed(report.problems, read)] == [
        "a.json:1:1#: error: wrong",
        "a.json:1:2#/x: error: wrong",
        "b.json:7:8#: error: wrong",
    ]
    assert asked == ["a.json"]
