"""``mega-codegen schemas/ -o generated/``, ``init``, ``lint`` and ``verify``: the commands. The only file that prints.

Exit status: 0 when all is well, 1 when ``--check`` or ``--diff`` found differences, ``lint`` found something or
``verify`` a disagreement, 2 for errors. Each command is a pair of a parser and a function; ``COMMANDS`` lists those
that have a name. 130 when ``--watch`` is ended by Ctrl-C. What only some runs need is imported when it is needed: a run
that finds nothing changed imports no step of generation.
"""

from __future__ import annotations

import argparse
import atexit
import gc
import io
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO

from mega_codegen import reports
from mega_codegen.errors import CodegenError, Problem, Report, shown
from mega_codegen.keywords import DRAFTS
from mega_codegen.load import load, parse_all, protocol, pyproject, read, text_of
from mega_codegen.progress import Progress
from mega_codegen.records import Document
from mega_codegen.reports import Changed
from mega_codegen.watch import changes
from mega_codegen.write import MANIFEST, Change, Plan, apply, compare, create, diff, up_to_date

if TYPE_CHECKING:
    from mega_codegen.cache import Cache
    from mega_codegen.records import Run
    from mega_codegen.settings import Settings

OK, DIFFERENT, ERROR, INTERRUPTED = 0, 1, 2, 130


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
    if arguments is None:
        atexit.register(gc.freeze)  # the process ends: looking for what it could free costs as much as a whole step
    given = sys.argv[1:] if arguments is None else list(arguments)
    named = COMMANDS.get(given[0]) if given else None
    parser, run = named or (_generate_parser, _generate_or_watch)
    options = parser().parse_args(given[1:] if named else given)
    collecting = gc.isenabled()
    gc.disable()  # a run allocates much, frees little and ends: collecting costs a tenth of its time
    try:
        return run(options)
    finally:
        if collecting:
            gc.enable()


def _generate_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen",
        description="Generate typed MEGA events and subscribers from JSON Schema.",
        epilog=f"Other commands: mega-codegen {', '.join(COMMANDS)}. A folder of that name: ./lint",
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the package to write")
    _add_draft(parser)
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="leave out files with errors and what refers to them, generate the rest; exit 2 nevertheless",
    )
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; exit 1 and show a diff when not up to date")
    mode.add_argument("--diff", action="store_true", help="write nothing; show what would change, as a diff")
    mode.add_argument("--watch", action="store_true", help="generate again whenever a schema changes, until Ctrl-C")
    parser.add_argument("--no-cache", action="store_true", help="neither use nor write .mega_codegen_cache")
    _add_format(parser)
    return parser


def _add_draft(parser: argparse.ArgumentParser) -> None:
    help_ = "the draft of files that declare none with $schema (default: %(default)s)"
    parser.add_argument("--draft", choices=DRAFTS, default=DRAFTS[-1], help=help_)


def _add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=reports.FORMATS,
        default="text",
        help="for people, for programs (docs/formats.md), or as annotations of GitHub Actions",
    )


def _generate_or_watch(options: argparse.Namespace) -> int:
    return _watch(options) if options.watch else _generate(options)


def _generate(options: argparse.Namespace) -> int:
    report = Report()
    sources: Mapping[str, bytes] = {}
    try:
        with Progress(sys.stderr) as begin:
            begin("reading the schemas")
            sources = read(options.schemas, report)
            files = _generated(options, sources, report, begin)
    except CodegenError as error:
        _tell(options, _placed(options, error.problems, parse_all(sources, Report())))
        return ERROR
    problems = _placed(options, report.problems, parse_all(sources, Report()) if report.problems else ())
    only_look = options.check or options.diff
    try:
        plan = compare(options.output, files)
        if not only_look:
            apply(plan)
    except CodegenError as error:
        _tell(options, [*problems, *_from_here(options, error.problems, options.output)])
        return ERROR
    except OSError as error:
        _tell(options, [*problems, *_from_here(options, [_unwritable(error, options.output)], Path())])
        return ERROR
    _tell(options, problems, _changes(plan) if only_look or options.format == "json" else ())
    partly = any(not problem.warning for problem in report.problems)
    if only_look:
        return max(_show(options, plan), ERROR if partly else OK)
    if options.format != "json":
        print(_summary(plan, len(files)))
    return ERROR if partly else OK


