"""Which lint rules hold where: the table ``[tool.mega-codegen.lint]`` of pyproject.toml, and the command line.

The keys are those of ruff, so that nobody has to learn them: ``select``, ``ignore``, ``per-file-ignores``. Pure: a
table in, settings or a typed error out. This file knows rules by their ids only.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from mega_codegen.errors import CodegenError, Report
from mega_codegen.records import Json
from mega_codegen.resolve import escape

TABLE = "/tool/mega-codegen/lint"


class SettingsErrors(CodegenError):  # noqa: N818 - it holds several
    """The settings of the linter cannot be read, or name what does not exist."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Which rules hold where.

    Attributes:
        select: ids of the rules that hold.
        ignore: ids of rules that do not hold.
        per_file: for each glob pattern the ids of rules that do not hold in the files that match.
        prefix: the folder of schemas as seen from pyproject.toml, with a slash at its end; patterns may begin there.
    """

    select: frozenset[str]
    ignore: frozenset[str] = frozenset()
    per_file: tuple[tuple[str, frozenset[str]], ...] = ()
    prefix: str = ""


def holds(settings: Settings, rule: str, file: str) -> bool:
    """Whether a rule holds in a file; a ``*`` of a pattern matches slashes, too."""
    if rule not in settings.select or rule in settings.ignore:
        return False
    return not any(
        rule in rules and (fnmatchcase(file, pattern) or fnmatchcase(settings.prefix + file, pattern))
        for pattern, rules in settings.per_file
    )


def from_table(table: Json, file: str, known: Sequence[str], prefix: str = "") -> Settings:
    """Read the settings.

    Args:
        table: what pyproject.toml has at ``[tool.mega-codegen]``.
        file: path of pyproject.toml, for errors.
        known: ids of all rules.
        prefix: the folder of schemas as seen from pyproject.toml, with a slash at its end.

    Raises:
        SettingsErrors: something in it is not known, or is of the wrong type.
    """
    report = Report()
    settings = Settings(frozenset(known), prefix=prefix)
    tables = dict(_items(table, file, "/tool/mega-codegen", report))
    for key in tables.keys() - {"lint"}:
        report.error(file, f"/tool/mega-codegen/{escape(key)}", "there is no such setting")
    for key, value in _items(tables.get("lint", {}), file, TABLE, report):
        pointer = f"{TABLE}/{escape(key)}"
        if key == "select":
            settings = replace(settings, select=_rules(value, known, file, pointer, report))
        elif key == "ignore":
            settings = replace(settings, ignore=_rules(value, known, file, pointer, report))
        elif key == "per-file-ignores":
            per_file = tuple(
                (pattern, _rules(rules, known, file, f"{pointer}/{escape(pattern)}", report))
                for pattern, rules in _items(value, file, pointer, report)
            )
            settings = replace(settings, per_file=per_file)
        else:
            report.error(file, pointer, "there is no such setting", "Use select, ignore and per-file-ignores.")
    if report.problems:
        raise SettingsErrors(report.problems)
    return settings


def with_options(settings: Settings, select: Sequence[str], ignore: Sequence[str], known: Sequence[str]) -> Settings:
    """The settings as the command line changes them.

    Args:
        settings: those of pyproject.toml.
        select: ids that replace ``select`` and ``ignore``; none when the option was not given.
        ignore: ids that are ignored beside the others.
        known: ids of all rules.

    Raises:
        SettingsErrors: an id is not known.
    """
    report = Report()
    selected = _rules(list(select), known, "", "", report)
    ignored = _rules(list(ignore), known, "", "", report)
    if report.problems:
        raise SettingsErrors(report.problems)
    if select:
        settings = replace(settings, select=selected, ignore=frozenset())
    return replace(settings, ignore=settings.ignore | ignored)


def _items(table: Json, file: str, pointer: str, report: Report) -> Iterator[tuple[str, Json]]:
    if isinstance(table, Mapping):
        yield from table.items()
    else:
        report.error(file, pointer, "must be a table")


def _rules(value: Json, known: Collection[str], file: str, pointer: str, report: Report) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        report.error(file, pointer, "must be a list of rule ids", 'Write ["ML103"].')
        return frozenset()
    for each in value:
        if each not in known:
            near = difflib.get_close_matches(each.upper(), known, 1)
            remedy = f"Did you mean {near[0]}? " if near else ""
            report.error(file, pointer, f"there is no rule {each!r}", f"{remedy}docs/lint.md lists all rules.")
    return frozenset(value)
