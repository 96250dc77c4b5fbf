"""The steps in their order: documents in, files out. Nothing here touches the file system."""

from __future__ import annotations

from collections.abc import Sequence

from mega_codegen.build import build
from mega_codegen.check import examples, well_formed
from mega_codegen.emit import emit
from mega_codegen.errors import Problem, Report, SchemaErrors
from mega_codegen.model import catalogue, library_of
from mega_codegen.names import name
from mega_codegen.records import Document


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
    try:
        return _generate(documents, protocol, report or Report())
    except RecursionError as error:
        problem = Problem("", "", "the schemas nest too deeply", "Make some of the levels objects.")
        raise SchemaErrors([problem]) from error


def _generate(documents: Sequence[Document], protocol: Document, report: Report) -> dict[str, str]:
    fine = well_formed(documents, report)
    broken = {problem.file for problem in report.problems if not problem.warning}
    library = library_of(fine, protocol, broken, report)
    read = catalogue(library, report)
    naming = name(read, report)
    examples(fine, library, report)
    report.raise_errors()
    return emit(read, naming, build(read, naming))
