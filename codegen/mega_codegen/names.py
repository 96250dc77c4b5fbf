"""Give every class, module and field its Python name.

A name depends on the thing itself and on nothing that another file adds: on the identity of an event, on the path and
the pointer of a type, on the spelling of a property. Where two things come out with the same name, the run stops and
the schema says ``x-mega-name``; numbering them would rename the one when the other is added.

This step knows the model. It knows nothing of the model generator and of generated code but the names it must avoid.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from mega_codegen.errors import Report
from mega_codegen.records import MADE_OF, Catalogue, EventModel, Location, Naming, TypeModel
from mega_codegen.resolve import unescape
from mega_codegen.words import avoid, class_name, member_name, module_name

ENVELOPE = frozenset({"timestamp", "subject", "publisher", "object", "extra"})
"""Fields of ``mega_typed.Event``."""

MEMBERS = frozenset(
    {
        # mega_typed
        "from_json", "from_payload", "to_json", "to_payload",
        # pydantic.BaseModel
        "construct", "copy", "dict", "from_orm", "json", "model_computed_fields", "model_config", "model_construct",
        "model_copy", "model_dump", "model_dump_json", "model_extra", "model_fields", "model_fields_set",
        "model_json_schema", "model_parametrized_name", "model_post_init", "model_rebuild", "model_validate",
        "model_validate_json", "model_validate_strings", "parse_file", "parse_obj", "parse_raw", "schema",
        "schema_json", "update_forward_refs", "validate",
        # of their class, where pydantic would find a default
        "mro", "register",
        # the constructor's first argument, and types that annotations in the class body use
        "self", "any_", "bool", "bytes", "float", "frozenset", "int", "list", "str",
    }
)  # fmt: skip
"""Names that a field cannot have."""

IMPORTED = frozenset(
    {
        "Annotated", "Any", "ClassVar", "ConfigDict", "Decimal", "DecimalString", "Event", "EventSubscriber",
        "EventType", "False", "Field", "Literal", "Mapping", "Matcher", "MatcherOf", "Model", "None", "ObjectState",
        "OptionalMatcher", "OptionalMatcherOf", "TYPE_CHECKING", "Timestamp", "True", "TypedDict", "UUID",
    }
)  # fmt: skip
"""Names that generated modules import; neither a class nor a field can have them."""

_PATH_WORDS = {"items": "Item", "additionalProperties": "Value"}
_MODULES = frozenset({"subscribers"})


def name(catalogue: Catalogue, report: Report) -> Naming:
    """Name everything in a catalogue.

    Args:
        catalogue: events and types.
        report: takes names that cannot be given.
    """
    owners = {event.content.key: event for event in catalogue.events}
    roots = {event.content.file: event for event in catalogue.events if not event.content.pointer}
    classes: dict[str, Location] = {}
    for event in catalogue.events:
        classes[event.content.key] = Location(package_of(event), _module(event), _event_class(event, report))
    for model in catalogue.types:
        classes[model.key] = _locate(model, owners, roots, classes, report)
    for model, between in _named_alike(catalogue.types, classes):
        classes[model.key] = _locate(model, owners, roots, classes, report, between)
    for model in _made_alike(catalogue.types, classes):
        parts = [_locate(part, owners, roots, classes, report) for part in reversed([*_parts(model)])]
        classes[model.key] = replace(parts[0], name="And".join(part.name for part in parts))
    models = [*(event.content for event in catalogue.events), *catalogue.types]
    _check_classes(models, classes, {*owners}, report)
    local = _local_names(classes)
    members = {
        model.key: _members(model, model.key in owners, local[classes[model.key].path], report) for model in models
    }
    return Naming(classes, members)


def package_of(event: EventModel) -> str:
    """The package of an event: its domain, or the folder of its file when it has none."""
    return module_name(event.domain or "") or _folder(event.content.file)


def _folder(file: str) -> str:
    return module_name("_".join(file.split("/")[:-1])) or "shared"


def _module(event: EventModel) -> str:
    suffix = f"_v{event.version}" if event.version > 1 else ""
    return avoid((module_name(event.name) or "event") + suffix, _MODULES)


def _event_class(event: EventModel, report: Report) -> str:
    content = event.content
    suffix = f"V{event.version}" if event.version > 1 else ""
    return _class(content, class_name(event.name) + suffix, report)


def _class(model: TypeModel, wanted: str, report: Report) -> str:
    if model.python:
        plain = model.python.isidentifier() and unicodedata.normalize("NFKC", model.python) == model.python
        if plain and not keyword.iskeyword(model.python) and model.python[0].isupper():
            return avoid(model.python, IMPORTED)
        report.error(
            model.file,
            f"{model.pointer}/x-mega-name",
            f"{model.python!r} is not the name of a class",
            "Use letters, digits and underscores, beginning with a capital letter.",
        )
    if not wanted:
        report.error(
            model.file, model.pointer, "no class name can be made of this name", 'Add "x-mega-name": "SomeName".'
        )
    return avoid(wanted, IMPORTED)


def _locate(
    model: TypeModel,
    owners: Mapping[str, EventModel],
    roots: Mapping[str, EventModel],
    classes: Mapping[str, Location],
    report: Report,
    between: str = "",
) -> Location:
    """Where the class of a type goes: into the module of the event that it is part of, or into that of its file."""
    owner, rest = _owner(model, owners)
    words = between.join(_words(rest))
    if owner is not None:
        home = classes[owner.content.key]
        return Location(home.package, home.module, _class(model, home.name + between + words, report))
    stem = model.file.rsplit("/", 1)[-1].split(".json")[0].removesuffix(".schema")
    root = roots.get(model.file)
    if root is not None:
        home = classes[root.content.key]
        return Location(home.package, home.module, _class(model, words, report))
    named = words if rest[:1] in (["$defs"], ["definitions"]) else class_name(stem) + words
    module = avoid(module_name(stem) or "types", _MODULES)
    return Location(_folder(model.file), module, _class(model, named, report))


def _named_alike(models: Sequence[TypeModel], classes: Mapping[str, Location]) -> Iterator[tuple[TypeModel, str]]:
    """Types whose names come out as that of another one in their file, each with what is to stand between the words.

    ``discussion/properties/category`` gives way to ``discussion-category``; one that is made of several nodes, by way
    of ``allOf``, gives way to one that is made of the first of them, and is named after the last.
    """
    first: dict[Location, TypeModel] = {}
    for model in sorted(models, key=lambda each: (each.pointer.count("/"), MADE_OF in each.key, each.key)):
        other = first.setdefault(classes[model.key], model)
        if other is model or model.python:
            continue
        if MADE_OF in model.key:
            *_, last = _parts(model)
            yield last, ""
        elif model.pointer.count("/") > other.pointer.count("/"):
            yield model, "Inner"


def _made_alike(models: Sequence[TypeModel], classes: Mapping[str, Location]) -> Iterator[TypeModel]:
    """Types made of several nodes whose names are still that of one made of a single node: these name all nodes."""
    plain = {classes[model.key] for model in models if MADE_OF not in model.key}
    for model in models:
        if MADE_OF in model.key and not model.python and classes[model.key] in plain:
            yield model


def _parts(model: TypeModel) -> Iterator[TypeModel]:
    """A type as if it were made of each of its nodes alone."""
    for key in model.key.split(MADE_OF):
        file, _, pointer = key.partition("#")
        yield replace(model, file=file, pointer=pointer)


def _owner(model: TypeModel, owners: Mapping[str, EventModel]) -> tuple[EventModel | None, list[str]]:
    """The event in whose schema a type stands, and the tokens of the pointer from there."""
    tokens = [unescape(token) for token in model.pointer.split("/")[1:]]
    cut = 2 if tokens[:1] in (["$defs"], ["definitions"]) else 0
    pointer = "/".join(["", *model.pointer.split("/")[1 : 1 + cut]])
    owner = owners.get(f"{model.file}#{pointer if cut else ''}")
    return owner, tokens[cut:] if owner else tokens


def _words(tokens: Sequence[str]) -> Iterator[str]:
    steps = iter(tokens)
    path: list[str] = []
    for step in steps:
        if step in ("properties", "$defs", "definitions"):
            path.append(next(steps, ""))
        elif step in ("anyOf", "oneOf"):
            path.append(f"Option{int(next(steps, '0')) + 1}")
        elif step in _PATH_WORDS:
            path.append(_PATH_WORDS[step])
        elif step == "allOf":
            next(steps, "")  # its index
        else:
            path.append(step)
    if path[:2] == ["event", "attributes"]:
        path = path[2:]
    elif path[:1] == ["object"]:
        path = path[1:]
    return map(class_name, path)


def _check_classes(
    models: Sequence[TypeModel], classes: Mapping[str, Location], events: set[str], report: Report
) -> None:
    """All names within a module must differ, and an event's must differ from all others of its package.

    Types of different modules may have the same name: hundreds of files define a ``Status`` each. The face of the
    package then offers none of them.
    """
    taken: dict[tuple[str, ...], TypeModel] = {}
    own = {
        (classes[model.key].package, name): model
        for model in reversed(models)
        if model.key in events
        for name in _derived(classes[model.key].name, event=True)
    }
    alike: dict[tuple[str, str], list[TypeModel]] = {}
    for model in models:
        location = classes[model.key]
        for each in _derived(location.name, event=model.key in events):
            first = taken.setdefault((*location.path, each), model)
            first = own.get((location.package, each), first)
            if first is not model:
                report.error(
                    model.file,
                    model.pointer,
                    f"the name {each} in package {location.package} is also that of {first.key}",
                    'Add "x-mega-name": "SomeOtherName" to one of the two.',
                )
                break
        else:
            alike.setdefault((location.package, location.name), []).append(model)
    for (package, each), several in alike.items():
        if len(several) > 1:
            modules = sorted(classes[model.key].module for model in several)
            message = f"{len(several)} types of package {package} are named {each}; the package itself offers none"
            remedy = f'Import it from a module ({package}.{modules[0]}), or add "x-mega-name": "SomeOtherName".'
            report.warn(several[0].file, several[0].pointer, message, remedy)


def _derived(name: str, *, event: bool) -> list[str]:
    return [f"{name}{suffix}" for suffix in ("", "Pattern", *(("Attributes", "Subscriber") if event else ()))]


def _local_names(classes: Mapping[str, Location]) -> Mapping[tuple[str, str], frozenset[str]]:
    names: dict[tuple[str, str], set[str]] = {}
    for location in classes.values():
        names.setdefault(location.path, set()).add(location.name)
    return {path: frozenset(found) for path, found in names.items()}


def _members(model: TypeModel, event: bool, local: frozenset[str], report: Report) -> Mapping[str, str]:
    taken = MEMBERS | IMPORTED | local | (ENVELOPE if event else frozenset())
    names: dict[str, str] = {}
    for member in model.members:
        wanted = member.python or member_name(member.wire, taken)
        if not wanted or (member.python and (wanted != member_name(wanted, taken))):
            report.error(
                member.file,
                member.pointer,
                f"no Python name can be made of {member.python or member.wire!r}",
                'Add "x-mega-name": "some_name".',
            )
            continue
        names[member.wire] = wanted
    for wire, other in _clashes(names):
        at = next(member for member in model.members if member.wire == wire)
        report.error(
            at.file,
            at.pointer,
            f"{wire!r} and {other!r} have the same Python name {names[wire]}",
            'Add "x-mega-name": "some_other_name" to one of the two.',
        )
    return names


def _clashes(names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for wire, python in names.items():
        first = seen.setdefault(python, wire)
        if first != wire:
            yield wire, first


assert not set(chain(MEMBERS, IMPORTED)) & ENVELOPE
