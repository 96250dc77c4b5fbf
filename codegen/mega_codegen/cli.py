"""``mega-codegen schemas/ -o generated/`` and ``mega-codegen verify schemas/``: the command. The only file that prints.

Exit status: 0 when all is well, 1 when ``--check`` or ``--diff`` found differences or ``verify`` a disagreement, 2 for
errors.
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
from mega_codegen.load import load, protocol
from mega_codegen.verify import verify
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
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given[:1] == ["verify"]:
        return _verify(_verify_parser().parse_args(given[1:]))
    options = _parser().parse_args(given)
    collecting = gc.isenabled()
    gc.disable()  # a run allocates much, frees little and ends: collecting costs a tenth of its time
    try:
        return _run(options)
    finally:
        if collecting:
            gc.enable()


def _run(options: argparse.Namespace) -> int:
    report = Report()
    try:
        documents = load(options.schemas, report)
        files = generate(documents, protocol(), report)
        plan = compare(options.output, files)
    except CodegenError as error:
        print(error, file=sys.stderr)
        return ERROR
    _warn(report.problems)
    if options.check or options.diff:
        return _show(plan)
    try:
        apply(plan)
    except CodegenError as error:
        print(error, file=sys.stderr)
        return ERROR
    except OSError as error:
        place = shown(str(error.filename or options.output))
        print(f"{place}: error: cannot be written: {error.strerror}", file=sys.stderr)
        return ERROR
    print(_summary(plan, len(files)))
    return OK


def _verify(options: argparse.Namespace) -> int:
    report = Report()
    try:
        documents = load(options.schemas, report)
        files = generate(documents, protocol(), report)
        found, tried = verify(documents, protocol(), files, options.seed)
    except CodegenError as error:
        print(error, file=sys.stderr)
        return ERROR
    for disagreement in found:
        print(disagreement)
    print(f"{options.schemas}: {tried} documents, {len(found)} disagreements")
    return DIFFERENT if found else OK


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen verify",
        description="Try documents, valid and not, on the schemas and on the generated classes; print disagreements.",
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    parser.add_argument("--seed", type=int, default=0, help="another number tries other documents")
    return parser


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen",
        description="Generate typed MEGA events and subscribers from JSON Schema.",
        epilog="mega-codegen verify schemas/ holds the generated classes against the schemas.",
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the package to write")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; exit 1 and show a diff when not up to date")
    mode.add_argument("--diff", action="store_true", help="write nothing; show what would change, as a diff")
    return parser


def _warn(problems: Sequence[Problem]) -> None:
    for problem in sorted(set(problems)):
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
