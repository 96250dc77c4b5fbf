"""Have datamodel-code-generator write the classes: one call, in process, on one document in memory.

The document holds every distinct property once, under a neutral name, with references bundled and ``allOf`` merged, so
that nothing is left for the library to name, to order or to escape, and what a thousand events have in common costs
nothing. What it writes wrongly in a container (constraints on the items of an array, for instance) it gets as an opaque
type, which is replaced here. Its output is read back as expressions; a node that is not expected stops the run.

This step knows the model and its names. It knows nothing of how generated code is laid out.
"""

from __future__ import annotations

import ast
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
    union,
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
_LIBRARY_TYPES: Mapping[str, Expression] = {"date-time": TIMESTAMP, "decimal": DECIMAL_STRING}


def build(catalogue: Catalogue, naming: Naming, known: dict[str, Expression] | None = None) -> Bodies:
    """The fields of all classes.

    Args:
        catalogue: events and types.
        naming: their names.
        known: what the library wrote for a field before, by what the field may be; takes what it writes now.

    Raises:
        MissingDependency: datamodel-code-generator is not installed.
    """
    known = {} if known is None else known
    document = _Document()
    fields: dict[str, dict[str, str]] = {}
    for model in (*(event.content for event in catalogue.events), *catalogue.types):
        names = fields[model.key] = {}
        for member in model.members:
            identity = names[naming.members[model.key][member.wire]] = _identity(member)
            if identity not in known:
                document.add(identity, member)
    if document.names:
        written = _Reading(document).fields(_call(document.tree))
        missing = set(document.names.values()) - written.keys()
        if missing:
            raise CodegenError(f"datamodel-code-generator left out {len(missing)} fields of {len(written)}")
        known |= {identity: written[name] for identity, name in document.names.items()}
    return {key: {python: known[identity] for python, identity in names.items()} for key, names in fields.items()}


def _identity(member: Member) -> str:
    """What the annotation of a field follows from."""
    return repr((member.required, member.shape.nullable, member.shape.schema))


class _Document:
    """The document for the library, and what its neutral names stand for."""

    def __init__(self) -> None:
        self.classes: dict[str, str] = {}
        self.opaque: dict[str, Expression] = {}
        self._opaque_names: dict[str, str] = {}
        self.tree: dict[str, Any] = {"$defs": {}}
        self.names: dict[str, str] = {}

    def add(self, identity: str, member: Member) -> None:
        """Have a field written, unless an equal one is already."""
        if identity not in self.names:
            number = len(self.names)
            name = self.names[identity] = f"f{number}"
            group = self.tree["$defs"].setdefault(
                f"F{number // _GROUP}", {"type": "object", "properties": {}, "required": []}
            )
            group["properties"][name] = self._outer(member.shape)
            group["required"] += [name] if member.required else []

    def _outer(self, shape: Shape) -> Json:
        """The schema of a field, where constraints may stand."""
        schema = shape.schema
        kind = schema.get("type")
        if "enum" in schema:
            return {"enum": [*schema["enum"], *([None] if shape.nullable else [])]}
        if kind in ("string", "integer", "number", "boolean") and schema.get("format") not in _LIBRARY_TYPES:
            return {**schema, "type": [kind, "null"] if shape.nullable else kind}
        if kind in ("array", "object"):
            part = "items" if kind == "array" else "additionalProperties"
            limits = {keyword: value for keyword, value in schema.items() if keyword in _CONSTRAINTS}
            inner = self._inner(schema[part])
            if kind == "object" and limits:
                return self._opaque(_expression(schema), shape.nullable)
            if kind == "object":  # beside a list of types, the library forgets what the values are
                return self._nullable({"type": kind, part: inner}, shape.nullable)
            return {"type": [kind, "null"] if shape.nullable else kind, part: inner, **limits}
        return self._nullable(self._inner(schema), shape.nullable)

    def _inner(self, schema: Mapping[str, Json]) -> Json:
        """The schema of a part of a field, where the library cannot be trusted with constraints."""
        if "$ref" in schema:
            name = self.classes.setdefault(schema["$ref"], f"C{len(self.classes)}")
            self.tree["$defs"].setdefault(name, {"type": "object"})
            return {"$ref": f"#/$defs/{name}"}
        if "enum" in schema:
            return {"enum": schema["enum"]}
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
        name = self._opaque_names.setdefault(repr(expression), f"T{len(self.opaque)}")  # 1, 1.0 and True are equal
        self.opaque[name] = expression
        return self._nullable({"customTypePath": f"{_OPAQUE}.{name}"}, nullable)


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

    def __init__(self, document: _Document) -> None:
        self._names: dict[str, Expression] = {name: Name(name) for name in _BUILTINS}
        self._names |= {name: Model(key) for key, name in document.classes.items()}
        self._opaque = {f"{_OPAQUE}.{name}": expression for name, expression in document.opaque.items()}

    def fields(self, text: str) -> Mapping[str, Expression]:
        """The annotations of all fields, by neutral name."""
        found: dict[str, Expression] = {}
        for node in ast.parse(text).body:
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    known = self._opaque.get(f"{node.module}.{alias.name}", Name(alias.name, node.module or ""))
                    self._names[alias.asname or alias.name] = known
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
        found = self._names.get(node.id)
        if not isinstance(found, Name):
            raise CodegenError(f"datamodel-code-generator wrote an unexpected name: {node.id}")
        return found

    def _constant(self, node: ast.expr) -> Constant:
        found = self._expression(node)
        if not isinstance(found, Constant):
            raise CodegenError(f"datamodel-code-generator wrote an unexpected constraint: {ast.unparse(node)}")
        return found
