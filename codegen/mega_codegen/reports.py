"""What a run has to say, as text: problems with their places. Pure: problems in, text out; only ``cli`` prints.

This file knows problems and positions, and no step of the generator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from mega_codegen.errors import Problem
from mega_codegen.positions import locate


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
