"""What can be wrong with schemas and with the output, as values: each problem names its place and its remedy.

Steps collect problems and go on, so that a run reports all of them; the last step that finds errors raises them
together. This file knows nothing of the other steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field


def shown(text: str) -> str:
    """Text of strangers as a part of one line for a terminal or the log of a CI system.

    What does not print, and what changes the direction of the text around it, is written as an escape; what a CI
    system would take for a command at the begin of a line is kept away from there.
    """
    line = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
    line = line.replace("##[", "#\\x23[")
    return f"./{line}" if line.lstrip().startswith(("::", "##")) else line


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: path of the file, relative to the folder that was read.
        pointer: JSON pointer into the file, ``""`` for its root.
        message: what is wrong.
        remedy: what to do about it; may be empty.
        warning: whether generation goes on nevertheless.
        position: line and column where they are known better than by the pointer, such as ``"3:14"``.
    """

    file: str
    pointer: str
    message: str
    remedy: str = ""
    warning: bool = False
    position: str = ""

    def __str__(self) -> str:
        place = ":".join(part for part in (self.file, self.position) if part)
        kind = "warning" if self.warning else "error"
        remedy = f"\n    {shown(self.remedy)}" if self.remedy else ""
        return f"{shown(place)}#{shown(self.pointer)}: {kind}: {shown(self.message)}{remedy}"


class CodegenError(Exception):
    """Base of the errors that the generator raises on purpose."""


class SchemaErrors(CodegenError):  # noqa: N818 - it holds several
    """The schemas cannot be generated from.

    Attributes:
        problems: all of them, sorted by place; warnings included.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class OutputErrors(CodegenError):  # noqa: N818 - it holds several
    """The output cannot be written without overwriting what the generator did not write.

    Attributes:
        problems: all of them, sorted by place.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class MissingDependency(CodegenError):  # noqa: N818 - named for what is missing
    """A library of the ``codegen`` extra is not installed."""

    def __init__(self, library: str) -> None:
        super().__init__(f"{library} is not installed. Run: pip install 'mega-typed[codegen]'")


@dataclass(slots=True)
class Report:
    """Where the steps of one run put the problems that they find."""

    problems: list[Problem] = field(default_factory=list[Problem])

    def error(self, file: str, pointer: str, message: str, remedy: str = "", position: str = "") -> None:
        """Note something that stops generation."""
        self.problems.append(Problem(file, pointer, message, remedy, position=position))

    def warn(self, file: str, pointer: str, message: str, remedy: str = "") -> None:
        """Note something that generation survives."""
        self.problems.append(Problem(file, pointer, message, remedy, warning=True))

    def raise_errors(self) -> None:
        """Raise everything that was found, when an error is among it.

        Raises:
            SchemaErrors: there is at least one error.
        """
        if any(not problem.warning for problem in self.problems):
            raise SchemaErrors(self.problems)
