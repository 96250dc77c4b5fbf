"""The records that the steps of the generator hand on: documents, places in them, and the model of events and types.

They are inert: no step is a method here. A schema node that has been understood is a ``Shape``: plain JSON Schema in a
small normal form, in which every reference is the key of a ``TypeModel``. This file knows no step and no library.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Json: TypeAlias = Any
"""A JSON value. Objects are ``dict`` with ``str`` keys, arrays are ``list``."""


@dataclass(frozen=True, slots=True)
class Document:
    """A schema file.

    Attributes:
        path: POSIX path relative to the folder that was read.
        tree: its content.
    """

    path: str
    tree: Json


@dataclass(frozen=True, slots=True)
class Place:
    """A node of a document.

    Attributes:
        file: path of the document.
        pointer: JSON pointer to the node.
        node: the node.
        base: the URI that references in the node are relative to (``$id``).
        draft: ``"2020-12"``, ``"2019-09"`` or ``"draft-07"`` (``drafts``).
    """

    file: str
    pointer: str
    node: Json
    base: str
    draft: str

    @property
    def key(self) -> str:
        """The place as text; it identifies the node."""
        return f"{self.file}#{self.pointer}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a value may be.

    Attributes:
        schema: JSON Schema in normal form, without null. ``{}`` is anything, ``{"$ref": key}`` a ``TypeModel``.
        nullable: whether null is admitted as well.
        exact: whether the schema admits nothing less; otherwise this is the nearest that types can say.
    """

    schema: Mapping[str, Json]
    nullable: bool = False
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Member:
    """A property of an object.

    Attributes:
        wire: its name in the schema.
        shape: what it may be.
        required: whether it must be present.
        description: the schema's description; may be empty.
        file: where it stands.
        pointer: where it stands.
        python: the name that the schema asks for with ``x-mega-name``; mostly empty.
        sensitive: whether its values must not be shown (``x-mega-sensitive``).
    """

    wire: str
    shape: Shape
    required: bool
    description: str
    file: str
    pointer: str
    python: str = ""
    sensitive: bool = False


MADE_OF = " & "
"""Stands between the keys of the nodes that a type is made of."""


@dataclass(frozen=True, slots=True)
class TypeModel:
    """An object type: a class in the end.

    Attributes:
        key: identifies it, ``file#pointer``.
        file: where it stands.
        pointer: where it stands.
        description: the schema's description; may be empty.
        members: its properties in the order of the schema.
        closed: whether properties that are not listed are forbidden.
        python: the class name that the schema asks for with ``x-mega-name``; mostly empty.
        exact: whether the members, taken as they are, say all that the schema says of the object.
    """

    key: str
    file: str
    pointer: str
    description: str
    members: tuple[Member, ...]
    closed: bool
    python: str = ""
    exact: bool = True


@dataclass(frozen=True, slots=True)
class ObjectModel:
    """The ``object`` section of an event.

    Attributes:
        current: what ``current`` may be; ``{}`` when the schema does not say.
        previous: likewise.
        required: whether the section must be present.
        type: what ``object.type`` is fixed to.
        version: what ``object.version`` is fixed to.
        exact: whether this is all that the schema says of the section.
    """

    current: Shape
    previous: Shape
    required: bool
    type: str | None
    version: int | None
    exact: bool = True

    @property
    def states(self) -> tuple[Shape, Shape]:
        """Of ``current`` and ``previous``."""
        return self.current, self.previous


@dataclass(frozen=True, slots=True)
class EventModel:
    """An event definition.

    Attributes:
        content: the event's attributes, as if they were an object type of their own.
        domain: identity; ``None`` when the event has no domain.
        name: identity.
        version: identity.
        object: the entity that it is about; ``None`` when the schema does not mention ``object``.
        spread: whether keys of ``event`` that the protocol does not list are attributes; the schema may say otherwise.
        version_required: whether a payload must say that its version is 1; from 2 on it must in any case.
        check: the schema of the whole payload, when types do not say all of it; ``None`` when they do.
        group: where the group id of a message comes from (``x-mega-group``), a path in the payload; mostly ``None``.
        sensitive: parts of the envelope whose values must not be shown: ``subject``, ``object``, ``object.id``, ...
    """

    content: TypeModel
    domain: str | None
    name: str
    version: int
    object: ObjectModel | None
    spread: bool = True
    version_required: bool = False
    check: Mapping[str, Json] | None = None
    group: str | None = None
    sensitive: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The identity in words: ``shopping_cart item.added, version 1``."""
        return (
            f"{self.domain} {self.name}, version {self.version}"
            if self.domain
            else f"{self.name}, version {self.version}"
        )


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything that a folder of schemas defines: events, and the types that they use or that the files offer.

    Attributes:
        events: sorted by identity.
        types: sorted by key.
        bounded: whether what a document says follows from the documents that it reaches, whatever else was read.
    """

    events: tuple[EventModel, ...]
    types: tuple[TypeModel, ...]
    bounded: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """A run without errors: what it read and what came of it, as plain JSON.

    Attributes:
        sources: text of the schema files by path.
        warnings: file, pointer, message, remedy of each.
        files: text of the generated files by path.
        uses: file to the files that it refers to.
        answers: where a reference leads, by the folder that it stands in, its base URI and its address.
        bounded: whether what a document says follows from the documents that it reaches, whatever else was read.
        known: what the library wrote, by form of a field, encoded.
    """

    sources: Mapping[str, str]
    warnings: tuple[tuple[str, str, str, str], ...]
    files: Mapping[str, str]
    uses: Mapping[str, list[str]]
    answers: Mapping[str, str]
    bounded: bool
    known: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Location:
    """Where a class goes: package, module, name; ``shopping_cart``, ``item_added``, ``ItemAdded``."""

    package: str
    module: str
    name: str

    @property
    def path(self) -> tuple[str, str]:
        """Package and module."""
        return self.package, self.module


@dataclass(frozen=True, slots=True)
class Naming:
    """The Python names of a catalogue.

    Attributes:
        classes: key of an event or a type to the location of its class.
        members: key of an event or a type to the Python names of its members, by wire name.
    """

    classes: Mapping[str, Location]
    members: Mapping[str, Mapping[str, str]]
