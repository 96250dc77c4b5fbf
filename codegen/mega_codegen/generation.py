"""The steps in their order: documents in, files out. Nothing here touches the file system."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mega_codegen.build import build
from mega_codegen.check import examples, is_valid_schema, well_formed
from mega_codegen.drafts import LATEST, drafts_of
from mega_codegen.emit import emit
from mega_codegen.errors import Problem, Report, SchemaErrors
from mega_codegen.expressions import Expression
from mega_codegen.model import catalogue, library_of
from mega_codegen.names import name
from mega_codegen.records import Catalogue, Document, Naming
from mega_codegen.resolve import Library


@dataclass(frozen=True, slots=True)
class Understood:
    """What a set of schemas means, without an error in it.

    Attributes:
        library: the documents, and the protocol.
        catalogue: their events and types.
        naming: the Python names of these.
    """

    library: Library
    catalogue: Catalogue
    naming: Naming


def silent(step: str) -> None:
    """Say nothing about the steps."""


def generate(
    documents: Sequence[Document],
    protocol: Document,
    report: Report | None = None,
    *,
    draft: str = LATEST,
    keep_going: bool = False,
) -> dict[str, str]:
    """Generate the package for a set of schemas. A pure function.

    Args:
        documents: the schema files.
        protocol: the protocol schema that ships with the generator.
        report: takes warnings, and holds what reading has found already.
        draft: the draft of files that declare none.
        keep_going: leave out files with errors, and files that refer to them, instead of raising; the errors are in
            the report.

    Returns:
        The text of each file by its path, relative to the generated package.

    Raises:
        SchemaErrors: the schemas cannot be generated from; it holds all problems at once.
        MissingDependency: a library of the ``codegen`` extra is not installed.
    """
    read = understand_the_rest if keep_going else understand
    return files_of(read(documents, protocol, report or Report(), draft))


def files_of(
    understood: Understood,
    known: dict[str, Expression] | None = None,
    begin: Callable[[str], None] = silent,
) -> dict[str, str]:
    """The steps after the names: the text of each file by its path.

    Args:
        understood: what the schemas mean.
        known: annotations that were built before; takes those that are built now.
        begin: told of each step, before it begins.

    Raises:
        MissingDependency: the model generator is not installed.
    """
    with _bounded():
        read, naming = understood.catalogue, understood.naming
        begin("building the fields")
        bodies = build(read, naming, known)
        begin("writing the classes")
        return emit(read, naming, bodies)


def understand(
    documents: Sequence[Document],
    protocol: Document,
    report: Report,
    draft: str = LATEST,
    begin: Callable[[str], None] = silent,
) -> Understood:
    """The steps up to the names: all that can be wrong with schemas is found here.

    Args:
        documents: the schema files.
        protocol: the protocol schema that ships with the generator.
        report: takes warnings, and holds what reading has found already.
        draft: the draft of files that declare none.
        begin: told of each step, before it begins.

    Raises:
        SchemaErrors: the schemas cannot be generated from; it holds all problems at once.
        MissingDependency: a library of the ``codegen`` extra is not installed.
    """
    return _understand(documents, protocol, report, drafts_of(documents, draft), _broken(report), set(), begin)


def _understand(
    documents: Sequence[Document],
    protocol: Document,
    report: Report,
    drafts: Mapping[str, str | None],
    broken: set[str],
    missing: set[str],
    begin: Callable[[str], None] = silent,
) -> Understood:
    """As ``understand``.

    Args:
        documents: the schema files.
        protocol: the protocol schema.
        report: takes all problems.
        drafts: the draft of each document.
        broken: paths and ``$id`` of files that were left out.
        missing: takes the paths of files that refer to what was left out.
        begin: told of each step, before it begins.
    """
    with _bounded():
        begin("checking the schemas")
        fine = well_formed(documents, drafts, report)
        kept = {document.path for document in fine}
        broken = broken.union(*(_names(document) for document in documents if document.path not in kept))
        begin("finding events and types")
        library = library_of(fine, protocol, broken, is_valid_schema, report)
        try:
            read = catalogue(library, report)
            naming = name(read, report)
            begin("checking the examples")
            examples(fine, library, {event.content.key for event in read.events}, report)
        finally:
            missing |= library.missing | library.referring(_broken(report) - {each.path for each in documents})
        report.raise_errors()
        if missing:
            raise SchemaErrors(report.problems)
        return Understood(library, read, naming)


def understand_the_rest(
    documents: Sequence[Document], protocol: Document, report: Report, draft: str = LATEST
) -> Understood:
    """As ``understand``, of what has no error and refers to none; the errors are in the report."""
    drafts = drafts_of(documents, draft)
    out = _broken(report)
    broken = set(out)
    while True:  # what is left out may be the reason for others to follow
        attempt, missing = Report(), set[str]()
        kept = [document for document in documents if document.path not in out]
        try:
            understood = _understand(kept, protocol, attempt, drafts, broken, missing)
        except SchemaErrors as error:
            understood = None
            attempt.problems = list(error.problems)
        report.problems += sorted(set(attempt.problems) - set(report.problems))
        if understood is not None:
            return understood
        for path in sorted(missing - _broken(report)):
            report.error(path, "", "refers to a file that has errors", "Correct that file.")
        faulty = (_broken(attempt) | missing) & {document.path for document in kept}
        if not faulty:
            raise SchemaErrors(report.problems)
        out |= faulty
        broken = broken.union(*(_names(document) for document in documents if document.path in out))


def _broken(report: Report) -> set[str]:
    """The paths of files with errors."""
    return {problem.file for problem in report.problems if not problem.warning}


def _names(document: Document) -> set[str]:
    """What references may call a document."""
    identifiers = (document.tree.get(keyword) for keyword in ("$id", "id"))
    return {document.path, *(each.rstrip("#") for each in identifiers if isinstance(each, str))}


@contextmanager
def _bounded() -> Generator[None, None, None]:
    try:
        yield
    except RecursionError as error:
        problem = Problem("", "", "the schemas nest too deeply", "Make some of the levels objects.")
        raise SchemaErrors([problem]) from error
