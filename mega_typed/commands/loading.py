"""Modules of the user's, and what is in them: ``package.module``, and ``package.module:Name``.

An import runs code of the user's, so whatever it raises is theirs, and is said in one line.
"""

from __future__ import annotations

import sys
from difflib import get_close_matches
from importlib import import_module
from traceback import extract_tb
from types import ModuleType

from mega_typed.commands.command import CommandError

HERE = ""


def imported(name: str) -> ModuleType:
    """A module, from the working directory as well. Raises ``CommandError``."""
    if HERE not in sys.path:
        sys.path.insert(0, HERE)
    try:
        return import_module(name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        where = "; it is looked for here and in PYTHONPATH" if isinstance(error, ModuleNotFoundError) else _line(error)
        raise CommandError(f"cannot import {name}: {type(error).__name__}: {error}{where}") from error


def _line(error: BaseException) -> str:
    """Where it was raised."""
    frames = extract_tb(error.__traceback__)
    return f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""


def named(place: str) -> object:
    """What ``package.module:Name`` names. Raises ``CommandError``."""
    module_name, _, name = place.partition(":")
    if not module_name or not name:
        raise CommandError(f"{place!r} is not of the form package.module:Name")
    found: object = imported(module_name)
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            near = get_close_matches(part, dir(found), 1)
            also = f"; did you mean {near[0]}?" if near else ""
            raise CommandError(f"{module_name} has no {name}{also}") from None
    return found