def _cache(options: argparse.Namespace) -> Cache | None:
    if options.no_cache:
        return None
    from mega_codegen.cache import Cache

    return Cache(options.schemas, options.draft)


def _generated(
    options: argparse.Namespace, sources: Mapping[str, bytes], report: Report, begin: Callable[[str], None]
) -> Mapping[str, str]:
    """The generated files, from the last run on the folder as far as it still holds."""
    if options.keep_going:
        from mega_codegen.generation import generate

        begin("generating what can be generated")
        documents = parse_all(sources, report)
        return generate(documents, protocol(), report, draft=options.draft, keep_going=True)
    cache = _cache(options)
    last = cache.recall() if cache is not None and not report.problems else None
    if last is not None and _is_for(last, sources):
        for warning in last.warnings:
            report.warn(*warning)
        return last.files
    from mega_codegen.runs import run

    found = run(sources, protocol(), report, last, begin, options.draft)
    if cache is not None:
        cache.remember(found)
    return found.files


def _is_for(last: Run, sources: Mapping[str, bytes]) -> bool:
    return last.sources.keys() == sources.keys() and all(
        last.sources[path].encode() == data for path, data in sources.items()
    )


def _watch(options: argparse.Namespace) -> int:
    """Generate, and again whenever what would be read is not what was read."""
    if not options.schemas.is_dir():
        return _generate(options)
    try:
        before: object = None
        for _ in chain([None], changes(options.schemas)):
            report = Report()
            now = read(options.schemas, report), report.problems
            if now != before:
                before = now
                _generate(options)
                sys.stdout.flush()
                gc.collect()
    except CodegenError as error:
        _tell(options, error.problems)
        return ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return OK


def _lint_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen lint",
        description="Look for what is allowed in schemas and should not stay (docs/lint.md lists the rules).",
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    for name, help_ in (
        ("select", "the rules to hold, instead of what pyproject.toml selects and ignores"),
        ("ignore", "rules not to hold, beside those that pyproject.toml ignores"),
    ):
        parser.add_argument(f"--{name}", action="extend", type=_ids, default=[], metavar="ML101,ML102", help=help_)
    _add_draft(parser)
    _add_format(parser)
    return parser


def _ids(text: str) -> list[str]:
    return [each.strip() for each in text.split(",")]


def _lint(options: argparse.Namespace) -> int:
    from mega_codegen.generation import understand
    from mega_codegen.lint import Subject, lint

    report = Report()
    documents: tuple[Document, ...] = ()
    try:
        settings = _settings(options)
    except CodegenError as error:
        _tell(options, _called_from_here(error.problems, Path()))
        return ERROR
    try:
        documents = load(options.schemas, report)
        understood = understand(documents, protocol(), report, options.draft)
    except CodegenError as error:
        _tell(options, _placed(options, error.problems, documents))
        return ERROR
    subject = Subject(understood.library, understood.catalogue, understood.naming, report.problems)
    findings = _placed(options, lint(subject, settings), documents)
    _tell(options, findings, stream=sys.stdout)
    if options.format == "text":
        print(f"{shown(str(options.schemas))}: {len(findings) or 'no'} finding{'' if len(findings) == 1 else 's'}")
    return DIFFERENT if findings else OK


def _verify_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen verify",
        description="Try documents, valid and not, on the schemas and on the generated classes; print disagreements.",
    )
    parser.add_argument("schemas", type=Path, help="the folder of *.json schema files")
    parser.add_argument("--seed", type=int, default=0, help="another number tries other documents")
    _add_draft(parser)
    return parser


