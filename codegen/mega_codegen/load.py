"""Read schema files. The only step that touches the file system for reading.

Nothing outside the given folder is read: symbolic links are refused, whether they are files or folders. JSON is read
strictly, because what a validator in another language cannot read must not pass here: duplicate keys, ``NaN`` and lone
surrogates are errors, each with line and column where the parser knows them.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from mega_codegen.errors import Report
from mega_codegen.records import Document, Json

SUFFIX = ".json"
DEPTH = 150
"""How deeply a schema may nest, and folders of schemas."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class _Rejected(Exception):  # noqa: N818 - never leaves this file
    pass


def load(folder: Path, report: Report) -> tuple[Document, ...]:
    """Read all ``*.json`` files below a folder, sorted by path. Hidden files and folders are passed over.

    Args:
        folder: the folder of schemas.
        report: takes one error for each file that cannot be read.
    """
    try:
        found = folder.is_dir()
    except OSError as error:
        report.error(str(folder), "", f"cannot be read: {error.strerror}")
        return ()
    if not found:
        report.error(str(folder), "", "no such folder", "Give the folder that holds the schemas.")
        return ()
    documents: list[Document] = []
    for path in _walk(folder, folder, report):
        document = _read(path, path.relative_to(folder).as_posix(), report)
        if document is not None:
            documents.append(document)
    if not documents and not report.problems:
        report.error(str(folder), "", f"no *{SUFFIX} file in this folder", "Write an event definition first.")
    return tuple(documents)


def protocol() -> Document:
    """The protocol schema that ships with the generator (in a checkout, the one copy in ``schemas/``)."""
    beside = files("mega_codegen").joinpath("schemas/mega/v1.schema.json")
    if not beside.is_file():
        beside = Path(__file__).parents[2].joinpath("schemas/mega/v1.schema.json")
    text = beside.read_text(encoding="utf-8")
    return Document("mega:protocol", json.loads(text))


def _walk(folder: Path, root: Path, report: Report) -> Iterator[Path]:
    place = folder.relative_to(root)
    if len(place.parts) > DEPTH:
        report.error(place.as_posix(), "", f"folders nest deeper than {DEPTH} levels")
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        report.error(str(folder) if folder == root else place.as_posix(), "", f"cannot be read: {error.strerror}")
        return
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith("."):
            continue
        if _SURROGATE.search(entry.name):
            if entry.is_dir() or entry.name.endswith(SUFFIX):
                report.error((place / entry.name).as_posix(), "", "the name is not UTF-8", "Rename it.")
            continue
        if entry.is_symlink():
            if entry.is_dir() or entry.name.endswith(SUFFIX):
                report.error(
                    path.relative_to(root).as_posix(),
                    "",
                    "is a symbolic link; links are not followed",
                    "Copy the file into the folder.",
                )
        elif entry.is_dir():
            yield from _walk(path, root, report)
        elif entry.name.endswith(SUFFIX) and entry.is_file():
            yield path


def _read(path: Path, name: str, report: Report) -> Document | None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report.error(name, "", f"is not UTF-8: byte {error.start}", "Save the file as UTF-8.")
        return None
    except OSError as error:
        report.error(name, "", f"cannot be read: {error.strerror}")
        return None
    return parse(name, text, report)


def parse(name: str, text: str, report: Report) -> Document | None:
    """Parse the text of one schema file.

    Args:
        name: path to report.
        text: the JSON text.
        report: takes what is wrong with it.

    Returns:
        The document, or ``None`` when the text is not acceptable.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float)
    except json.JSONDecodeError as error:
        report.error(name, "", f"is not JSON: {error.msg}", position=f"{error.lineno}:{error.colno}")
        return None
    except _Rejected as error:
        report.error(name, "", str(error))
        return None
    except RecursionError:
        tree = None
    except ValueError as error:
        report.error(name, "", f"is not JSON: {error}")
        return None
    fault = _fault(tree) if tree is not None else _TOO_DEEP
    if fault:
        report.error(name, "", fault)
        return None
    if not isinstance(tree, dict):
        report.error(name, "", "a schema file must hold a JSON object", "Wrap the schema in {...}.")
        return None
    return Document(name, tree)


_TOO_DEEP = f"nests deeper than {DEPTH} levels"


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise _Rejected(f"the key {json.dumps(twice)} occurs twice in one object")
    return result


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Rejected(f"the number {text} is too large")
    return value


def _constant(name: str) -> Json:
    raise _Rejected(f"{name} is not JSON")


def _fault(tree: Json) -> str:
    """Why a parsed tree is not acceptable: it nests too deeply or holds text that UTF-8 cannot say."""
    stack: list[tuple[Json, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > DEPTH:
            return _TOO_DEEP
        if isinstance(node, dict):
            stack.extend((key, depth) for key in node)
            stack.extend((value, depth + 1) for value in node.values())
        elif isinstance(node, list):
            stack.extend((value, depth + 1) for value in node)
        elif isinstance(node, str) and _SURROGATE.search(node):
            return f"the text {json.dumps(node)} holds a lone surrogate"
    return ""
