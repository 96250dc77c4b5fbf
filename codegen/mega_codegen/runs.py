"""Generate from all schema files, or from the few that a change reaches, when the rest of the last run still holds.

A changed file is tried in a small world: it, and the files that it reaches, generated once as they were and once as
they are. What the small world writes anew is put into the files of the last run. That is right when the small world is
a faithful piece of the large one, and every condition of it is looked at here:

- No other file refers to a changed one, none came or went, and no changed file changes what it is called (``$id``,
  anchors): so the others say what they said, and refer to what they referred to.
- The small world looked nothing up in vain, and nothing that the large one had not found at the same place.
- No limit on the size of types was near in either (``Catalogue.bounded``): then a shape follows from what it reaches.
- As it was, the small world writes each module exactly as the last run wrote it: no other file is part of one of them.
- The packages export the same classes from the same modules, and the registry lists the same events: so whatever must
  differ in names and identities does, as before.
- It warns of the same in both, and of the same in the changed files as the last run did.

Where one of them fails, and wherever anything is wrong with a schema, everything is generated, as if nothing was known.
This step is pure; it knows no cache.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mega_codegen.drafts import LATEST
from mega_codegen.errors import CodegenError, Report
from mega_codegen.expressions import Expression, decode, encode
from mega_codegen.generation import files_of, silent, understand
from mega_codegen.load import parse_all
from mega_codegen.records import Document, Json, Run
from mega_codegen.resolve import ROOT

_CALLED = frozenset({"$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef"})


@dataclass(frozen=True, slots=True)
class _Made:
    """What was generated, and what it depends on, as ``Library`` and ``Catalogue`` say it."""

    files: Mapping[str, str]
    answers: Mapping[tuple[str, str, str], str]
    asked_in_vain: bool
    bounded: bool


_MOST = 20
"""How many changed files are tried in a small world."""


def run(
    sources: Mapping[str, bytes],
    protocol: Document,
    report: Report,
    last: Run | None,
    begin: Callable[[str], None],
    draft: str = LATEST,
) -> Run:
    """Generate the package.

    Args:
        sources: content of the schema files by path.
        protocol: the protocol schema that ships with the generator.
        report: takes warnings, and holds what reading has found already.
        last: an earlier run, if there was one.
        begin: told of each step, before it begins.
        draft: the draft of files that declare none; that of the earlier run as well.

    Raises:
        CodegenError: as ``generate`` does.
    """
    if last is not None and not report.problems and (found := after_change(last, sources, protocol, draft)):
        for warning in found.warnings:
            report.warn(*warning)
        return found
    begin("parsing the schemas")
    known = _known(last)
    documents = parse_all(sources, report)
    made = _make(documents, protocol, report, known, draft, begin)
    return Run(
        sources={path: data.decode() for path, data in sources.items()},
        warnings=_warnings(report),
        files=made.files,
        uses=_uses(made),
        answers=dict(_answers(made)),
        bounded=made.bounded,
        known={identity: encode(expression) for identity, expression in known.items()},
    )


def after_change(last: Run, sources: Mapping[str, bytes], protocol: Document, draft: str = LATEST) -> Run | None:
    """The run for changed schemas, from an earlier one.

    Args:
        last: the earlier run.
        sources: content of the schema files by path.
        protocol: the protocol schema that ships with the generator.
        draft: the draft of files that declare none.

    Returns:
        What generating from all of the files would come to; ``None`` when that cannot be told without doing it.
    """
    if not last.bounded or last.sources.keys() != sources.keys():
        return None
    changed = {path for path, data in sources.items() if last.sources[path].encode() != data}
    if len(changed) > _MOST or any(changed & {*used} for path, used in last.uses.items() if path not in changed):
        return None
    report = Report()
    old = parse_all({path: last.sources[path].encode() for path in sorted(changed)}, report)
    new = parse_all({path: sources[path] for path in sorted(changed)}, report)
    if report.problems or not all(map(_called_alike, old, new)):
        return None
    reached = _reached(last, (*old, *new))
    if reached is None:
        return None
    rest = parse_all({path: sources[path] for path in reached - changed}, report)
    known = _known(last)
    reports = Report(), Report()
    try:
        before, after = (
            _make(sorted((*rest, *each), key=lambda document: document.path), protocol, noted, known, draft)
            for each, noted in zip((old, new), reports, strict=True)
        )
    except CodegenError:
        return None
    was, now = map(_warnings, reports)
    if not (_holds(last, before) and _holds(last, after) and _fits(last.files, before.files, after.files)):
        return None
    if was != now or [each for each in was if each[0] in changed] != [w for w in last.warnings if w[0] in changed]:
        return None
    uses = {path: used for path, used in last.uses.items() if path not in changed}
    files = {path: text for path, text in last.files.items() if path not in before.files or _is_face(path)}
    return Run(
        sources={**last.sources, **{path: sources[path].decode() for path in changed}},
        warnings=last.warnings,
        files=dict(sorted({**after.files, **files}.items())),
        uses={**uses, **{path: used for path, used in _uses(after).items() if path in changed}},
        answers=last.answers,
        bounded=True,
        known={identity: encode(expression) for identity, expression in known.items()},
    )


def _make(
    documents: Sequence[Document],
    protocol: Document,
    report: Report,
    known: dict[str, Expression],
    draft: str,
    begin: Callable[[str], None] = silent,
) -> _Made:
    found = understand(documents, protocol, report, draft, begin)
    files = files_of(found, known, begin)
    return _Made(files, found.library.answers, found.library.asked_in_vain, found.catalogue.bounded)


def _known(last: Run | None) -> dict[str, Expression]:
    return {identity: decode(tree) for identity, tree in last.known.items()} if last is not None else {}


def _called_alike(old: Document, new: Document) -> bool:
    """Whether two states of a document have one ``$id`` at the root, or none, and no other name."""
    roots = [tuple(document.tree.get(keyword) for keyword in ("$schema", "$id")) for document in (old, new)]
    both = "$ref" in old.tree, "$ref" in new.tree
    deeper = (document.tree | {"$id": None} for document in (old, new))
    called = {key for tree in deeper for key, value in _keys(tree) if key in _CALLED and value is not None}
    return roots[0] == roots[1] and both[0] == both[1] and not called and not str(roots[0][1]).startswith("#")


def _reached(last: Run, documents: Iterable[Document]) -> set[str] | None:
    """The files that the documents reach; ``None`` when a reference is one that no file of the folder had."""
    reached: set[str] = set()
    waiting: list[str] = []
    for document in documents:
        reached.add(document.path)
        identifier = document.tree.get("$id")
        for key, value in _keys(document.tree):
            address = value.partition("#")[0] if key == "$ref" and isinstance(value, str) else ""
            if address:
                base = ROOT + document.path if identifier is None else None
                found = last.answers.get(_question(document.path, base or f"{identifier}", address))
                if found is None:
                    return None
                waiting.append(found)
    while waiting:
        path = waiting.pop()
        if path not in reached and path in last.sources:
            reached.add(path)
            waiting += last.uses.get(path, ())
    return reached


def _keys(tree: Json) -> Iterator[tuple[str, Json]]:
    stack: list[Json] = [tree]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            yield from node.items()
            stack += node.values()
        elif isinstance(node, list):
            stack += node


def _question(file: str, base: str, address: str) -> str:
    """A reference as text; files of one folder that have no ``$id`` ask alike."""
    plain = base == ROOT + file and "?" not in address
    return json.dumps([posixpath.dirname(file), "", address] if plain else [file, base, address])


def _answers(made: _Made) -> Iterator[tuple[str, str]]:
    return ((_question(*asked), found) for asked, found in made.answers.items())


def _uses(made: _Made) -> dict[str, list[str]]:
    uses: dict[str, set[str]] = {}
    for (file, _, _), found in made.answers.items():
        uses.setdefault(file, set()).add(found)
    return {file: sorted(found) for file, found in sorted(uses.items())}


def _warnings(report: Report) -> tuple[tuple[str, str, str, str], ...]:
    return tuple(sorted({(each.file, each.pointer, each.message, each.remedy) for each in report.problems}))


def _holds(last: Run, made: _Made) -> bool:
    """Whether a small world was bounded, and looked up nothing but what the large one found at the same place."""
    same = all(last.answers.get(asked) == found for asked, found in _answers(made))
    return made.bounded and not made.asked_in_vain and same


def _is_face(path: str) -> bool:
    return path.endswith("__init__.py")


def _fits(large: Mapping[str, str], before: Mapping[str, str], after: Mapping[str, str]) -> bool:
    """Whether what a small world wrote can stand in the large one."""
    faces = [{path: text for path, text in files.items() if _is_face(path)} for files in (before, after)]
    modules = all(large.get(path) == text for path, text in before.items() if not _is_face(path))
    return faces[0] == faces[1] and faces[0].keys() <= large.keys() and modules and not (
        (after.keys() - before.keys()) & large.keys()
    )  # fmt: skip
