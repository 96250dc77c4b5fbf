"""What is allowed in schemas and still worth a second look: ``mega-codegen lint``.

A rule is an id, a name and a function from what was understood of the schemas to findings; the table at the end lists
all of them, and docs/lint.md explains each, with examples that are executed. Pure: this file knows documents, the model
and its Python names, and nothing of files and settings on disk.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mega_codegen.errors import Problem
from mega_codegen.keywords import DATA, FORMATS, is_annotation
from mega_codegen.model import PROTOCOL
from mega_codegen.records import Catalogue, EventModel, Json, Member, Naming, Place, TypeModel
from mega_codegen.resolve import Library, Unresolved, child, unescape
from mega_codegen.settings import Settings, holds
from mega_codegen.words import module_name

_WORD = r"[a-z][a-z0-9]*(_[a-z0-9]+)*"
_SNAKE = re.compile(_WORD)
_DOTTED = re.compile(rf"{_WORD}(\.{_WORD})*")
_DEFINITION = re.compile(r"/(\$defs|definitions)/[^/]*")
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
"""Keywords whose value is an object of schemas, by names of the author's choice."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What was understood of the schemas.

    Attributes:
        library: the documents.
        catalogue: events and types.
        naming: their Python names.
        warnings: what generation warns about.
    """

    library: Library
    catalogue: Catalogue
    naming: Naming
    warnings: Sequence[Problem] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule.

    Attributes:
        id: never changes, and is never given to another rule.
        name: says what the rule asks for.
        check: finds where it is not followed.
    """

    id: str
    name: str
    check: Callable[[Subject], Iterator[Problem]]


def lint(subject: Subject, settings: Settings) -> list[Problem]:
    """Everything that the rules find, each problem with its rule.

    Args:
        subject: what was understood of the schemas.
        settings: which rules hold where.
    """
    return sorted(
        {
            replace(problem, rule=f"{rule.id} {rule.name}")
            for rule in RULES
            if rule.id in settings.select
            for problem in rule.check(subject)
            if holds(settings, rule.id, problem.file)
        }
    )


def _finding(place: Place | Member | TypeModel, message: str, remedy: str) -> Problem:
    return Problem(place.file, place.pointer, message, remedy, warning=True)


# --- names ------------------------------------------------------------------------------------------------------------


def _event_name(subject: Subject) -> Iterator[Problem]:
    for event in subject.catalogue.events:
        if ":" not in event.name and not _DOTTED.fullmatch(event.name):
            message = f"{event.name!r} is not in lower-case words, joined by underscores, in parts joined by dots"
            yield _finding(_identity(subject, event, "name"), message, 'Name what happened: "item.added".')


def _colon(subject: Subject) -> Iterator[Problem]:
    for event in subject.catalogue.events:
        for part, value in (("name", event.name), ("domain", event.domain or "")):
            if ":" in value:
                dotted = value.replace(":", ".")
                message = f"the {part} {value!r} has a ':'"
                yield _finding(_identity(subject, event, part), message, f'Say "{dotted}" in the next version.')


def _domain_name(subject: Subject) -> Iterator[Problem]:
    for event in subject.catalogue.events:
        if event.domain and ":" not in event.domain and not _SNAKE.fullmatch(event.domain):
            message = f"{event.domain!r} is not in lower-case words joined by underscores"
            yield _finding(_identity(subject, event, "domain"), message, 'Write "shopping_cart".')


def _attribute_name(subject: Subject) -> Iterator[Problem]:
    for _, member in _members(subject):
        if not _SNAKE.fullmatch(member.wire):
            snake = module_name(member.wire).rstrip("_")
            remedy = f'Call it "{snake}".' if _SNAKE.fullmatch(snake) else "Rename it."
            yield _finding(member, f"{member.wire!r} is not in lower-case words joined by underscores", remedy)


def _shadowing(subject: Subject) -> Iterator[Problem]:
    for model, member in _members(subject):
        python = subject.naming.members[model.key][member.wire]
        if python != member.wire and not member.python and _SNAKE.fullmatch(member.wire):
            message = f"{member.wire!r} is taken in Python; the field is called {python!r}"
            yield _finding(member, message, f'Rename it, or agree with "x-mega-name": "{python}".')


def _file_name(subject: Subject) -> Iterator[Problem]:
    for event in subject.catalogue.events:
        content = event.content
        if content.pointer:
            continue
        stem = content.file.rsplit("/", 1)[-1].removesuffix(".json").removesuffix(".schema")
        names = [event.name, event.name.removeprefix(f"{event.domain}.")]
        fitting = {module_name(f"{name}.v{event.version}") for name in names}
        fitting |= {module_name(name) for name in names if event.version == 1}
        if module_name(stem) not in fitting:
            wanted = f"{module_name(names[-1])}.v{event.version}.schema.json"
            yield _finding(content, f"the file is not called as its event {event.title}", f"Call it {wanted}.")


