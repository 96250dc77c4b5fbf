"""Have datamodel-code-generator write the classes: one call, in process, on one document in memory.

The document holds every form of a property once, under a neutral name, with references bundled and ``allOf`` merged, so
that nothing is left for the library to name, to order or to escape, and what a thousand events have in common costs
nothing. A form is a property without what the library need not know: the numbers and the pattern that limit a value,
classes, constants, and what it writes wrongly in a container (constraints on the items of an array, for instance). They
stand in the document as any limit and as opaque types, and are put into the answer here. So no text of a schema reaches
the library, and an answer that is remembered still holds when a limit or a constant has changed. The output is read
back as expressions; a node that is not expected stops the run.

This step knows the model and its names. It knows nothing of how generated code is laid out.
"""

from __future__ import annotations

import ast
import json
import warnings
from collections.abc import Mapping
from typing import Any, cast

from mega_codegen.errors import CodegenError, MissingDependency
from mega_codegen.expressions import (
    ANNOTATED,
    ANY,
    DECIMAL_STRING,
    DICT,
    FIELD,
    LIST,
    LITERAL,
    NONE,
    STR,
    TIMESTAMP,
    Call,
    Constant,
    Expression,
    Model,
    Name,
    Subscript,
    replace_names,
    union,
    walk,
)
from mega_codegen.records import Catalogue, Json, Member, Naming, Shape

Bodies = Mapping[str, Mapping[str, Expression]]
"""Key of an event or type to the annotations of its fields, by Python name."""

_OPAQUE = "mega_codegen_opaque"
_GROUP = 25
"""How many fields share a class; the library takes longer for few large classes than for many small ones."""

_BUILTINS = frozenset({"str", "int", "float", "bool", "list", "dict", "None"})
_SCALARS: Mapping[str, Name] = {
    "string": STR,
    "integer": Name("int"),
    "number": Name("float"),
    "boolean": Name("bool"),
    "uuid": Name("UUID", "uuid"),
    "date": Name("date", "datetime"),
    "time": Name("time", "datetime"),
    "date-time": TIMESTAMP,
    "decimal": DECIMAL_STRING,
}
_CONSTRAINTS: Mapping[str, str] = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multiple_of",
    "minLength": "min_length",
    "maxLength": "max_length",
    "minItems": "min_length",
    "maxItems": "max_length",
    "minProperties": "min_length",
    "maxProperties": "max_length",
    "pattern": "pattern",
}
_ANY_LIMIT: Mapping[str, Json] = {"pattern": "."}
"""What stands for a limit that is not a number; for the others stands the first that nothing is special about."""
_LIBRARY_TYPES: Mapping[str, Expression] = {"date-time": TIMESTAMP, "decimal": DECIMAL_STRING}


def build(catalogue: Catalogue, naming: Naming, known: dict[str, Expression] | None = None) -> Bodies:
    """The fields of all classes.

    Args:
        catalogue: events and types.
        naming: their names.
        known: what the library wrote before, by form of a field; takes what it writes now.

    Raises:
        MissingDependency: datamodel-code-generator is not installed.
    """
    known = {} if known is None else known
    fields: dict[str, _Field] = {}
    names: dict[str, dict[str, str]] = {}
    for model in (*(event.content for event in catalogue.events), *catalogue.types):
        own = names[model.key] = {}
        for member in model.members:
            identity = own[naming.members[model.key][member.wire]] = _identity(member)
            if identity not in fields:
                fields[identity] = _Field(member)
    asked = {field.form: field for field in fields.values() if field.form not in known}
    if asked:
        known |= _answers(asked)
    written = {identity: field.expression(known[field.form]) for identity, field in fields.items()}
    return {key: {python: written[identity] for python, identity in own.items()} for key, own in names.items()}


def _identity(member: Member) -> str:
    """What the annotation of a field follows from."""
    return repr((member.required, member.shape.nullable, member.shape.schema))


def _answers(asked: Mapping[str, _Field]) -> dict[str, Expression]:
    """What the library writes for forms, by form."""
    groups: dict[str, Any] = {}
    names = {form: f"f{number}" for number, form in enumerate(asked)}
    for number, (form, field) in enumerate(asked.items()):
        group = groups.setdefault(f"F{number // _GROUP}", {"type": "object", "properties": {}, "required": []})
        group["properties"][names[form]] = field.schema
        group["required"] += [names[form]] if field.required else []
    written = _Reading().fields(_call({"$defs": groups}))
    missing = set(names.values()) - written.keys()
    if missing:
        raise CodegenError(f"datamodel-code-generator left out {len(missing)} fields of {len(written)}")
    return {form: written[name] for form, name in names.items()}


