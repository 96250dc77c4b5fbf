"""The formats: the same problems for people, for programs and for GitHub, whatever text strangers put into them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mega_codegen import Problem
from mega_codegen.cli import main
from mega_codegen.reports import FORMATS, Changed, as_diff, as_github, as_json, as_text, from_here
from mega_codegen.write import MANIFEST

from .making import ROOT, event, run, write

PAGE = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
NASTY = [
    "::error::x", "  ::stop-commands::x", "##[error]x", "a\n::error::x", "a\r::warning::x", "\x1b[2J", "\u202ex", "%0A::error::x",
    "a,b:c=d", "%", "\x00", "\u2028::error::x", "\udcff", "", "/a/b", "x.json", "\t::error::x", "\x0b::error::x", "::", "##[", "#\\u0023[",
]  # fmt: skip
texts = st.lists(st.sampled_from(NASTY) | st.text(max_size=5), max_size=3).map("".join)
found = st.builds(
    Problem, texts, texts, texts, texts, st.booleans(), st.integers(1, 9), st.integers(1, 9), st.sampled_from(["", "ML101 event-description"])
)  # fmt: skip
changed = st.builds(Changed, texts, st.sampled_from(["add", "change", "remove"]))


def taken(text: str) -> list[str]:
    """The lines that a runner of GitHub Actions takes for commands; it looks for the old form anywhere in a line."""
    return [line for line in re.split(r"[\r\n]", text) if line.strip().startswith("::") or "##[" in line]


def unescaped(text: str, **more: str) -> str:
    for name, value in {"%0D": "\r", "%0A": "\n", **more, "%25": "%"}.items():
        text = text.replace(name, value)
    return text


@given(st.lists(found, max_size=3), st.lists(changed, max_size=3))
def test_no_format_lets_text_speak_for_itself(problems: list[Problem], changes: list[Changed]) -> None:
    """No format shows a control character; nothing becomes a command but the lines that the github format means."""
    outputs = [as_text(problems), as_json(problems, changes), as_github(problems, changes)]
    for output in outputs:
        assert all(line.isprintable() for line in output.split("\n"))
    assert taken(outputs[0]) == taken(outputs[1]) == []
    commands = outputs[2].splitlines()
    assert len(commands) == len(problems) + len(changes)
    assert all(re.match(r"::(error|warning) [a-z]+=[^:]*::", command) for command in commands)


@given(st.lists(found, max_size=3), st.lists(changed, max_size=3))
def test_json_says_all_and_exactly(problems: list[Problem], changes: list[Changed]) -> None:
    """The document reads back as the problems and changes that went in."""
    document = json.loads(as_json(problems, changes))
    assert [{**each, "rule": each["rule"] or ""} for each in document["problems"]] == [
        {
            "file": each.file, "line": each.line, "column": each.column, "pointer": each.pointer, "severity": "warning" if each.warning else "error",
            "rule": each.rule[:5], "message": each.message, "remedy": each.remedy,
        }
        for each in problems
    ]  # fmt: skip
    assert document["changes"] == [{"file": each.file, "action": each.action} for each in changes]


names = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=8)


@given(names, st.integers(1, 99), st.integers(1, 99))
def test_github_reads_the_properties_back(file: str, line: int, column: int) -> None:
    """A runner that splits at commas, at ``=`` and undoes the escapes finds the file, the line and the column."""
    command = as_github([Problem(file, "", "x", line=line, column=column)]).rstrip("\n")
    properties = command.removeprefix("::error ").partition("::")[0].split(",")
    read = dict(each.split("=", 1) for each in properties)
    assert unescaped(read["file"], **{"%3A": ":", "%2C": ","}) == file
    assert (read["line"], read["col"], read["title"]) == (str(line), str(column), "mega-codegen")


def test_a_command_of_github() -> None:
    """The escapes are those of GitHub's documentation: three in a message, five in a property."""
    problem = Problem("a,b:c%.json", "/x", "100% wrong: a, b", "Do\nit.", True, 3, 4, "ML101 event-description")
    assert as_github([problem]) == (
        "::warning file=a%2Cb%3Ac%25.json,line=3,col=4,title=ML101 event-description::"
        "/x: 100%25 wrong: a, b%0ADo\\nit.\n"
    )
    assert as_github([Problem("", "", "nothing found")]) == "::error title=mega-codegen::nothing found\n"


