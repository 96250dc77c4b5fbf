"""Write the generated packages as text: models, subscribers, and the faces of the packages.

The fields come from the library's classes (``build``); everything around them is written here: event metadata,
docstrings, pattern types, subscriber classes, lazy faces, the registry, and the schemas that some classes carry. A
module imports what its expressions name.
Nothing here reads or writes files, and nothing depends on the order of a set or on the clock.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mega_codegen.build import Bodies
from mega_codegen.errors import CodegenError, shown
from mega_codegen.expressions import (
    ANY,
    DICT,
    LITERAL,
    NONE,
    OBJECT_STATE,
    STR,
    Constant,
    Expression,
    Model,
    Name,
    Subscript,
    union,
    walk,
)
from mega_codegen.layout import Spell, annotated, bracketed, imports, member_order, natural
from mega_codegen.patterns import MATCHER, optional, pattern
from mega_codegen.records import Catalogue, EventModel, Member, Naming, Shape, TypeModel
from mega_codegen.text import WIDTH, docstring, literal
from mega_codegen.words import class_name

_CLASS_VAR = Name("ClassVar", "typing")
_MAPPING = Name("Mapping", "collections.abc")
_TYPED_DICT = Name("TypedDict", "typing")
_EVENT = Name("Event", "mega_typed")
_EVENT_TYPE = Name("EventType", "mega_typed")
_MODEL = Name("Model", "mega_typed")
_SUBSCRIBER = Name("EventSubscriber", "mega_typed")
_CONFIG = Name("ConfigDict", "pydantic")
_ANYTHING = Name("any_", "mega_typed.match")
_DATETIME = Name("datetime", "datetime")
_INT = Name("int")
_REQUIRED = "  # pyright: ignore[reportGeneralTypeIssues, reportIncompatibleVariableOverride]"
"""Pyright allows no subclass to require a field that has a default in its parent; the constructor is checked anyway."""

_FREE_OBJECT = Subscript(DICT, (STR, ANY))


@dataclass(slots=True)
class _Module:
    """A module that is being written: its place, what it imports, what it says.

    Attributes:
        path: package and module below the generated package, such as ``("shop", "subscribers", "cart")``.
        locations: path and class name of every event and type, by key.
        local: names that it defines itself.
        fields: names of fields that hide a type of the same name inside a class.
        names: what is imported: module to names, each with the name that it is given here.
    """

    path: tuple[str, ...]
    locations: Mapping[str, tuple[tuple[str, ...], str]]
    local: frozenset[str]
    fields: frozenset[str]
    names: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def spell(self, name: Name | Model) -> str:
        """How a name is written here; notes the import."""
        if isinstance(name, Name):
            return self._imported(name.module, name.name) if name.module else name.name
        path, base = self.locations[name.key]
        if name.suffix:
            path = (path[0], "subscribers", path[1])
        base += name.suffix
        return base if path == self.path else self._imported(self._relative(path), base)

    def _relative(self, path: tuple[str, ...]) -> str:
        here = self.path[:-1]
        common = 0
        while common < min(len(here), len(path) - 1) and here[common] == path[common]:
            common += 1
        return "." * (len(here) - common + 1) + ".".join(path[common:])

    def _imported(self, module: str, name: str) -> str:
        given = self.names.setdefault(module, {})
        if name not in given:
            hidden = name in self.fields or name in self.local
            other = any(name in names.values() for source, names in self.names.items() if source != module)
            given[name] = f"{name}_aliased" if hidden and not module.startswith(".") else name
            if module.startswith(".") and (hidden or other):
                given[name] = class_name(module.strip(".").replace("subscribers", "")) + name
        return given[name]

    def text(self, head: str, body: Sequence[Sequence[str]]) -> str:
        """The whole module."""
        self.names.setdefault("__future__", {})["annotations"] = "annotations"
        lines = [*docstring(head, 0), "", *imports((module, names.items()) for module, names in self.names.items())]
        for block in body:
            lines += ["", "", *block]
        return "\n".join(lines) + "\n"


def emit(catalogue: Catalogue, naming: Naming, bodies: Bodies) -> dict[str, str]:
    """All files of the generated package, by path relative to it."""
    return _Emitter(catalogue, naming, bodies).files()


class _Emitter:
    def __init__(self, catalogue: Catalogue, naming: Naming, bodies: Bodies) -> None:
        self._naming = naming
        self._events = {event.content.key: event for event in catalogue.events}
        self._models = {model.key: model for model in catalogue.types}
        self._models |= {key: event.content for key, event in self._events.items()}
        self._annotations = {key: self._annotate(model, bodies[key]) for key, model in self._models.items()}
        self._used = {key: list(self._references(key)) for key in self._models}
        self._places = self._settle()
        self._locations = {key: (path, naming.classes[key].name) for path, keys in self._places.items() for key in keys}

    def files(self) -> dict[str, str]:
        files: dict[str, str] = {"__init__.py": self._registry()}
        for path, keys in self._places.items():
            files[f"{'/'.join(path)}.py"] = self._model_module(path, keys)
            files[f"{path[0]}/subscribers/{path[1]}.py"] = self._subscriber_module(path, keys)
        for key, event in self._events.items():
            if event.check is not None:
                resource = f"{self._locations[key][0][0]}/{self._schema_name(key)}"
                files[resource] = json.dumps(event.check, ensure_ascii=False, indent=2) + "\n"
        for package in {location.package for location in self._naming.classes.values()}:
            files[f"{package}/__init__.py"] = self._face(package)
        for package in {path[0] for path in self._places}:
            head = f"Subscribers of the events of {package}, and the types of their patterns."
            files[f"{package}/subscribers/__init__.py"] = "\n".join(docstring(head, 0)) + "\n"
        return dict(sorted(files.items()))

    def _schema_name(self, key: str) -> str:
        """The file beside the module with the schema of an event whose types do not say everything."""
        return f"{self._naming.classes[key].module}.schema.json"

    # --- what goes where ----------------------------------------------------------------------------------------------

    def _annotate(self, model: TypeModel, body: Mapping[str, Expression]) -> list[tuple[Member, str, Expression]]:
        names = self._naming.members[model.key]
        return [(member, names[member.wire], body[names[member.wire]]) for member in model.members]

    def _references(self, key: str) -> Iterator[str]:
        for _, _, expression in self._annotations[key]:
            yield from (part.key for part in walk(expression) if isinstance(part, Model))
        event = self._events.get(key)
        if event is not None and event.object is not None:
            yield from (shape.schema["$ref"] for shape in event.object.states if "$ref" in shape.schema)

    def _settle(self) -> dict[tuple[str, str], list[str]]:
        """Modules with their classes, leaves first. Modules that need each other become one: the first of them."""
        classes = self._naming.classes
        needs: dict[tuple[str, str], set[tuple[str, str]]] = {location.path: set() for location in classes.values()}
        for key, used in self._used.items():
            needs[classes[key].path] |= {classes[other].path for other in used}
        home = _circles({path: sorted(others) for path, others in sorted(needs.items())})
        modules: dict[tuple[str, str], list[str]] = {}
        for key in self._leaves_first():
            modules.setdefault(home[classes[key].path], []).append(key)
        for keys in modules.values():
            names = [classes[key].name for key in keys]
            if len(set(names)) < len(names):
                twice = next(name for name in names if names.count(name) > 1)
                places = shown(" and ".join(key for key in keys if classes[key].name == twice))
                raise CodegenError(
                    f"{places}: error: these types need each "
                    f'other and have the same name\n    Add "x-mega-name": "SomeOtherName" to one of the two.'
                )
        return dict(sorted(modules.items()))

    def _leaves_first(self) -> list[str]:
        done: dict[str, None] = {}
        for root in sorted(self._models, key=self._order):
            stack = [(root, iter(sorted(self._used[root], key=self._order)))]
            open_keys = {root}
            while stack and root not in done:
                key, rest = stack[-1]
                following = next((other for other in rest if other not in done and other not in open_keys), None)
                if following is None:
                    done[key] = None
                    stack.pop()
                else:
                    open_keys.add(following)
                    stack.append((following, iter(sorted(self._used[following], key=self._order))))
        return list(done)

    def _order(self, key: str) -> tuple[object, ...]:
        location = self._naming.classes[key]
        return (location.package, natural(location.name), location.module, key)

    def _module(self, path: tuple[str, ...], keys: Sequence[str], suffixes: Sequence[str]) -> _Module:
        local = {f"{self._locations[key][1]}{suffix}" for key in keys for suffix in suffixes}
        fields = {name for key in keys for _, name, _ in self._annotations[key]}
        return _Module(path, self._locations, frozenset(local), frozenset(fields))

    # --- models -------------------------------------------------------------------------------------------------------

    def _model_module(self, path: tuple[str, str], keys: Sequence[str]) -> str:
        module = self._module(path, keys, [""])
        blocks = [self._class(key, module) for key in keys]
        return module.text(self._title(keys, "Types of {package}: {names}."), blocks)

    def _title(self, keys: Sequence[str], otherwise: str) -> str:
        event = next((self._events[key] for key in reversed(keys) if key in self._events), None)
        if event is not None:
            return f"{event.title}."
        path, _ = self._locations[keys[0]]
        title = otherwise.format(package=path[0], names=_and([self._locations[key][1] for key in keys]))
        return title if len(title) <= WIDTH - 6 else f"{title.partition(':')[0]}."

    def _class(self, key: str, module: _Module) -> list[str]:
        model, event, name = self._models[key], self._events.get(key), self._locations[key][1]
        base = _MODEL if event is None else _EVENT
        summary = f"{event.title}." if event else f"{name}."
        sections = [docstring(model.description, 4, summary)]
        if event is None and model.closed:
            sections.append([f'    model_config = {module.spell(_CONFIG)}(extra="forbid")'])
        identity = _identity(event, module.spell) if event is not None else []
        sections.append([*identity, *self._metadata(key, module.spell)])
        sections.append(self._fields(key, module.spell))
        lines = [line for section in sections if section for line in ("", *section)][1:]
        return [f"class {name}({module.spell(base)}):", *lines]

    def _metadata(self, key: str, spell: Spell) -> list[str]:
        lines: list[str] = []
        renamed = [(name, member.wire) for member, name, _ in self._annotations[key] if name != member.wire]
        if renamed:
            head = f"__wire_names__: {spell(_CLASS_VAR)}[{spell(_MAPPING)}[str, str]] = {{"
            lines += bracketed(head, [f"{literal(name)}: {literal(wire)}" for name, wire in renamed], "}", 4)
        nullable = [name for member, name, _ in self._annotations[key] if member.shape.nullable and not member.required]
        lines += _names("__nullable__", nullable, spell)
        event = self._events.get(key)
        sensitive = [name for member, name, _ in self._annotations[key] if member.sensitive]
        lines += _names("__sensitive__", [*sensitive, *(event.sensitive if event is not None else ())], spell)
        if event is not None and event.content.closed:
            lines.append(f"    __closed__: {spell(_CLASS_VAR)}[bool] = True")
        if event is not None and not event.spread:
            lines.append(f"    __spread__: {spell(_CLASS_VAR)}[bool] = False")
        if event is not None and event.version_required:
            lines.append(f"    __version_required__: {spell(_CLASS_VAR)}[bool] = True")
        if event is not None and event.group is not None:
            source = Subscript(_CLASS_VAR, (union(STR, NONE),))
            lines += annotated("__group_from__", source, spell, 4, literal(event.group))
        if event is not None and event.check is not None:
            schema = Subscript(_CLASS_VAR, (union(STR, NONE),))
            lines += annotated("__schema__", schema, spell, 4, literal(self._schema_name(key)))
        return lines

    def _fields(self, key: str, spell: Spell) -> list[str]:
        lines: list[str] = []
        for member, name, expression in self._annotations[key]:
            lines += annotated(name, expression, spell, 4, _default(member))
            lines += docstring(member.description, 4)
        event = self._events.get(key)
        if event is not None and event.object is not None:
            current, previous = map(_state, event.object.states)
            state = Subscript(OBJECT_STATE, (current,) if current == previous else (current, previous))
            if event.object.required:
                lines += [line + _REQUIRED for line in annotated("object", state, spell, 4)]
            else:
                lines += annotated("object", union(state, NONE), spell, 4, "None")
        return lines

    # --- subscribers --------------------------------------------------------------------------------------------------

    def _subscriber_module(self, path: tuple[str, str], keys: Sequence[str]) -> str:
        module = self._module((path[0], "subscribers", path[1]), keys, ["Pattern", "Attributes", "Subscriber"])
        blocks: list[list[str]] = []
        for key in keys:
            event = self._events.get(key)
            if event is None:
                blocks.append(self._pattern(key, f"{self._locations[key][1]}Pattern", module))
            else:
                blocks += [self._pattern(key, f"{self._locations[key][1]}Attributes", module)]
                blocks += [self._subscriber(event, module)]
        title = self._title(keys, "Patterns of {package}: {names}.")
        return module.text(title if title.startswith("Patterns") else f"Subscribers of {title}", blocks)

    def _pattern(self, key: str, name: str, module: _Module) -> list[str]:
        model = self._locations[key][1]
        what = f"the attributes of {model}" if key in self._events else model
        lines = [f"class {name}({module.spell(_TYPED_DICT)}, total=False):", *docstring(f"Pattern of {what}.", 4)]
        fields = [
            line
            for member, python, expression in self._annotations[key]
            for line in annotated(python, _with_null(pattern(expression), member), module.spell, 4)
        ]
        return [*lines, *(["", *fields] if fields else [])]

    def _subscriber(self, event: EventModel, module: _Module) -> list[str]:
        name, spell = self._locations[event.content.key][1], module.spell
        head = f"class {name}Subscriber({spell(_SUBSCRIBER)}[{spell(Model(event.content.key))}]):"
        anything = f"{spell(_ANYTHING)}()"
        text = optional(Subscript(MATCHER, (STR,)))
        domain: Expression = NONE if event.domain is None else Subscript(LITERAL, (Constant(event.domain),))
        attributes = Name(f"{name}Attributes")
        declared: list[tuple[str, Expression, str]] = [
            ("domain", domain, literal(event.domain)),
            ("name", Subscript(LITERAL, (Constant(event.name),)), literal(event.name)),
            ("version", Subscript(LITERAL, (Constant(event.version),)), literal(event.version)),
            ("timestamp", Subscript(MATCHER, (_DATETIME,)), anything),
            ("subject", text, anything),
            ("publisher", text, anything),
            ("attributes", attributes, "{}"),
        ]
        if event.object is not None:
            current, previous = (optional(pattern(_state(shape))) for shape in event.object.states)
            declared += [
                ("object_type", _fixed(event.object.type, text), anything),
                ("object_version", _fixed(event.object.version, optional(Subscript(MATCHER, (_INT,)))), anything),
                ("object_id", text, anything),
                ("object_current", current, anything),
                ("object_previous", previous, anything),
            ]
        lines = [head, *docstring(f"Receives {event.title}.", 4), ""]
        for attribute, expression, value in declared:
            lines += annotated(attribute, Subscript(_CLASS_VAR, (expression,)), spell, 4, value)
        return lines

    # --- faces --------------------------------------------------------------------------------------------------------

    def _face(self, package: str) -> str:
        exported: dict[str, str] = {}
        inside = [key for key in self._locations if self._naming.classes[key].package == package]
        alike = Counter(self._locations[key][1] for key in inside)
        for key in inside:
            path, name = self._locations[key]
            if alike[name] == 1:  # types of different modules may have the same name
                start = "" if path[0] == package else f".{path[0]}"
                exported[name] = f".{start}{'.' if start else ''}{path[1]}"
                if key in self._events:
                    exported[f"{name}Subscriber"] = f".{start}{'.' if start else ''}subscribers.{path[1]}"
        names = sorted(exported, key=member_order)
        modules = {
            exported[name]: [(each, each) for each in names if exported[each] == exported[name]] for name in names
        }
        if not names:
            return "\n".join([*docstring(f"Types of {package}, to import from its modules.", 0), ""])
        lines = [
            *docstring(f"Events and types of {package}, imported when they are first used.", 0),
            "",
            "from typing import TYPE_CHECKING",
            "",
            "from mega_typed import lazy_exports",
            "",
            "if TYPE_CHECKING:",
            *imports(modules.items(), indent=4),
            "",
            *bracketed("__all__ = [", [literal(name) for name in names], "]", always=True),
            "",
            "__getattr__, __dir__ = lazy_exports(",
            "    __name__,",
            *bracketed("{", [f"{literal(name)}: {literal(exported[name])}" for name in names], "},", 4, always=True),
            ")",
        ]
        return "\n".join(lines) + "\n"

    def _registry(self) -> str:
        entries: list[str] = []
        for key, event in self._events.items():
            path, name = self._locations[key]
            identity = [literal(event.domain), literal(event.name), literal(event.version)]
            line = f"({', '.join(identity)}): {literal('.'.join(path) + ':' + name)}"
            if len(line) > WIDTH - 9:
                opened = "".join(f"            {part},\n" for part in identity)
                line = f"(\n{opened}        ): {literal('.'.join(path) + ':' + name)}"
            entries.append(line)
        lines = [
            '"""Events generated from JSON Schema by mega-codegen. Change the schemas, not this."""',
            "",
            "from mega_typed import register_events",
            "",
            "register_events(",
            "    __name__,",
            *(bracketed("{", entries, "},", 4, always=True) if entries else ["    {},"]),
            ")",
        ]
        return "\n".join(lines) + "\n"


def _names(attribute: str, names: Sequence[str], spell: Spell) -> list[str]:
    """A class attribute with a set of names; nothing when there are none."""
    if not names:
        return []
    head = f"{attribute}: {spell(_CLASS_VAR)}[frozenset[str]] = frozenset("
    items = [literal(name) for name in names]
    line = f"    {head}{{{', '.join(items)}}})"
    if len(line) <= WIDTH:
        return [line]
    return [f"    {head}", *bracketed("{", items, "}", 8, always=True), "    )"]


def _identity(event: EventModel, spell: Spell) -> list[str]:
    parts = [literal(event.domain), literal(event.name), literal(event.version)]
    head = f"__event_type__: {spell(_CLASS_VAR)}[{spell(_EVENT_TYPE)}] = {spell(_EVENT_TYPE)}("
    lines = bracketed(head, parts, ")", 4)
    if event.object is not None and event.object.type is not None:
        expression = Subscript(_CLASS_VAR, (union(STR, NONE),))
        lines += annotated("__object_type__", expression, spell, 4, literal(event.object.type))
    if event.object is not None and event.object.version is not None:
        expression = Subscript(_CLASS_VAR, (union(_INT, NONE),))
        lines += annotated("__object_version__", expression, spell, 4, literal(event.object.version))
    return lines


def _fixed(value: str | int | None, otherwise: Expression) -> Expression:
    """What may stand in a pattern for a part of ``object`` that may have one value, or any."""
    return otherwise if value is None else optional(pattern(Subscript(LITERAL, (Constant(value),))))


def _state(shape: Shape) -> Expression:
    return Model(shape.schema["$ref"]) if "$ref" in shape.schema else _FREE_OBJECT


def _default(member: Member) -> str:
    """A constant that must be present is filled in; what may be absent is ``None``."""
    values = member.shape.schema.get("enum", ())
    if member.required:
        return literal(values[0]) if len(values) == 1 and not member.shape.nullable else ""
    return "None"


def _with_null(expression: Expression, member: Member) -> Expression:
    return expression if member.required and not member.shape.nullable else optional(expression)


def _and(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _circles(needs: Mapping[tuple[str, str], Sequence[tuple[str, str]]]) -> dict[tuple[str, str], tuple[str, str]]:
    """Each module to the first one of those that it needs and that need it (Tarjan's strongly connected components)."""
    index: dict[tuple[str, str], int] = {}
    low: dict[tuple[str, str], int] = {}
    pending: list[tuple[str, str]] = []
    home: dict[tuple[str, str], tuple[str, str]] = {}
    for root in needs:
        if root in index:
            continue
        stack = [(root, iter(needs[root]))]
        index[root] = low[root] = len(index)
        pending.append(root)
        while stack:
            node, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                stack.pop()
                if stack:
                    low[stack[-1][0]] = min(low[stack[-1][0]], low[node])
                if low[node] == index[node]:
                    at = pending.index(node)
                    circle = pending[at:]
                    del pending[at:]
                    home |= dict.fromkeys(circle, min(circle))
            elif following not in index:
                index[following] = low[following] = len(index)
                pending.append(following)
                stack.append((following, iter(needs[following])))
            elif following not in home:
                low[node] = min(low[node], index[following])
    return home


__all__ = ["emit"]
