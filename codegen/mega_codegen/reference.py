r"""The second opinion: ``jsonschema``, where it can be taken at its word.

``jsonschema`` reads patterns with Python's ``re``, where ``\d`` matches digits of every script, ``$`` matches before a
line end and ``\p{L}`` is an error, and divides floats; so patterns and multiples are judged here, and the formats that
become types are asserted. All else is ``jsonschema``'s own. This file knows JSON Schema and nothing of events.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from typing import Any

from mega_codegen.errors import MissingDependency
from mega_codegen.keywords import FORMATS, has_form
from mega_codegen.records import Json

Objections = Callable[[Json], list[str]]


class Undecided(Exception):  # noqa: N818 - named for what it reports
    """``jsonschema`` cannot read a pattern where it stands."""


def reference(schema: Json) -> Objections:
    """What ``jsonschema`` objects to in a document, each with its path; nothing when it accepts it.

    Args:
        schema: one document of draft 2020-12 that needs no other.

    Raises:
        MissingDependency: ``jsonschema`` is not installed.
    """
    try:
        from jsonschema import Draft202012Validator, FormatChecker, validators
    except ImportError as error:
        raise MissingDependency("jsonschema") from error
    formats = FormatChecker(formats=())
    for each in FORMATS:
        formats.checks(each)(_has_form(each))
    kinds: Mapping[str, Any] = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "multipleOf": _multiple_of,
    }
    extend: Callable[..., Any] = validators.extend
    validator = extend(Draft202012Validator, kinds)(schema, format_checker=formats)

    def objections(document: Json) -> list[str]:
        try:
            return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
        except re.error as error:
            raise Undecided(str(error)) from error

    return objections


def _has_form(name: str) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or has_form(name, value)


@cache
def _matcher(pattern: str) -> Callable[[str], bool]:
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator({"pattern": pattern}).is_valid


def _pattern(validator: Any, pattern: str, instance: Json, schema: Json) -> Iterator[Any]:
    if isinstance(instance, str) and not _matcher(pattern)(instance):
        yield _error(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, patterns: Mapping[str, Json], instance: Json, schema: Json) -> Iterator[Any]:
    if isinstance(instance, dict):
        for pattern, below in patterns.items():
            for name, value in instance.items():
                if _matcher(pattern)(name):
                    yield from validator.descend(value, below, path=name, schema_path=pattern)


def _additional_properties(validator: Any, below: Json, instance: Json, schema: Mapping[str, Json]) -> Iterator[Any]:
    if isinstance(instance, dict):
        listed, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
        for name, value in instance.items():
            if name not in listed and not any(_matcher(pattern)(name) for pattern in patterns):
                yield from validator.descend(value, below, path=name)


def _multiple_of(validator: Any, step: float, instance: Json, schema: Json) -> Iterator[Any]:
    is_number = isinstance(instance, int | float) and not isinstance(instance, bool)
    if is_number and Fraction(repr(instance)) % Fraction(repr(step)):
        yield _error(f"{instance!r} is not a multiple of {step!r}")


def _error(message: str) -> Any:
    from jsonschema import ValidationError

    return ValidationError(message)
