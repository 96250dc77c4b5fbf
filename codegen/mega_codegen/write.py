"""Bring a folder up to date with generated files: write them, or say what would change. The only step that writes.

A manifest in the folder remembers what was written. A file that the manifest does not know is somebody else's, and so
is one that was changed since: neither is overwritten nor removed, the run stops before it writes anything. Files are
written beside their place and moved there, and only when their text differs. The files of a new project must not be
there at all.

Looking at what is there is most of what a run with little to do does, so its paths are text: ``pathlib`` costs more for
a file than reading it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import stat
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

from mega_codegen.errors import OutputErrors, Problem, Report

MANIFEST = ".mega-codegen.json"
_TEMPORARY = ".mega-codegen-"
_LEFT = re.compile(r"\.mega-codegen-[a-z0-9_]{8}")


@dataclass(frozen=True, slots=True)
class Change:
    """A file that is not what it should be.

    Attributes:
        path: relative to the folder.
        before: its text now; ``None`` when there is no such file.
        after: its text as generated; ``None`` when it is stale.
    """

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What must happen to a folder.

    Attributes:
        folder: the folder.
        changes: files to write and to remove, sorted by path; the manifest is not among them.
        digests: the manifest to write.
        known: the manifest as it is.
        foreign: why the changes must not be made: files that the generator did not write, or that were edited since.
    """

    folder: Path
    changes: tuple[Change, ...]
    digests: Mapping[str, tuple[str, ...]]
    known: Mapping[str, tuple[str, ...]]
    foreign: tuple[Problem, ...] = ()


def compare(folder: Path, files: Mapping[str, str]) -> Plan:
    """Find out what differs between a folder and generated files.

    Args:
        folder: where the files belong; need not exist.
        files: text by path.

    Raises:
        OutputErrors: the folder cannot be compared: a broken manifest, a link, something that cannot be read.
    """
    report, foreign = Report(), Report()
    known = _manifest(folder, report)
    if report.problems:
        raise OutputErrors(report.problems)
    changes: list[Change] = []
    root = str(folder)
    plain: dict[str, bool] = {"": True}
    for path in sorted({*files, *known}):
        if not _inside(path):
            report.error(MANIFEST, "", f"{path!r} leads out of the folder", f"Delete {MANIFEST} and generate again.")
            continue
        try:
            if not _regular(root, path, plain):
                report.error(path, "", "is no regular file, or stands below a symbolic link", "Remove it.")
                continue
            before, after = _text(f"{root}/{path}"), files.get(path)
        except OSError as error:
            report.error(path, "", f"cannot be read: {error.strerror}")
            continue
        if before == after:
            continue
        if before is not None and _digest(before) not in known.get(path, ()):
            foreign.error(path, "", *_foreign(path in known, after is None))
        changes.append(Change(path, before, after))
    if report.problems:
        raise OutputErrors(report.problems)
    digests = {path: (_digest(text),) for path, text in sorted(files.items())}
    return Plan(folder, tuple(changes), digests, known, tuple(foreign.problems))


def apply(plan: Plan) -> None:
    """Make the changes of a plan, and remember them in the manifest.

    The manifest is written first with the digests of both states, so that an interrupted run can be repeated. What a
    killed run left beside its files is removed.

    Raises:
        OutputErrors: a file would be overwritten or removed that the generator did not write.
        OSError: a file cannot be written.
    """
    if plan.foreign:
        raise OutputErrors(plan.foreign)
    _sweep(plan)
    if plan.changes:
        both = {
            path: tuple(dict.fromkeys((*plan.known.get(path, ()), *plan.digests.get(path, ()))))
            for path in sorted({*plan.known, *plan.digests})
        }
        _write_manifest(plan.folder, both)
    for change in plan.changes:
        target = plan.folder / change.path
        if change.after is not None:
            _write(target, change.after)
        elif target.exists():
            target.unlink()
            _remove_empty(target.parent, plan.folder)
    if plan.changes or plan.known != plan.digests:
        _write_manifest(plan.folder, plan.digests)