# --- texts ------------------------------------------------------------------------------------------------------------


def _event_description(subject: Subject) -> Iterator[Problem]:
    for event in subject.catalogue.events:
        if not event.content.description.strip():
            yield _finding(event.content, "the event has no description", "Say what happened, in one sentence.")


def _type_description(subject: Subject) -> Iterator[Problem]:
    attributes = {(member.file, member.pointer) for _, member in _members(subject)}
    for model in subject.catalogue.types:
        if not model.description.strip() and (model.file, model.pointer) not in attributes:
            yield _finding(model, "the type has no description", "Say what it stands for.")


def _attribute_description(subject: Subject) -> Iterator[Problem]:
    for _, member in _members(subject):
        if not member.description.strip() and not _described(subject.library, _at(subject, member)):
            message = f"{member.wire!r} has no description, and neither has its type"
            yield _finding(member, message, "Say what it means, and in which unit it is.")


def _title(subject: Subject) -> Iterator[Problem]:
    for root in _roots(subject):
        if not str(root.node.get("title", "")).strip():
            yield _finding(root, "the file has no title", 'Add "title".')


def _event_example(subject: Subject) -> Iterator[Problem]:
    for event in subject.catalogue.events:
        if not _at(subject, event.content).node.get("examples"):
            yield _finding(event.content, "the event has no example", 'Add a whole payload to "examples".')


# --- evolution --------------------------------------------------------------------------------------------------------


def _version_gap(subject: Subject) -> Iterator[Problem]:
    versions: dict[tuple[str | None, str], dict[int, EventModel]] = defaultdict(dict)
    for event in subject.catalogue.events:
        versions[event.domain, event.name][event.version] = event
    for known in versions.values():
        for version, event in known.items():
            if version - 1 not in known and version > min(known):
                message = f"there is a version {version} and no version {version - 1}, although older ones are kept"
                yield _finding(_identity(subject, event, "version"), message, "Number versions without gaps.")


def _unused_type(subject: Subject) -> Iterator[Problem]:
    definitions = {place.key: place for root in _roots(subject) for place in _definitions(root)}
    events = [event.content.key for event in subject.catalogue.events]
    used, open_ = set(events), list(events)
    while open_:
        for target in _references(subject.library, definitions[open_.pop()]):
            owner = _owner(target)
            if owner in definitions and owner not in used:
                used.add(owner)
                open_.append(owner)
    for key, place in definitions.items():
        if key not in used and (place.pointer or any(not is_annotation(keyword) for keyword in place.node)):
            yield _finding(place, "no event uses this type", "Remove it.")


def _dialect(subject: Subject) -> Iterator[Problem]:
    for root in _roots(subject):
        if "$schema" not in root.node:
            remedy = 'Add "$schema": "https://json-schema.org/draft/2020-12/schema".'
            yield _finding(root, "the file does not say in which draft of JSON Schema it is written", remedy)


# --- types ------------------------------------------------------------------------------------------------------------


def _typed(subject: Subject) -> Iterator[Problem]:
    for model in _models(subject):
        for member in model.members:
            if not member.file:
                message = f"{member.wire!r} is required and not described"
                yield _finding(model, message, 'Add it to "properties".')
            elif _is_open(member.shape.schema):
                what = "an array of anything" if member.shape.schema else "anything"
                yield _finding(member, f"{member.wire!r} may be {what}", 'Add "type", and "items" to an array.')


def _is_open(schema: Mapping[str, Json]) -> bool:
    while schema.get("type") == "array":
        schema = schema.get("items", {})
    return not schema


def _format(subject: Subject) -> Iterator[Problem]:
    for root in _roots(subject):
        for place in _schemas(root):
            name = place.node.get("format")
            if isinstance(name, str) and name not in FORMATS:
                remedy = f"Use pattern, or one of {', '.join(sorted(FORMATS))}."
                yield _finding(child(place, "format"), f"the format {name!r} is not enforced", remedy)


def _nullable(subject: Subject) -> Iterator[Problem]:
    for _, member in _members(subject):
        both = member.shape.schema and member.shape.nullable and not member.required
        if both and not re.search(r"\bnull\b", member.description):
            message = f"{member.wire!r} may be absent and may be null; a reader cannot know what the difference is"
            remedy = "Require it, or forbid null, or say in its description what null means."
            yield _finding(member, message, remedy)


