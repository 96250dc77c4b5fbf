"""Read schema files. The only step that touches the file system for reading.

Nothing outside the given folder is read, except for the settings of the linter: symbolic links are refused, whether
they are files or folders. JSON is read strictly, because what a validator in another language cannot read must not pass
here: duplicate keys, ``NaN`` and lone surrogates are errors, each with line and column.
"""

from __future__ import annotations

import io
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from mega_codegen import positions
from mega_codegen.errors import CodegenError, Problem, Report
from mega_codegen.positions import Position
from mega_codegen.records import Document, Json

SUFFIX = ".json"
DEPTH = 150
"""How deeply a schema may nest, and folders of schemas."""

_SURROGATE = re.compile("[\ud800-\udfff]")


class _Rejected(Exception):  # noqa: N818 - never leaves this file
    """JSON that is not acceptable, because of the first token that passes a test."""

    def __init__(self, message: str, test: Callable[[str, int], bool]) -> None:
        super().__init__(message)
        self.test = test


class _Repeated(Exception):  # noqa: N818 - never leaves this file
    """A key occurs twice in one object."""


def load(folder: Path, report: Report) -> tuple[Document, ...]:
    """Read and parse all ``*.json`` files below a folder, sorted by path. Hidden files and folders are passed over.

    Args:
        folder: the folder of schemas.
        report: takes one error for each file that cannot be read.
    """
    return parse_all(read(folder, report), report)


def read(folder: Path, report: Report) -> Mapping[str, bytes]:
    """The content of all ``*.json`` files below a folder by path, sorted by path, as ``load`` reads them.

    Args:
        folder: the folder of schemas.
        report: takes one error for each file that cannot be read.
    """
    try:
        found = folder.is_dir()
    except OSError as error:
        report.error(str(folder), "", f"cannot be read: {error.strerror}")
        return {}
    if not found:
        report.error(str(folder), "", "no such folder", "Give the folder that holds the schemas.")
        return {}
    sources: dict[str, bytes] = {}
    for path, name in _walk(folder, folder, report):
        try:
            with io.FileIO(path) as file:
                sources[name] = file.readall()
        except OSError as error:
            report.error(name, "", f"cannot be read: {error.strerror}")
    if not sources and not report.problems:
        report.error(str(folder), "", f"no *{SUFFIX} file in this folder", "Write an event definition first.")
    return sources


def parse_all(sources: Mapping[str, bytes], report: Report) -> tuple[Document, ...]:
    """Parse schema files.

    Args:
        sources: their content by path.
        report: takes one error for each file that is not acceptable.
    """
    documents = (_decoded(name, data, report) for name, data in sources.items())
    return tuple(document for document in documents if document is not None)


def protocol() -> Document:
    """The protocol schema that ships with the generator (in a checkout, the one copy in ``schemas/``)."""
    beside = Path(__file__).with_name("schemas") / "mega" / "v1.schema.json"
    if not beside.is_file():
        beside = Path(__file__).parents[2] / "schemas" / "mega" / "v1.schema.json"
    text = beside.read_text(encoding="utf-8")
    return Document("mega:protocol", json.loads(text))


def pyproject(folder: Path) -> tuple[Path, Json, str] | None:
    """The nearest ``pyproject.toml`` that has a table ``[tool.mega-codegen]``.

    Args:
        folder: where to look first; then in each folder above.

    Returns:
        The file, that table, and the folder as seen from the file, with a slash at its end.

    Raises:
        CodegenError: a file of that name on the way cannot be read.
    """
    import tomllib

    here = Path(os.path.realpath(folder))
    for above in (here, *here.parents):
        path = above / "pyproject.toml"
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise CodegenError([Problem(str(path), "", f"cannot be read: {error.strerror}")]) from error
        except (ValueError, RecursionError) as error:
            raise CodegenError([Problem(str(path), "", f"is not TOML: {error}")]) from error
        tool = content.get("tool")
        if isinstance(tool, dict) and "mega-codegen" in tool:
            return path, tool["mega-codegen"], f"{here.relative_to(above).as_posix()}/"
    return None


