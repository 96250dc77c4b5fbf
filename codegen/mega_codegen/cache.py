"""Remember the last run on a folder of schemas, in ``.mega_codegen_cache/``: the only reads and writes of that folder.

Whatever is wrong with the cache, it is as if there were none: nothing here raises, and nothing is believed that this
generator has not written on this machine. A record is kept under the names of its inputs and carries a seal, a digest
over its content, over the generator (its own source text, the versions of its libraries and of Python), and over the
time to the nanosecond at which this folder was made. A folder that was copied, checked out or made by a stranger has
another time; a record that was cut, edited or written by another version has another digest. Records are JSON, in
files that are no links, and replaced in one move.

This part knows the record of a run and the file system. It knows nothing of schemas.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import stat
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from mega_codegen.records import Run

FOLDER = ".mega_codegen_cache"
VARIABLE = "MEGA_CODEGEN_CACHE_DIR"
_MARK = ".gitignore"
_LIBRARIES = ("datamodel_code_generator-", "jsonschema_rs-", "pydantic-", "pydantic_core-")
"""Begins of the names of the folders beside installed libraries; their ends are the versions."""
_LARGEST = 2**29


class Cache:
    """The last run on one folder of schemas, with one draft for the files that declare none."""

    def __init__(self, schemas: Path, draft: str = "", environment: Mapping[str, str] = os.environ) -> None:
        given = environment.get(VARIABLE, "")
        self._folder = Path(given or FOLDER)
        self._trusts_links = bool(given)
        name = hashlib.sha256(f"{draft}\n".encode() + os.fsencode(schemas.absolute())).hexdigest()[:32]
        self._file = self._folder / f"{name}.run"

    def recall(self) -> Run | None:
        """The last run, when it can be believed."""
        try:
            mark = self._mark()
            data = _content(self._file)
            seal, _, body = data.partition(b"\n")
            if seal != _seal(mark, body):
                return None
            return _run(json.loads(body))
        except (OSError, ValueError, TypeError, RecursionError):
            return None

    def remember(self, run: Run) -> None:
        """Keep a run, if that can be done."""
        with suppress(OSError, ValueError, TypeError, RecursionError):
            self._prepare()
            body = json.dumps(
                [getattr(run, each.name) for each in fields(run)], ensure_ascii=False, separators=(",", ":")
            ).encode()
            _replace(self._file, _seal(self._mark(), body) + b"\n" + body)

    def _prepare(self) -> None:
        if not self._trusts_links and self._folder.is_symlink():
            raise OSError
        self._folder.mkdir(parents=self._trusts_links, exist_ok=True)
        with suppress(FileExistsError), (self._folder / _MARK).open("x", encoding="utf-8") as file:
            file.write("*\n")

    def _mark(self) -> str:
        """What only the folder that was made here has."""
        if not self._trusts_links and self._folder.is_symlink():
            raise OSError
        found = (self._folder / _MARK).lstat()
        if not stat.S_ISREG(found.st_mode):
            raise OSError
        return f"{found.st_ino} {found.st_ctime_ns}"


def _content(path: Path) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            raise OSError
        return file.read()


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".run-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _run(parts: object) -> Run | None:
    if not isinstance(parts, list) or len(parts) != len(fields(Run)):
        return None
    run = Run(*parts)
    file, pointer, message, remedy = 0, 1, 2, 3
    warnings = tuple((each[file], each[pointer], each[message], each[remedy]) for each in run.warnings)
    return Run(run.sources, warnings, run.files, run.uses, run.answers, run.bounded, run.known)


def _seal(mark: str, body: bytes) -> bytes:
    return hashlib.sha256(f"{_generator()} {mark}\n".encode() + body).hexdigest().encode()


@functools.cache
def _generator() -> str:
    """A digest of everything that the output depends on beside the schemas."""
    digest = hashlib.sha256(sys.version.encode())
    libraries: set[str] = set()
    for place in sys.path:
        with suppress(OSError):
            libraries |= {name for name in os.listdir(place or ".") if name.startswith(_LIBRARIES)}  # noqa: PTH208
    digest.update(repr(sorted(name for name in libraries if name.endswith("-info"))).encode("utf-8", "replace"))
    here = Path(__file__).parent
    protocol = "schemas/mega/v1.schema.json"
    for path in (*sorted(here.glob("*.py")), here / protocol, here.parents[1] / protocol):
        if path.is_file():
            digest.update(f"\n{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()
