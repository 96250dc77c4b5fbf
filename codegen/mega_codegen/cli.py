"""``mega-codegen schemas/ -o generated/``: the command. The only file that prints.

Exit status: 0 when the output is up to date, 1 when ``--check`` or ``--diff`` found differences, 2 for errors.
"""

from __future__ import annotations

import argparse
import gc
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from mega_codegen.errors import CodegenError, Problem, Report, shown
from mega_codegen.generation import generate
from mega_codegen.load import load, protocol, text_of
from mega_codegen.records import Document
from mega_codegen.reports import placed
from mega_codegen.write import Plan, apply, compare, diff, up_to_date

OK, DIFFERENT, ERROR = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: the command line without the program; that of the process by default.

    Returns:
        The exit status.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal may know less than the schemas say
    options = _parser().parse_args(arguments)
    collecting = gc.isenabled()
    gc.disable()  # a run allocates much, frees little and ends: collecting costs a tenth of its time
    try:
        return _run(options)
    finally:
        if collecting:
            gc.enable()


def _run(options: argparse.Namespace) -> int:
    report = Report()
    documents: tuple[Document, ...] = ()
    try:
        documents = load(options.schemas, report)
        files = generate(documents, protocol(), report)
    except CodegenError as error:
        _tell(_placed(error.problems, options.schemas, documents))
        return ERROR
    _tell(_placed(report.problems, options.schemas, documents))
    try:
        plan = compare(options.output, files)
        if options.check or options.diff:
            return _show(plan)
        apply(plan)
    except CodegenError as error:
        _tell(error.problems)
        return ERROR
    except OSError as error:
        _tell([Problem(str(error.filename or options.output), "", f"cannot be written: {error.strerror}")])
        return ERROR
    print(_summary(plan, len(files)))
    return OK


def _placed(problems: Sequence[Problem], folder: Path, documents: Sequence[Document]) -> list[Problem]:
    """The problems with line and column; only files that could be read are read again."""
    known = {document.path for document in documents}
    return placed(problems, lambda file: text_of(folder, file) if file in known else "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen", description="Generate typed MEGA events and subscribers from JSON Schema."
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the package to write")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; exit 1 and show a diff when not up to date")
    mode.add_argument("--diff", action="store_true", help="write nothing; show what would change, as a diff")
    return parser


def _tell(problems: Sequence[Problem]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)


def _show(plan: Plan) -> int:
    if up_to_date(plan):
        return OK
    sys.stdout.writelines(diff(plan))
    if not plan.changes:
        print("the manifest is not up to date")
    print(f"{len(plan.changes)} of the generated files are not up to date", file=sys.stderr)
    return DIFFERENT


def _summary(plan: Plan, total: int) -> str:
    written = sum(change.after is not None for change in plan.changes)
    removed = len(plan.changes) - written
    parts = [f"{written} written", *([f"{removed} removed"] if removed else []), f"{total - written} unchanged"]
    return f"{shown(str(plan.folder))}: {', '.join(parts)}"


if __name__ == "__main__":
    sys.exit(main())