def _walk(folder: Path, root: Path, report: Report) -> Iterator[tuple[str, str]]:
    place = folder.relative_to(root)
    if len(place.parts) > DEPTH:
        report.error(place.as_posix(), "", f"folders nest deeper than {DEPTH} levels")
        return
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        report.error(str(folder) if folder == root else place.as_posix(), "", f"cannot be read: {error.strerror}")
        return
    above = "" if folder == root else f"{place.as_posix()}/"
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if _SURROGATE.search(entry.name):
            if entry.is_dir() or entry.name.endswith(SUFFIX):
                report.error((place / entry.name).as_posix(), "", "the name is not UTF-8", "Rename it.")
            continue
        if entry.is_symlink():
            if entry.is_dir() or entry.name.endswith(SUFFIX):
                report.error(
                    Path(entry.path).relative_to(root).as_posix(),
                    "",
                    "is a symbolic link; links are not followed",
                    "Copy the file into the folder.",
                )
        elif entry.is_dir():
            yield from _walk(Path(entry.path), root, report)
        elif entry.name.endswith(SUFFIX) and entry.is_file():
            yield entry.path, f"{above}{entry.name}"


def _decoded(name: str, data: bytes, report: Report) -> Document | None:
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8-sig").split("\n")
        at = Position(len(before), len(before[-1]) + 1)
        report.error(name, "", f"is not UTF-8: byte {error.start}", "Save the file as UTF-8.", at)
        return None
    return parse(name, text.removeprefix("\ufeff"), report)


def text_of(folder: Path, name: str) -> str:
    """The text of a schema file once more, for those who report about it; empty when it cannot be read any more.

    Args:
        folder: the folder of schemas.
        name: path of the file, relative to the folder.
    """
    try:
        return (folder / name).read_bytes().decode("utf-8-sig")
    except (OSError, ValueError):
        return ""


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
        tree = _tree(text)
    except json.JSONDecodeError as error:
        report.error(name, "", f"is not JSON: {error.msg}", position=(error.lineno, error.colno))
        return None
    except _Repeated:
        key, at = positions.repeated(text)
        report.error(name, "", f"the key {json.dumps(key)} occurs twice in one object", position=at)
        return None
    except _Rejected as error:
        report.error(name, "", str(error), position=positions.first(text, error.test))
        return None
    if not isinstance(tree, dict):
        at = positions.first(text, lambda _token, _depth: True)
        report.error(name, "", "a schema file must hold a JSON object", "Wrap the schema in {...}.", at)
        return None
    return Document(name, tree)


def _tree(text: str) -> Json:
    """The tree that a text describes.

    Raises:
        json.JSONDecodeError: the text is not JSON.
        _Rejected: it is, and not acceptable.
        _Repeated: the same.
    """
    try:
        tree = json.loads(text, object_pairs_hook=_unique, parse_constant=_constant, parse_float=_float)
    except RecursionError:
        raise _too_deep() from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:  # an integer has more digits than Python reads
        raise _Rejected(f"is not JSON: {error}", _is_too_long) from error
    _check(tree)
    return tree


def _too_deep() -> _Rejected:
    return _Rejected(f"nests deeper than {DEPTH} levels", lambda _, depth: depth >= DEPTH)


def _is_too_long(token: str, _: int) -> bool:
    return len(token.lstrip("-")) > sys.get_int_max_str_digits() and token.lstrip("-").isdecimal()


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise _Repeated
    return result


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _Rejected(f"the number {text} is too large", lambda token, _: token.startswith(text))
    return value


def _constant(name: str) -> Json:
    raise _Rejected(f"{name} is not JSON", lambda token, _: token.startswith(name))


def _check(tree: Json) -> None:
    """Refuse a tree that nests too deeply or holds text that UTF-8 cannot say."""
    stack: list[tuple[Json, int]] = [(tree, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > DEPTH:
            raise _too_deep()
        if isinstance(node, dict):
            stack.extend((key, depth) for key in node)
            stack.extend((value, depth + 1) for value in node.values())
        elif isinstance(node, list):
            stack.extend((value, depth + 1) for value in node)
        elif isinstance(node, str) and _SURROGATE.search(node):
            raise _Rejected(f"the text {json.dumps(node)} holds a lone surrogate", partial(_says, node))


def _says(text: str, token: str, _: int) -> bool:
    return positions.decoded(token) == text
