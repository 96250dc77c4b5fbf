"""Lay out generated statements so that ``ruff format`` leaves them alone, at a line length of 88 and at any longer one.

What fits into a line stands in one. What does not is opened at its brackets, with the trailing comma that tells a
formatter to keep them open. The rare statement that has no bracket to open keeps its line and says ``fmt: skip``.
This file knows expressions and text; it does not know what they are for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

from mega_codegen.expressions import Call, Constant, Expression, Model, Name, Subscript, Union
from mega_codegen.text import WIDTH, literal

Spell = Callable[[Name | Model], str]
"""How a name is written in one module."""

SKIP = "  # fmt: skip"


def flat(expression: Expression, spell: Spell) -> str:
    """An expression in one line."""
    if isinstance(expression, Name | Model):
        return spell(expression)
    if isinstance(expression, Constant):
        return literal(expression.value)
    if isinstance(expression, Subscript):
        return f"{spell(expression.head)}[{', '.join(flat(argument, spell) for argument in expression.arguments)}]"
    if isinstance(expression, Union):
        return " | ".join(flat(part, spell) for part in expression.parts)
    arguments = (f"{key}={literal(value.value)}" for key, value in expression.keywords)
    return f"{spell(expression.head)}({', '.join(arguments)})"


def annotated(name: str, expression: Expression, spell: Spell, indent: int, default: str = "") -> list[str]:
    """The statement ``name: expression = default``."""
    prefix, suffix = f"{name}: ", f" = {default}" if default else ""
    line = " " * indent + prefix + flat(expression, spell) + suffix
    if len(line) <= WIDTH:
        return [line]
    if not _opens(expression):
        return [line + SKIP]
    return _open(prefix, expression, suffix, spell, indent, bracketed=False)


def _opens(expression: Expression) -> bool:
    """Whether an expression has brackets that can hold a trailing comma."""
    if isinstance(expression, Subscript):
        return len(expression.arguments) > 1 or any(map(_opens, expression.arguments))
    if isinstance(expression, Union):
        return any(map(_opens, expression.parts))
    return isinstance(expression, Call)


def _fit(prefix: str, expression: Expression, suffix: str, spell: Spell, indent: int) -> list[str]:
    line = " " * indent + prefix + flat(expression, spell) + suffix
    if len(line) <= WIDTH or not _opens(expression):
        return [line]
    return _open(prefix, expression, suffix, spell, indent, bracketed=True)


def _open(prefix: str, expression: Expression, suffix: str, spell: Spell, indent: int, *, bracketed: bool) -> list[str]:
    pad = " " * indent
    if isinstance(expression, Subscript):
        head = f"{pad}{prefix}{spell(expression.head)}["
        if len(expression.arguments) == 1:
            inner = _open("", expression.arguments[0], "", spell, indent + 4, bracketed=True)
        else:
            inner = [line for argument in expression.arguments for line in _fit("", argument, ",", spell, indent + 4)]
        return [head, *inner, f"{pad}]{suffix}"]
    if isinstance(expression, Call):
        inner = [f"{pad}    {key}={literal(value.value)}," for key, value in expression.keywords]
        return [f"{pad}{prefix}{spell(expression.head)}(", *inner, f"{pad}){suffix}"]
    assert isinstance(expression, Union)
    if bracketed:
        return _open_union(prefix, expression, suffix, spell, indent)
    return [f"{pad}{prefix}(", *_open_union("", expression, "", spell, indent + 4), f"{pad}){suffix}"]


def _open_union(prefix: str, expression: Union, suffix: str, spell: Spell, indent: int) -> list[str]:
    ends = [*("" for _ in expression.parts[1:]), suffix]
    begins = [prefix, *("| " for _ in expression.parts[1:])]
    parts = list(zip(begins, expression.parts, ends, strict=True))
    written = [_fit(begin, part, end, spell, indent) for begin, part, end in parts]
    if all(len(lines) == 1 for lines in written):
        first = next(index for index, part in enumerate(expression.parts) if _opens(part))
        begin, part, end = parts[first]
        written[first] = _open(begin, part, end, spell, indent, bracketed=True)
    return [line for lines in written for line in lines]


def bracketed(head: str, items: Sequence[str], tail: str, indent: int = 0, *, always: bool = False) -> list[str]:
    """A statement with a list in brackets: ``head``, the items, ``tail``; one item per line when it does not fit."""
    line = " " * indent + head + ", ".join(items) + tail
    if len(line) <= WIDTH and not always:
        return [line]
    pad = " " * indent
    return [pad + head, *(f"{pad}    {item}," for item in items), pad + tail]


def imports(modules: Iterable[tuple[str, Iterable[tuple[str, str]]]], indent: int = 0) -> list[str]:
    """Import statements in the order of isort, in sections: standard library, libraries, own package.

    Args:
        modules: module to the names that are imported from it, each with the name that it is given here.
        indent: how far the statements are indented.
    """
    sections: dict[int, list[tuple[tuple[object, ...], list[str]]]] = {}
    for module, names in modules:
        ordered = sorted(set(names), key=lambda pair: (member_order(pair[0]), pair[1]))
        plain = [name for name, given in ordered if name == given]
        renamed = [(name, given) for name, given in ordered if name != given]
        section = sections.setdefault(_section(module), [])
        order = module_order(module)
        if plain:
            section.append(((order, member_order(plain[0])), bracketed_import(module, plain, indent)))
        for name, given in renamed:
            section.append(((order, member_order(name)), [" " * indent + f"from {module} import {name} as {given}"]))
    blocks = [[line for _, lines in sorted(sections[key], key=_first) for line in lines] for key in sorted(sections)]
    return [line for block in blocks for line in ("", *block)][1:]


def _first(entry: tuple[tuple[object, ...], list[str]]) -> tuple[object, ...]:
    return entry[0]


def bracketed_import(module: str, names: Sequence[str], indent: int = 0) -> list[str]:
    """``from module import a, b``."""
    line = " " * indent + f"from {module} import {', '.join(names)}"
    return [line] if len(line) <= WIDTH else bracketed(f"from {module} import (", names, ")", indent, always=True)


_STANDARD = frozenset({"__future__", "collections.abc", "datetime", "decimal", "typing", "uuid"})


def _section(module: str) -> int:
    if module == "__future__":
        return 0
    if module.startswith("."):
        return 3
    return 1 if module in _STANDARD else 2


@cache
def module_order(module: str) -> tuple[object, ...]:
    """Where isort puts a module within its section."""
    level = len(module) - len(module.lstrip("."))
    return (-level, natural(module.lstrip(".").lower()), natural(module))


@cache
def member_order(name: str) -> tuple[object, ...]:
    """Where isort puts a name among others: constants, then classes, then the rest."""
    constant = len(name) > 1 and name.isupper()
    rank = 0 if constant else 1 if name[:1].isupper() else 2
    return (rank, natural(name.lower()), natural(name))


@cache
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """A key that sorts ``V10`` after ``V2``."""
    parts: list[tuple[int, int, str]] = []
    run = ""
    for character in text:
        if run and character.isdigit() != run[-1].isdigit():
            parts.append(_run(run))
            run = ""
        run += character
    return (*parts, *([_run(run)] if run else []))


def _run(run: str) -> tuple[int, int, str]:
    return (0, int(run), "") if run.isdecimal() else (1, 0, run)