class _Field:
    """A field as the library is asked about it, and what its answer leaves open.

    Attributes:
        required: whether the field must be present.
        schema: the field for the library.
        form: the two as text.
    """

    def __init__(self, member: Member) -> None:
        self._opaque_types: dict[str, Name] = {}
        self._open: dict[Expression, Expression] = {}
        self._limits: dict[str, Json] = {}
        self.required = member.required
        self.schema = self._outer(member.shape)
        self.form = json.dumps([self.required, self.schema])

    def expression(self, answer: Expression) -> Expression:
        """The annotation of the field, from the answer to its form."""
        calls = [part for part in walk(answer) if isinstance(part, Call)]
        if {name for call in calls for name, _ in call.keywords} != self._limits.keys():
            raise CodegenError(f"datamodel-code-generator left out a limit of {sorted(self._limits)}")
        return replace_names(answer, {**self._open, **{call: self._limited(call) for call in calls}})

    def _limited(self, call: Call) -> Call:
        """The limits of the field as the library spells such limits: those of a float are floats."""
        return Call(call.head, tuple((name, _alike(each, self._limits[name])) for name, each in call.keywords))

    def _any_limits(self, schema: Mapping[str, Json]) -> Json:
        """As many limits as a schema has, of the same kinds. Every integer is a multiple of 1."""
        found = {key: schema[key] for key in _CONSTRAINTS if key in schema and (key, schema[key]) != ("multipleOf", 1)}
        self._limits = {_CONSTRAINTS[keyword]: value for keyword, value in found.items()}
        return {keyword: _ANY_LIMIT.get(keyword, 2) for keyword in found}

    def _outer(self, shape: Shape) -> Json:
        """The schema of a field, where constraints may stand."""
        schema = shape.schema
        kind = schema.get("type")
        if kind in ("string", "integer", "number", "boolean") and schema.get("format") not in _LIBRARY_TYPES:
            plain = {keyword: value for keyword, value in schema.items() if keyword not in _CONSTRAINTS}
            return {**plain, "type": [kind, "null"] if shape.nullable else kind, **self._any_limits(schema)}
        if kind in ("array", "object"):
            part = "items" if kind == "array" else "additionalProperties"
            if kind == "object" and _CONSTRAINTS.keys() & schema.keys():
                return self._opaque(_expression(schema), shape.nullable)
            inner = self._inner(schema[part])
            if kind == "object":  # beside a list of types, the library forgets what the values are
                return self._nullable({"type": kind, part: inner}, shape.nullable)
            return {"type": [kind, "null"] if shape.nullable else kind, part: inner, **self._any_limits(schema)}
        return self._nullable(self._inner(schema), shape.nullable)

    def _inner(self, schema: Mapping[str, Json]) -> Json:
        """The schema of a part of a field, where the library cannot be trusted with constraints."""
        if "$ref" in schema or "enum" in schema:
            return self._opaque(_expression(schema), nullable=False)
        kind = schema.get("type")
        if "anyOf" in schema:
            return {"anyOf": [self._inner(member) for member in schema["anyOf"]]}
        if kind == "null" or schema.get("format") in _LIBRARY_TYPES or _CONSTRAINTS.keys() & schema.keys():
            return self._opaque(_expression(schema), nullable=False) if kind != "null" else {"type": "null"}
        if kind == "array":
            return {"type": "array", "items": self._inner(schema["items"])}
        if kind == "object":
            return {"type": "object", "additionalProperties": self._inner(schema["additionalProperties"])}
        return dict(schema)

    def _nullable(self, schema: Json, nullable: bool) -> Json:
        if schema == {"type": "null"}:
            return self._opaque(NONE, nullable=False)
        if not nullable or schema == {}:
            return schema
        return {"anyOf": [*schema.get("anyOf", (schema,)), {"type": "null"}]}

    def _opaque(self, expression: Expression, nullable: bool) -> Json:
        text = repr(expression)  # 1, 1.0 and True are equal
        name = self._opaque_types.setdefault(text, Name(f"T{len(self._opaque_types)}", _OPAQUE))
        self._open[name] = expression
        return self._nullable({"customTypePath": f"{_OPAQUE}.{name.name}"}, nullable)


