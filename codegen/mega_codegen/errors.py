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
    line = printable(text).replace("##[", "#\\x23[")
    return f"./{line}" if line.lstrip().startswith(("::", "##")) else line


def printable(text: str) -> str:
    """Text of strangers with an escape for each character that does not print."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: path of the file, relative to the folder that was read; empty when it concerns no file.
        pointer: JSON pointer into the file, ``""`` for its root.
        message: what is wrong.
        remedy: what to do about it; may be empty.
        warning: whether generation goes on nevertheless.
        line: line in the file, from 1; 0 while it is not known.
        column: column in the line, counted in characters from 1; 0 while it is not known.
        rule: id and name of the lint rule that found it, such as ``"ML101 event-description"``; empty for all others.
    """

    file: str
    pointer: str
    message: str
    remedy: str = ""
    warning: bool = False
    line: int = 0
    column: int = 0
    rule: str = ""

    @property
    def severity(self) -> str:
        """``"error"`` or ``"warning"``."""
        return "warning" if self.warning else "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        where = f"{shown(place)}#{shown(self.pointer)}: " if self.file else ""
        rule = f" [{self.rule}]" if self.rule else ""
        remedy = f"\n    {shown(self.remedy)}" if self.remedy else ""
        return f"{where}{self.severity}: {shown(self.message)}{rule}{remedy}"


class CodegenError(Exception):
    """Base of the errors that the generator raises on purpose. It is made of problems, or of the message of one.

    Attributes:
        problems: all that is wrong, sorted by place; warnings included.
    """

    def __init__(self, problems: str | Iterable[Problem]) -> None:
        self.problems = tuple([Problem("", "", problems)] if isinstance(problems, str) else sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))


class SchemaErrors(CodegenError):  # noqa: N818 - it holds several
    """The schemas cannot be generated from."""


class OutputErrors(CodegenError):  # noqa: N818 - it holds several
    """The output cannot be written without overwriting what the generator did not write."""


class MissingDependency(CodegenError):  # noqa: N818 - named for what is missing
    """A library of the ``codegen`` extra is not installed."""

    def __init__(self, library: str) -> None:
        super().__init__([Problem("", "", f"{library} is not installed", "Run: pip install 'mega-typed[codegen]'")])


@dataclass(slots=True)
class Report:
    """Where the steps of one run put the problems that they find.

    Attributes:
        problems: errors and warnings, in the order in which they were found.
    """

    problems: list[Problem] = field(default_factory=list[Problem])

    def error(
        self, file: str, pointer: str, message: str, remedy: str = "", position: tuple[int, int] = (0, 0)
    ) -> None:
        """Note something that stops generation. The position need be given only where no pointer leads to it."""
        self.problems.append(Problem(file, pointer, message, remedy, False, *position))

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
