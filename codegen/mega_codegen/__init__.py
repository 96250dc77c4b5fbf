"""Generate typed events and subscribers from JSON Schema: ``mega-codegen schemas/ -o generated/``.

``generate`` is the whole of it as a function, from documents to the text of files; reading (``load``) and writing
(``write``) stand apart. Nothing here is imported by the code that is generated, nor by ``mega_typed``.

The steps are imported when ``generate`` is first asked for: a run that finds nothing to do needs none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mega_codegen.errors import CodegenError, MissingDependency, OutputErrors, Problem, Report, SchemaErrors
from mega_codegen.load import load, parse, protocol
from mega_codegen.records import Document

if TYPE_CHECKING:
    from mega_codegen.generation import generate

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


def __getattr__(name: str) -> Any:
    if name == "generate":
        from mega_codegen.generation import generate

        return generate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
