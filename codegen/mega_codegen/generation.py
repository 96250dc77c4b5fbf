"""The steps in their order: documents in, files out. Nothing here touches the file system."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from mega_codegen.build import build
from mega_codegen.check import examples, well_formed
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


def _silent(step: str) -> None:
    """Say nothing about the steps."""


def generate(documents: Sequence[Document], protocol: Document, report: Report | None = None) -> dict[str, str]:
    """Generate the package for a set of schemas. A pure function.

    Args:
        documents: the schema files.
        protocol: the protocol schema that ships with the generator.
        report: takes warnings, and holds what reading has found already.

    Returns:
        The text of each file by its path, relative to the generated package.

    Raises:
        SchemaErrors: the schemas cannot be generated from; it holds all problems at once.
        MissingDependency: a library of the ``codegen`` extra is not installed.
    """
    return files_of(understand(documents, protocol, report or Report()))


def files_of(
    understood: Understood,
    known: dict[str, Expression] | None = None,
    begin: Callable[[str], None] = _silent,
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
    begin: Callable[[str], None] = _silent,
) -> Understood:
    """The steps up to the names: all that can be wrong with schemas is found here.

    Args:
        documents: the schema files.
        protocol: the protocol schema that ships with the generator.
        report: takes warnings, and holds what reading has found already.
        begin: told of each step, before it begins.

    Raises:
        SchemaErrors: the schemas cannot be generated from; it holds all problems at once.
        MissingDependency: a library of the ``codegen`` extra is not installed.
    """
    with _bounded():
        begin("checking the schemas")
        fine = well_formed(documents, report)
        broken = {problem.file for problem in report.problems if not problem.warning}
        begin("finding events and types")
        library = library_of(fine, protocol, broken, report)
        read = catalogue(library, report)
        naming = name(read, report)
        begin("checking the examples")
        examples(fine, library, report)
        report.raise_errors()
        return Understood(library, read, naming)


@contextmanager
def _bounded() -> Generator[None, None, None]:
    try:
        yield
    except RecursionError as error:
        problem = Problem("", "", "the schemas nest too deeply", "Make some of the levels objects.")
        raise SchemaErrors([problem]) from error