def _warning(subject: Subject) -> Iterator[Problem]:
    known = {(problem.file, problem.pointer) for problem in _colon(subject)}
    yield from (problem for problem in subject.warnings if (problem.file, problem.pointer) not in known)


# --- looking around ---------------------------------------------------------------------------------------------------


def _models(subject: Subject) -> Iterator[TypeModel]:
    protocol = subject.library.resource(PROTOCOL).file
    yield from (event.content for event in subject.catalogue.events)
    yield from (model for model in subject.catalogue.types if model.file != protocol)


def _members(subject: Subject) -> Iterator[tuple[TypeModel, Member]]:
    """Properties of events and types, without those that are nothing but required."""
    for model in _models(subject):
        yield from ((model, member) for member in model.members if member.file)


def _roots(subject: Subject) -> Iterator[Place]:
    """The files, without the protocol."""
    protocol = subject.library.resource(PROTOCOL).file
    yield from (subject.library.root(path) for path in subject.library.paths() if path != protocol)


def _at(subject: Subject, model: TypeModel | Member) -> Place:
    place = subject.library.root(model.file)
    for token in model.pointer.split("/")[1:]:
        place = child(place, int(token) if isinstance(place.node, list) else unescape(token))
    return place


def _identity(subject: Subject, event: EventModel, part: str) -> Place:
    """Where an event says its name, domain or version: the event itself, when it says it by way of a reference."""
    place = _at(subject, event.content)
    try:
        return child(place, "properties", "event", "properties", part)
    except (KeyError, TypeError):
        return place


def _definitions(root: Place) -> Iterator[Place]:
    """What other schemas refer to: the file, and its definitions."""
    yield root
    for keyword in ("$defs", "definitions"):
        yield from (child(root, keyword, name) for name in root.node.get(keyword, {}))


def _owner(place: Place) -> str:
    """The key of the definition that a place is part of."""
    definition = _DEFINITION.match(place.pointer)
    return f"{place.file}#{definition[0] if definition else ''}"


def _references(library: Library, definition: Place) -> Iterator[Place]:
    """What a definition refers to, without what the definitions below it refer to."""
    for place in _schemas(definition):
        reference = place.node.get("$ref")
        if isinstance(reference, str) and _owner(place) == definition.key:
            try:
                yield library.follow(place, reference)
            except Unresolved:  # nothing but an annotation refers to it
                continue


def _schemas(place: Place) -> Iterator[Place]:
    """All schemas at and below a place that are objects."""
    stack = [place]
    while stack:
        here = stack.pop()
        if not isinstance(here.node, dict):
            continue
        yield here
        for keyword, value in here.node.items():
            if keyword in DATA or keyword.startswith("x-"):
                continue
            if keyword in _MAPS and isinstance(value, dict):
                stack += [child(here, keyword, name) for name in value]
            elif isinstance(value, dict):
                stack.append(child(here, keyword))
            elif isinstance(value, list):
                stack += [child(here, keyword, index) for index in range(len(value))]


def _described(library: Library, place: Place) -> bool:
    """Whether a schema, or one that it refers to, has a description."""
    seen, stack = set[str](), [place]
    while stack:
        here = stack.pop()
        if here.key in seen or not isinstance(here.node, dict):
            continue
        seen.add(here.key)
        if str(here.node.get("description", "")).strip():
            return True
        stack += [child(here, "allOf", index) for index in range(len(here.node.get("allOf", ())))]
        if "$ref" in here.node:
            stack.append(library.follow(here, here.node["$ref"]))
    return False


RULES = (
    Rule("ML001", "event-name", _event_name),
    Rule("ML002", "colon", _colon),
    Rule("ML003", "domain-name", _domain_name),
    Rule("ML004", "attribute-name", _attribute_name),
    Rule("ML005", "shadowing-attribute", _shadowing),
    Rule("ML006", "file-name", _file_name),
    Rule("ML101", "event-description", _event_description),
    Rule("ML102", "type-description", _type_description),
    Rule("ML103", "attribute-description", _attribute_description),
    Rule("ML104", "title", _title),
    Rule("ML105", "event-example", _event_example),
    Rule("ML201", "version-gap", _version_gap),
    Rule("ML202", "unused-type", _unused_type),
    Rule("ML203", "schema-dialect", _dialect),
    Rule("ML301", "typed", _typed),
    Rule("ML302", "enforced-format", _format),
    Rule("ML303", "optional-or-nullable", _nullable),
    Rule("ML901", "generator-warning", _warning),
)
"""All rules, by id. docs/lint.md has a section for each."""