@given(st.lists(st.tuples(st.sampled_from([" ", "+", "-"]), texts), max_size=4))
def test_a_diff_is_only_text(lines: list[tuple[str, str]]) -> None:
    """A diff has no control character but tabs, and none of its lines is a command; plain text stays as it is."""
    shown = list(as_diff(f"{mark}{text}\n" for mark, text in lines))
    assert taken("".join(shown)) == []
    assert all(line.endswith("\n") and line[:-1].replace("\t", "").isprintable() for line in shown)
    plain = [" x: int = 1  # 100%\n", "+\ty::z\n", "--- a/x.py\n", "@@ -1,2 +1,2 @@\n", "- é\n"]
    assert list(as_diff(plain)) == plain


@pytest.mark.parametrize(
    ("file", "folder", "expected"),
    [
        ("shop/a.json", "schemas", "schemas/shop/a.json"),
        ("shop/a.json", "./x/../schemas", "schemas/shop/a.json"),
        ("a.json", ".", "a.json"),
        ("a.json", "../there", "../there/a.json"),
        ("shop/a.json", "/repo/schemas", "schemas/shop/a.json"),
        ("shop/a.json", "/elsewhere", "/elsewhere/shop/a.json"),
        ("schemas", "schemas", "schemas"),
        ("/repo/schemas", "/repo/schemas", "schemas"),
        ("", "schemas", ""),
    ],
)
def test_files_are_called_as_from_the_working_directory(file: str, folder: str, expected: str) -> None:
    """Relative when it is below the working directory, however the folder was given."""
    assert from_here(file, Path(folder), Path("/repo")) == expected


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a folder of schemas: one with a warning, and one that can be made wrong."""
    write(tmp_path / "schemas", {"shop/a.json": json.dumps(event(name="a:b"), indent=1), "shop/b.json": event()})
    monkeypatch.chdir(tmp_path)
    return tmp_path


def broken(project: Path) -> int:
    """Make the second file wrong in its second and third line; the column in the third."""
    line = " " + json.dumps(event({"x": {"$recursiveRef": "#"}}))[1:]
    write(project / "schemas", {"shop/b.json": f'{{\n "$recursiveRef": "#",\n{line}'})
    return line.index('"$recursiveRef"') + 1


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    status = main(["schemas/", "-o", "generated/", *arguments])
    return status, *capsys.readouterr()


POINTER = "/properties/event/properties/attributes/properties/x/$recursiveRef"


def test_a_run_that_fails_in_each_format(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status, place and message are the same; only text goes to stderr."""
    column = broken(project)
    status, out, err = call(capsys)
    assert (status, out) == (2, "")
    assert err.splitlines()[0].startswith("shop/a.json:13:5#/properties/event/properties/name: warning: ")
    assert f"\nshop/b.json:3:{column}#{POINTER}: error: $recursiveRef is not a keyword of draft 2020-12\n" in err
    status, out, err = call(capsys, "--format", "github")
    assert (status, err) == (2, "")
    commands = out.splitlines()
    assert commands[0].startswith("::warning file=schemas/shop/a.json,line=13,col=5,title=mega-codegen::/properties/")
    assert commands[-1].startswith(
        f"::error file=schemas/shop/b.json,line=3,col={column},title=mega-codegen::{POINTER}: "
    )
    status, out, err = call(capsys, "--format", "json")
    assert (status, err) == (2, "")
    document = json.loads(out)
    assert [(each["file"], each["line"], each["severity"]) for each in document["problems"]] == [
        ("schemas/shop/a.json", 13, "warning"),
        ("schemas/shop/b.json", 2, "error"),
        ("schemas/shop/b.json", 3, "error"),
    ]
    assert document["changes"] == []


