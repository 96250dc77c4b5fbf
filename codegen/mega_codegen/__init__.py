"""Generate typed events and subscribers from JSON Schema: ``mega-codegen schemas/ -o generated/``.

``generate`` is the whole of it as a function, from documents to the text of files; reading (``load``) and writing
(``write``) stand apart. Nothing here is imported by the code that is generated, nor by ``mega_typed``.
"""

from mega_codegen.errors import CodegenError, MissingDependency, OutputErrors, Problem, Report, SchemaErrors
from mega_codegen.generation import generate
from mega_codegen.load import load, parse, protocol
from mega_codegen.records import Document

__all__ = [
    "CodegenError",
    "Document",
    "MissingDependency",
    "OutputErrors",
    "Problem",
    "Report",
    "SchemaErrors",
    "generate",
    "load",
    "parse",
    "protocol",
]