def create(folder: Path, files: Mapping[str, str]) -> None:
    """Write files where nothing is yet: all of them, or none when one is in the way.

    Args:
        folder: where the files belong; need not exist.
        files: text by path.

    Raises:
        OutputErrors: there is something at the path of a file, or a folder of it is something else.
        OSError: a file cannot be written.
    """
    report = Report()
    for path in files:
        if os.path.lexists(folder / path):
            report.error(path, "", "is there already, and nothing is overwritten", "Move it away.")
        for part in (part for part in PurePosixPath(path).parents if os.path.lexists(folder / part)):
            if not (folder / part).is_dir():
                report.error(part.as_posix(), "", "is not a folder", "Move it away.")
    if report.problems:
        raise OutputErrors(report.problems)
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)


def _sweep(plan: Plan) -> None:
    """Remove the temporary files of a run that was killed."""
    folders = {path.rpartition("/")[0] for path in {*plan.known, *plan.digests, MANIFEST}}
    for left in (left for folder in sorted(folders) for left in (plan.folder / folder).glob(f"{_TEMPORARY}*")):
        if _LEFT.fullmatch(left.name) and left.is_file() and not left.is_symlink():
            left.unlink()


def diff(plan: Plan) -> Iterator[str]:
    """The changes as a unified diff, line by line, each with its line end."""
    import difflib

    for change in plan.changes:
        before, after = change.before or "", change.after or ""
        yield from difflib.unified_diff(
            before.splitlines(keepends=True),
            after.splitlines(keepends=True),
            f"a/{change.path}" if change.before is not None else "/dev/null",
            f"b/{change.path}" if change.after is not None else "/dev/null",
        )


def up_to_date(plan: Plan) -> bool:
    """Whether nothing would change, the manifest included."""
    return not plan.changes and plan.known == plan.digests


def _foreign(known: bool, stale: bool) -> tuple[str, str]:
    if known:
        return "was changed by hand since it was generated", "Undo the change, or delete the file and generate again."
    assert not stale
    return "was not written by mega-codegen", "Move it away, or generate into another folder."


def _manifest(folder: Path, report: Report) -> Mapping[str, tuple[str, ...]]:
    try:
        text = _text(f"{folder}/{MANIFEST}")
    except OSError as error:
        report.error(MANIFEST, "", f"cannot be read: {error.strerror}", "Remove it, and the generated folder with it.")
        return {}
    if text is None:
        return {}
    try:
        files = cast("dict[str, list[str]]", json.loads(text)["files"])
        return {_known(path): tuple(map(_known, digests)) for path, digests in files.items()}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        report.error(MANIFEST, "", "is not a manifest of mega-codegen", "Restore it, or delete the generated folder.")
        return {}


def _known(text: object) -> str:
    """A path or a digest in the manifest, as text that a file system can take."""
    if not isinstance(text, str) or not text.isprintable():
        raise TypeError
    return text


def _write_manifest(folder: Path, digests: Mapping[str, tuple[str, ...]]) -> None:
    content = {"files": {path: list(each) for path, each in digests.items()}}
    _write(folder / MANIFEST, json.dumps(content, indent=2) + "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _text(place: str) -> str | None:
    """The text of a file, whatever its line ends; ``None`` when there is none."""
    try:
        with io.FileIO(place) as file:
            data = file.readall()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")


def _inside(path: str) -> bool:
    parts = path.split("/")
    if len(path) > 1000 or any(len(part.encode()) > 255 for part in parts):
        return False
    return bool(parts[0]) and ".." not in parts and "\\" not in path and path != "."


def _regular(root: str, path: str, plain: dict[str, bool]) -> bool:
    """Whether a path is free or a regular file, below folders that are none of them links.

    Args:
        root: the folder that was given.
        path: relative to it.
        plain: the folders that were looked at, and whether all is well with them; takes those that are looked at now.
    """
    above = path.rpartition("/")[0]
    if not _plain(root, above, plain):
        return False
    mode = _mode(f"{root}/{path}")
    return mode is None or stat.S_ISREG(mode)


def _plain(root: str, path: str, plain: dict[str, bool]) -> bool:
    if path not in plain:
        fine = _plain(root, path.rpartition("/")[0], plain)
        mode = _mode(f"{root}/{path}") if fine else None
        plain[path] = fine and (mode is None or stat.S_ISDIR(mode))
    return plain[path]


def _mode(place: str) -> int | None:
    """What stands at a place, links not followed; ``None`` when there is nothing."""
    try:
        return os.lstat(place).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=_TEMPORARY)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _remove_empty(folder: Path, root: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
