"""What a run has to say, in one of three formats: for people, for programs, for GitHub. Only ``cli`` prints.

Pure: problems and changes in, text out. Schemas and file names can be written by strangers: in no format does their
text reach the terminal as a control character, or a CI system as a command. docs/formats.md is the promise to
those who read the output with programs. This file knows problems and positions, and no step of the generator.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from mega_codegen.errors import Problem, printable, shown
from mega_codegen.positions import locate

FORMATS = ("text", "json", "github")


@dataclass(frozen=True, slots=True)
class Changed:
    """A generated file that differs from what the schemas say, or differed before it was written.

    Attributes:
        file: its path, relative to the working directory.
        action: what brings it up to date.
    """

    file: str
    action: Literal["add", "change", "remove"]


def placed(problems: Iterable[Problem], read: Callable[[str], str]) -> list[Problem]:
    """The problems in the order of their places, each once, with line and column.

    Args:
        problems: some of which know their line already.
        read: gives the text of a file, or an empty text; asked once for each file, and for these files only.
    """
    pointers: dict[str, list[str]] = {}
    for problem in problems:
        if not problem.line:
            pointers.setdefault(problem.file, []).append(problem.pointer)
    texts = {file: read(file) for file in pointers}
    found = {file: locate(text, pointers[file]) for file, text in texts.items() if text}
    known = {
        problem if problem.line or problem.file not in found else _at(problem, found[problem.file][problem.pointer])
        for problem in problems
    }
    return sorted(known, key=lambda problem: (problem.file, problem.line, problem.column, problem))


def _at(problem: Problem, position: tuple[int, int]) -> Problem:
    return replace(problem, line=position[0], column=position[1])


def from_here(file: str, folder: Path, here: Path) -> str:
    """The path of a file as those who stand in the working directory call it.

    Args:
        file: relative to ``folder``; the folder itself where the folder is what is wrong; empty for no file.
        folder: as the user gave it.
        here: the working directory.
    """
    if not file:
        return ""
    path = folder if file == str(folder) else folder / file
    if path.is_absolute() and path.is_relative_to(here):
        path = path.relative_to(here)
    return posixpath.normpath(path.as_posix())


def as_text(problems: Iterable[Problem]) -> str:
    """One line for each problem, and one for its remedy."""
    return "".join(f"{problem}\n" for problem in problems)


def as_json(problems: Iterable[Problem], changes: Iterable[Changed] = ()) -> str:
    """One JSON document, in ASCII."""
    document = {
        "problems": [
            {
                "file": problem.file,
                "line": problem.line or None,
                "column": problem.column or None,
                "pointer": problem.pointer,
                "severity": problem.severity,
                "rule": problem.rule.partition(" ")[0] or None,
                "message": problem.message,
                "remedy": problem.remedy,
            }
            for problem in problems
        ],
        "changes": [{"file": each.file, "action": each.action} for each in changes],
    }
    return json.dumps(document, indent=2).replace("##[", "#\\u0023[") + "\n"


def as_github(problems: Iterable[Problem], changes: Iterable[Changed] = ()) -> str:
    """Workflow commands of GitHub Actions, which shows them beside the lines that they are about."""
    lines = [_command(problem) for problem in problems]
    states = {"add": "is missing", "change": "is not up to date", "remove": "is stale"}
    remedy = "Run mega-codegen, and commit what it writes."
    lines += [_command(Problem(each.file, "", states[each.action], remedy)) for each in changes]
    return "".join(f"{line}\n" for line in lines)


def _command(problem: Problem) -> str:
    position = {"line": str(problem.line), "col": str(problem.column)} if problem.line else {}
    file = {"file": problem.file} if problem.file else {}
    properties = {**file, **position, "title": problem.rule or "mega-codegen"}
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    place = f"{shown(problem.pointer)}: " if problem.pointer else ""
    lines = [f"{place}{shown(problem.message)}", *([shown(problem.remedy)] if problem.remedy else [])]
    return f"::{problem.severity} {written}::{_data(chr(10).join(lines))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(printable(text)).replace(":", "%3A").replace(",", "%2C")


def as_diff(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a unified diff as they may be shown; only lines that try to be more than text are altered."""
    for line in lines:
        mark, text = line[:1], line[1:].rstrip("\n")
        text = "\t".join(map(printable, text.split("\t"))).replace("##[", "#\\x23[")
        if text.lstrip().startswith("::"):
            text = text.replace("::", ":\\x3a", 1)
        yield f"{mark}{text}\n"