def test_check_in_each_format(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The files that differ are listed with what is to be done; nothing is written, and the status is 1."""
    status, out, _ = call(capsys, "--format", "github")
    assert (status, "::error" in out, out.splitlines()[-1]) == (0, False, "generated: 7 written, 0 unchanged")
    assert call(capsys, "--check", "--format", "json")[1] == call(capsys, "--format", "json")[1]
    assert json.loads(call(capsys, "--check", "--format", "json")[1])["changes"] == []
    write(project / "schemas", {"shop/b.json": event(name="new")})
    status, out, err = call(capsys, "--check", "--format", "json")
    assert (status, err) == (1, "")
    changes = [(each["file"], each["action"]) for each in json.loads(out)["changes"]]
    assert ("generated/__init__.py", "change") in changes
    assert ("generated/shop/new.py", "add") in changes
    assert ("generated/shop/thing_happened.py", "remove") in changes
    status, out, err = call(capsys, "--check", "--format", "github")
    assert status == 1
    assert "\n::error file=generated/shop/new.py,title=mega-codegen::is missing%0ARun mega-codegen, and" in out
    assert "\n--- a/__init__.py\n" in out
    assert [line for line in taken(out) if not line.startswith(("::error file=generated/", "::warning file="))] == []
    status, out, err = call(capsys, "--format", "json")
    assert (status, sorted((each["file"], each["action"]) for each in json.loads(out)["changes"])) == (0, changes)


def test_a_manifest_that_differs_alone_is_a_change(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--check`` with status 1 always lists a file."""
    call(capsys)
    manifest = project / "generated" / MANIFEST
    content: dict[str, Any] = json.loads(manifest.read_text())
    content["files"]["__init__.py"].append("0")
    manifest.write_text(json.dumps(content))
    status, out, _ = call(capsys, "--check", "--format", "json")
    assert (status, json.loads(out)["changes"]) == (1, [{"file": f"generated/{MANIFEST}", "action": "change"}])


def test_problems_of_the_output_in_json(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is wrong with the output is told beside the warnings, in the same document."""
    write(project / "generated", {"shop/thing_happened.py": "mine"})
    status, out, err = call(capsys, "--format", "json")
    assert (status, err) == (2, "")
    problems = [(each["file"], each["line"], each["severity"]) for each in json.loads(out)["problems"]]
    assert problems == [("schemas/shop/a.json", 13, "warning"), ("generated/shop/thing_happened.py", None, "error")]


@pytest.mark.parametrize("format_", FORMATS)
def test_no_schemas_at_all(format_: str, tmp_path: Path) -> None:
    """A folder that is not there is a problem in each format, and its name appears once."""
    done = run("-m", "mega_codegen", "nowhere", "-o", "out", "--format", format_, cwd=tmp_path)
    assert done.returncode == 2
    assert (done.stdout + done.stderr).count("nowhere") == 1
    assert "no such folder" in done.stdout + done.stderr


def test_hostile_schemas_in_a_diff(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A description that imitates a command is no command in the diff of ``--check``."""
    write(project / "schemas", {"shop/b.json": event(description="A thing.\n\n::error::x\n\n##[error]x\n\n\x1b[2J")})
    call(capsys)
    write(project / "schemas", {"shop/b.json": event(description="Thing.\n\n::error::x\n\n##[error]x\n\n\x1b[2J")})
    status, out, _ = call(capsys, "--check")
    assert status == 1
    assert taken(out) == []
    assert "\x1b" not in out


def test_the_page_shows_what_is_written() -> None:
    """The document of docs/formats.md is what the formats write for that problem, and each key is explained."""
    blocks = dict(re.findall(r"^## (\w+)\n.*?^```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
    document = json.loads(blocks["json"])
    shown = document["problems"][0]
    problem = Problem(
        shown["file"], shown["pointer"], shown["message"], shown["remedy"], False, shown["line"], shown["column"]
    )
    changes = [Changed(**each) for each in document["changes"]]
    assert json.loads(as_json([problem], changes)) == document
    assert as_github([problem]) == blocks["github"]
    assert f"schemas/{as_text([])}{blocks['text']}" == as_text([problem])
    explained = set(
        re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`.*?) \|", PAGE.split("## json")[1], re.MULTILINE)))
    )
    assert explained == {"problems", "changes", "action", *shown}