def _verify(options: argparse.Namespace) -> int:
    from mega_codegen.generation import files_of, understand
    from mega_codegen.verify import verify

    options.format = "text"
    report = Report()
    documents: tuple[Document, ...] = ()
    try:
        documents = load(options.schemas, report)
        understood = understand(documents, protocol(), report, options.draft)
        found, tried = verify(
            understood.library, understood.catalogue, understood.naming, files_of(understood), options.seed
        )
    except CodegenError as error:
        _tell(options, _placed(options, error.problems, documents))
        return ERROR
    for disagreement in found:
        print(disagreement)
    print(f"{shown(str(options.schemas))}: {tried} documents, {len(found)} disagreements")
    return DIFFERENT if found else OK


def _init_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mega-codegen init",
        description="Write a first event, a shared type and a workflow for GitHub Actions. Nothing is overwritten.",
    )
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="where to begin; here by default")
    return parser


def _init(options: argparse.Namespace) -> int:
    from mega_codegen.starter import FILES, NEXT_STEPS

    folder: Path = options.folder
    try:
        create(folder, FILES)
    except CodegenError as error:
        print(reports.as_text(_called_from_here(error.problems, folder)), end="", file=sys.stderr)
        return ERROR
    except OSError as error:
        print(_unwritable(error, folder), file=sys.stderr)
        return ERROR
    for path in FILES:
        print(shown(str(folder / path)))
    print(f"\n{NEXT_STEPS}", end="")
    return OK


def _unwritable(error: OSError, place: Path) -> Problem:
    return Problem(str(error.filename or place), "", f"cannot be written: {error.strerror}")


def _settings(options: argparse.Namespace) -> Settings:
    from mega_codegen.lint import RULES
    from mega_codegen.settings import Settings, from_table, with_options

    known = [rule.id for rule in RULES]
    found = pyproject(options.schemas)
    if found is None:
        settings = Settings(frozenset(known))
    else:
        path, table, prefix = found
        settings = from_table(table, str(path), known, prefix)
    return with_options(settings, options.select, options.ignore, known)


def _placed(options: argparse.Namespace, problems: Iterable[Problem], documents: Sequence[Document]) -> list[Problem]:
    """Problems of schemas with line and column; only files that could be read are read again."""
    known = {document.path for document in documents}
    found = reports.placed(problems, lambda file: text_of(options.schemas, file) if file in known else "")
    return _from_here(options, found, options.schemas)


def _from_here(options: argparse.Namespace, problems: Iterable[Problem], folder: Path) -> list[Problem]:
    """The problems as the format names their files: people know the folder that they gave, programs do not."""
    return list(problems) if options.format == "text" else _called_from_here(problems, folder)


def _called_from_here(problems: Iterable[Problem], folder: Path) -> list[Problem]:
    here = Path.cwd()
    return [replace(each, file=reports.from_here(each.file, folder, here)) for each in problems]


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


def _tell(
    options: argparse.Namespace,
    problems: Sequence[Problem],
    changes: Sequence[Changed] = (),
    stream: TextIO | None = None,
) -> None:
    """Print all that a run has to say about files, once; text goes to stderr unless it is what was asked for."""
    if options.format == "json":
        print(reports.as_json(problems, changes), end="")
    elif options.format == "github":
        print(reports.as_github(problems, changes), end="")
    else:
        print(reports.as_text(problems), end="", file=stream or sys.stderr)


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


COMMANDS: Mapping[str, tuple[Callable[[], argparse.ArgumentParser], Callable[[argparse.Namespace], int]]] = {
    "init": (_init_parser, _init),
    "lint": (_lint_parser, _lint),
    "verify": (_verify_parser, _verify),
}


if __name__ == "__main__":
    sys.exit(main())
