"""``mega-codegen schemas/ -o generated/``: the command. The only file that prints.

Exit status: 0 when the output is up to date, 1 when ``--check`` or ``--diff`` found differences, 2 for errors.
"""

from __future__ import annotations

import argparse
import gc
import io
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from mega_codegen import reports
from mega_codegen.errors import CodegenError, Problem, Report, shown
from mega_codegen.generation import generate
from mega_codegen.load import load, protocol, text_of
from mega_codegen.records import Document
from mega_codegen.reports import Changed
from mega_codegen.write import MANIFEST, Change, Plan, apply, compare, diff, up_to_date

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
        return _generate(options)
    finally:
        if collecting:
            gc.enable()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen", description="Generate typed MEGA events and subscribers from JSON Schema."
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the package to write")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; exit 1 and show a diff when not up to date")
    mode.add_argument("--diff", action="store_true", help="write nothing; show what would change, as a diff")
    _add_format(parser)
    return parser


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=reports.FORMATS,
        default="text",
        help="for people, for programs (docs/formats.md), or as annotations of GitHub Actions",
    )


def _generate(options: argparse.Namespace) -> int:
    report = Report()
    documents: tuple[Document, ...] = ()
    try:
        documents = load(options.schemas, report)
        files = generate(documents, protocol(), report)
    except CodegenError as error:
        _tell(options, _placed(options, error.problems, documents))
        return ERROR
    problems = _placed(options, report.problems, documents)
    only_look = options.check or options.diff
    try:
        plan = compare(options.output, files)
        if not only_look:
            apply(plan)
    except CodegenError as error:
        _tell(options, [*problems, *_from_here(options, error.problems, options.output)])
        return ERROR
    except OSError as error:
        failed = Problem(str(error.filename or options.output), "", f"cannot be written: {error.strerror}")
        _tell(options, [*problems, *_from_here(options, [failed], Path())])
        return ERROR
    _tell(options, problems, _changes(plan))
    if only_look:
        return _show(options, plan)
    if options.format != "json":
        print(_summary(plan, len(files)))
    return OK


def _placed(options: argparse.Namespace, problems: Iterable[Problem], documents: Sequence[Document]) -> list[Problem]:
    """Problems of schemas with line and column; only files that could be read are read again."""
    known = {document.path for document in documents}
    found = reports.placed(problems, lambda file: text_of(options.schemas, file) if file in known else "")
    return _from_here(options, found, options.schemas)


def _from_here(options: argparse.Namespace, problems: Iterable[Problem], folder: Path) -> list[Problem]:
    """The problems as the format names their files: people know the folder that they gave, programs do not."""
    if options.format == "text":
        return list(problems)
    return [replace(each, file=reports.from_here(each.file, folder, Path.cwd())) for each in problems]


def _changes(plan: Plan) -> list[Changed]:
    changes = plan.changes
    if not changes and not up_to_date(plan):
        changes = (Change(MANIFEST, "", ""),)
    here = Path.cwd()
    return [Changed(reports.from_here(each.path, plan.folder, here), _action(each)) for each in changes]


def _action(change: Change) -> Literal["add", "change", "remove"]:
    if change.before is None:
        return "add"
    return "remove" if change.after is None else "change"


def _tell(options: argparse.Namespace, problems: Sequence[Problem], changes: Sequence[Changed] = ()) -> None:
    """Print all that a run has to say about files, once."""
    if options.format == "json":
        print(reports.as_json(problems, changes), end="")
    elif options.format == "github":
        print(reports.as_github(problems, changes if options.check or options.diff else ()), end="")
    else:
        print(reports.as_text(problems), end="", file=sys.stderr)


def _show(options: argparse.Namespace, plan: Plan) -> int:
    if up_to_date(plan):
        return OK
    if options.format != "json":
        sys.stdout.writelines(reports.as_diff(diff(plan)))
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
