"""The value that a path leads to, in documents and in models: what there is, and ``None`` for what there is not.

This file knows dictionaries, mappings and pydantic models, and nothing of patterns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias, cast

from pydantic import BaseModel

__all__ = ["MODELS", "Path", "fields_of", "fields_reader", "reader", "value_at"]

Path: TypeAlias = tuple[object, ...]


def value_at(root: Any, path: Path) -> Any:
    """What a path leads to; ``None`` where there is nothing."""
    for key in path:
        root = _field(root, key)
    return root


def reader(path: Path) -> Callable[[Any], Any]:
    """``value_at`` for one path."""
    if len(path) == 1:
        return _shallow_reader(*path)
    return _deep_reader(path, MODELS) if path else lambda root: root


def _shallow_reader(key: object) -> Callable[[Any], Any]:
    def read(root: Any) -> Any:
        return root.get(key) if type(root) is dict else _field(root, key)

    return read


def _deep_reader(path: Path, models: set[type]) -> Callable[[Any], Any]:
    def read(root: Any) -> Any:
        for key in path:
            kind = type(root)
            if kind is dict:
                root = root.get(key)
            elif kind in models:
                root = root.__dict__.get(key)
            else:
                root = _field(root, key)
        return root

    return read


def fields_reader(path: Path) -> Callable[[Any], Mapping[object, Any]]:
    """The fields of what a path leads to."""
    models = MODELS
    if not path:
        return _own_fields

    def read(root: Any) -> Mapping[object, Any]:
        for key in path:
            value: Any = root.get(key) if type(root) is dict else _field(root, key)
            kind = type(value)
            root = value if kind is dict else value.__dict__ if kind in models else fields_of(value)
        return cast("Mapping[object, Any]", root)

    return read


def _own_fields(root: Any) -> Mapping[object, Any]:
    return root if type(root) is dict else fields_of(root)


def _field(value: Any, key: object) -> Any:
    if type(value) is dict:
        return value.get(key)
    return fields_of(value).get(key)


def fields_of(value: Any) -> Mapping[object, Any]:
    """The fields of an object; none for what has no fields."""
    if type(value) in MODELS:
        return cast("Mapping[object, Any]", value.__dict__)
    if value is None or type(value) is str:
        return _NO_FIELDS
    if isinstance(value, BaseModel):
        if len(MODELS) >= _MAX_MODELS:
            MODELS.clear()
        MODELS.add(type(value))
        return cast("Mapping[object, Any]", value.__dict__)
    return cast("Mapping[object, Any]", value) if isinstance(value, Mapping) else _NO_FIELDS


_NO_FIELDS: Final[Mapping[object, Any]] = {}
MODELS: Final[set[type]] = set()
"""Classes that are known to be models: asking pydantic costs more than all the rest."""
_MAX_MODELS: Final = 4096