def _alike(like: Constant, limit: Json) -> Constant:
    return Constant(float(limit) if isinstance(like.value, float) else limit)


def _expression(schema: Mapping[str, Json]) -> Expression:
    """The type of a schema in normal form, with its constraints."""
    if not schema:
        return ANY
    if "$ref" in schema:
        return Model(schema["$ref"])
    if "enum" in schema:
        return Subscript(LITERAL, tuple(Constant(value) for value in schema["enum"]))
    if "anyOf" in schema:
        return union(*(_expression(member) for member in schema["anyOf"]))
    kind = schema["type"]
    if kind == "null":
        return NONE
    if kind == "array":
        plain: Expression = Subscript(LIST, (_expression(schema["items"]),))
    elif kind == "object":
        plain = Subscript(DICT, (STR, _expression(schema["additionalProperties"])))
    else:
        plain = _SCALARS[schema.get("format", kind)]
    limits = sorted((_CONSTRAINTS[key], Constant(value)) for key, value in schema.items() if key in _CONSTRAINTS)
    return Subscript(ANNOTATED, (plain, Call(FIELD, tuple(limits)))) if limits else plain


def _call(document: Json) -> str:
    try:
        from datamodel_code_generator import InputFileType, LiteralType, NamingStrategy, PythonVersion, generate
        from datamodel_code_generator.enums import DataModelType
    except ImportError as error:
        raise MissingDependency("datamodel-code-generator") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = generate(
            document,
            input_file_type=InputFileType.JsonSchema,
            output_model_type=DataModelType.PydanticV2BaseModel,
            formatters=[],  # the text is read, not written
            disable_timestamp=True,
            target_python_version=PythonVersion.PY_311,
            use_annotated=True,
            field_constraints=True,
            strict_nullable=True,
            enum_field_as_literal=LiteralType.All,
            naming_strategy=NamingStrategy.FullPath,
            use_standard_collections=True,
            use_union_operator=True,
            strict_refs=True,
            allow_remote_refs=False,
        )
    return cast("str", text)


def _alternatives(node: ast.expr) -> list[ast.expr]:
    """``a | b | c`` as a list; the tree of a long union is deep."""
    right: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        right.append(node.right)
        node = node.left
    return [node, *reversed(right)]


class _Reading:
    """The library's module, read as expressions."""

    def __init__(self) -> None:
        self._names = {name: Name(name) for name in _BUILTINS}

    def fields(self, text: str) -> Mapping[str, Expression]:
        """The annotations of all fields, by neutral name."""
        found: dict[str, Expression] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    self._names[alias.asname or alias.name] = Name(alias.name, node.module or "")
            elif isinstance(node, ast.ClassDef):
                for statement in node.body:
                    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                        found[statement.target.id] = self._expression(statement.annotation)
        return found

    def _expression(self, node: ast.expr) -> Expression:
        match node:
            case ast.Name(id=name) if name in self._names:
                return self._names[name]
            case ast.Constant(value=str() | int() | float() | None as value):
                return Constant(value)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
                return Constant(-value)
            case ast.Subscript(value=ast.Name() as head, slice=inside):
                arguments = inside.elts if isinstance(inside, ast.Tuple) else [inside]
                return Subscript(self._name(head), tuple(map(self._expression, arguments)))
            case ast.BinOp(op=ast.BitOr()):
                return union(*map(self._expression, _alternatives(node)))
            case ast.Call(func=ast.Name() as head, args=[], keywords=keywords):
                return Call(self._name(head), tuple((str(each.arg), self._constant(each.value)) for each in keywords))
            case _:
                raise CodegenError(f"datamodel-code-generator wrote an unexpected type: {ast.unparse(node)}")

    def _name(self, node: ast.Name) -> Name:
        if node.id not in self._names:
            raise CodegenError(f"datamodel-code-generator wrote an unexpected name: {node.id}")
        return self._names[node.id]

    def _constant(self, node: ast.expr) -> Constant:
        found = self._expression(node)
        if not isinstance(found, Constant):
            raise CodegenError(f"datamodel-code-generator wrote an unexpected constraint: {ast.unparse(node)}")
        return found
