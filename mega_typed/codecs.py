"""Message bodies: from text to content and back, as JSON, BSON (in base64), plain text or bytes (in base64).

Each of the four may be compressed: its content type ends in ``+gzip`` then, and the body is base64 of gzip (RFC 1952)
of the UTF-8 text, or of the bytes themselves. What a reader inflates is bounded.

This file knows the wire and no protocol: what a document means is the business of ``payload``. JSON text is the
canonical form. A JSON body is kept as text and parsed only when somebody asks for the document; a BSON body is decoded
at once and written as JSON text only when somebody asks for the text.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any, Final, NamedTuple, NoReturn, cast
from uuid import UUID

import bson
import msgspec
from bson.binary import UuidRepresentation
from bson.code import Code
from bson.codec_options import CodecOptions
from bson.dbref import DBRef
from bson.decimal128 import Decimal128
from bson.errors import BSONError
from bson.objectid import ObjectId
from mega_typed.errors import CodecError, EncodeError
from pydantic import BaseModel

CONTENT_TYPE_ATTRIBUTE: Final = "content-type"
"""Name of the SQS or SNS message attribute that carries the content type of the body."""


GZIP_SUFFIX: Final = "+gzip"
MAX_INFLATED: Final = 16_777_216
"""Bytes that a compressed body may hold; a reader inflates no more, and nothing larger is compressed."""


class ContentType(StrEnum):
    """What a body is, as the ``content-type`` message attribute says it."""

    JSON = "application/json"
    BSON = "application/bson"
    TEXT = "text/plain"
    BINARY = "application/octet-stream"


class ContentKind(StrEnum):
    """What a decoded body holds: a document, a text or bytes."""

    OBJECT = "object"
    TEXT = "text"
    BINARY = "binary"


class Encoded(NamedTuple):
    """A body ready to be sent, and its content type."""

    body: str
    content_type: ContentType


class _Skip(msgspec.Struct):
    """An object whose members are skipped: decoding into it checks the syntax of a text and builds nothing."""


_KINDS: Final = {
    ContentType.JSON: ContentKind.OBJECT,
    ContentType.BSON: ContentKind.OBJECT,
    ContentType.TEXT: ContentKind.TEXT,
    ContentType.BINARY: ContentKind.BINARY,
}
_JSON: Final = ContentType.JSON  # on Python 3.11 an attribute of an enum costs as much as three calls
_OBJECT: Final = ContentKind.OBJECT
_MAX_BODY: Final = 1_048_576  # bytes, of an SQS message
_SYNTAX: Final = msgspec.json.Decoder(_Skip)
_DOCUMENT: Final = msgspec.json.Decoder(dict[str, Any])
_BSON_OPTIONS: Final = CodecOptions[dict[str, Any]](tz_aware=True, uuid_representation=UuidRepresentation.STANDARD)


class Content(msgspec.Struct, eq=False):
    """A decoded body: exactly one of a document, a text or bytes.

    Attributes:
        content_type: how the body was written.
        kind: what it holds, and so which of the other members may be used; the wrong one raises ``CodecError`` with
            the reason ``wrong_kind``.
        damage: of a text or bytes that were sniffed and look like a broken document: why they cannot be read as one.
    """

    content_type: ContentType
    kind: ContentKind
    _value: str | bytes | None
    _document: dict[str, Any] | None = None
    damage: CodecError | None = None

    def json_text(self) -> str | bytes:
        """The document as JSON text: the body itself when it was JSON, written anew (once) when it was BSON.

        Dates become ISO-8601 with ``Z``, bytes base64, ``ObjectId`` hexadecimal, UUIDs (subtype 4) their canonical
        form, ``Decimal128`` a decimal string.

        Raises:
            CodecError: ``bson_not_json``, a BSON value that JSON cannot say (NaN, a regular expression, code, ...), by
                its path; ``wrong_kind``.
        """
        if self.kind is not _OBJECT:
            self._require(_OBJECT)
        if self._value is None:
            self._value = _json_of_bson(cast("dict[str, Any]", self._document))
        return self._value

    def document(self) -> dict[str, Any]:
        """The document, parsed once; do not change it. Of a key that stands twice in a JSON object the last one counts.

        A BSON document keeps its native values (aware dates in UTC, bytes, ``ObjectId``, ...).

        Raises:
            CodecError: ``malformed_json``, ``number_out_of_range``, ``too_deep`` or ``wrong_kind``.
        """
        if self.kind is not _OBJECT:
            self._require(_OBJECT)
        if self._document is None:
            self._document = parse_json(cast("str", self._value))
        return self._document

    @property
    def text(self) -> str:
        """The text of a plain-text body."""
        self._require(ContentKind.TEXT)
        return cast("str", self._value)

    @property
    def data(self) -> bytes:
        """The bytes of a binary body."""
        self._require(ContentKind.BINARY)
        return cast("bytes", self._value)

    def _require(self, kind: ContentKind) -> None:
        if self.kind is not kind:
            raise CodecError("wrong_kind", f"the body is {self.content_type}; it has no {kind}")

    def __repr__(self) -> str:
        return f"<Content {self.content_type}>"


def decode(body: str, content_type: str | None = None) -> Content:
    """Decode a body.

    A declared content type decides. Of a JSON body only the first character is looked at here: its syntax is checked
    by whoever reads it. Without a content type, or with an unknown one, the body is sniffed: a JSON object, else base64
    of BSON, else base64 of bytes, else text. Sniffing checks the syntax and never raises.

    Args:
        body: the text of the message.
        content_type: value of the message attribute; upper case and parameters (``; charset=utf-8``) are tolerated.

    Raises:
        CodecError: the body is not of the declared type: ``not_an_object``, ``malformed_base64``, ``truncated_bson``,
            ``trailing_bytes``, ``malformed_bson``; if it is
            compressed also ``malformed_gzip``, ``malformed_utf8`` or ``too_large``.
    """
    if content_type is None:
        return _sniff(body)
    read = _READERS.get(content_type) or _READERS.get(content_type.partition(";")[0].strip().lower(), _sniff)
    return read(body)


def encode_document(document: Mapping[str, Any], *, binary_encoding: bool = False) -> Encoded:
    """Encode an untyped document as compact JSON, or as BSON in base64.

    Beside JSON's own types (finite floats, keys that are strings): a date-time becomes ISO-8601 with its offset, one
    without offset counts as UTC; a date ISO-8601; UUID, ``Decimal`` and ``ObjectId`` a string; bytes base64; an enum
    member its value; a tuple a list; a pydantic model its JSON dump by alias. BSON keeps date-times (to the
    millisecond), bytes and BSON's own types native.

    Raises:
        EncodeError: a value that cannot be written, with its path.
    """
    try:
        plain = _plain(document, None, binary_encoding)
        if not isinstance(plain, dict):
            _refuse(None, document, "a document is a mapping")
        if binary_encoding:
            return Encoded(_base64(bson.encode(cast("dict[str, Any]", plain))), ContentType.BSON)
        return Encoded(msgspec.json.encode(plain).decode(), ContentType.JSON)
    except RecursionError:
        raise EncodeError("the document is nested too deeply, or contains itself") from None
    except (ValueError, OverflowError, BSONError) as error:
        if isinstance(error, EncodeError):
            raise
        raise EncodeError(f"the document cannot be written: {error}") from error


def encode_json_text(text: str | bytes, binary_encoding: bool = False) -> Encoded:
    """Encode a document that is JSON text already, as a typed event is.

    As JSON the text is trusted and sent as it stands; as BSON it is parsed and written anew.

    Raises:
        EncodeError: the text is not UTF-8; for BSON also: not a JSON object, or an integer beyond 64 bits.
    """
    try:
        if binary_encoding:
            return _bson_of_json(parse_json(text))
        return Encoded(text.decode() if isinstance(text, bytes) else text, ContentType.JSON)
    except (CodecError, UnicodeError) as error:
        raise EncodeError(f"not JSON text: {error}") from error


def _bson_of_json(document: dict[str, Any]) -> Encoded:
    """BSON of a document that holds nothing but what JSON can say, so that no value needs to be looked at."""
    try:
        return Encoded(_base64(bson.encode(document)), ContentType.BSON)
    except (OverflowError, ValueError, RecursionError, BSONError):
        return encode_document(document, binary_encoding=True)  # finds the value that BSON cannot say, and its path


def encode_text(text: str) -> Encoded:
    """Encode a plain text, as it stands. Raises ``EncodeError`` for no string and for a lone surrogate."""
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        _refuse(None, text, "a text is a str")
    return Encoded(_text(text, None), ContentType.TEXT)


def encode_blob(data: bytes) -> Encoded:
    """Encode bytes as base64. Raises ``EncodeError`` for anything else."""
    if not isinstance(data, (bytes, bytearray, memoryview)):  # pyright: ignore[reportUnnecessaryIsInstance]
        _refuse(None, data, "a binary blob is bytes")
    return Encoded(_base64(bytes(data)), ContentType.BINARY)


def compress(encoded: Encoded) -> str | None:
    """The body compressed, of which the content type ends in ``+gzip``; None for what a reader would not inflate.

    The same body gives the same text, so that a FIFO queue with content-based deduplication still finds its duplicates.
    """
    if _KINDS[encoded.content_type] is ContentKind.TEXT or encoded.content_type is _JSON:
        data = encoded.body.encode()
    else:
        data = _unbase64(encoded.body)
    if len(data) > MAX_INFLATED:
        return None
    packer = zlib.compressobj(wbits=_GZIP)  # writes no time and no name
    return _base64(packer.compress(data) + packer.flush())


def iso_timestamp(moment: datetime) -> str:
    """Write a date-time as ISO-8601 with offset, ``Z`` for UTC; without offset it counts as UTC."""
    offset = moment.utcoffset()
    if offset is None:
        moment = moment.replace(tzinfo=UTC)
    elif offset % timedelta(minutes=1):  # ISO-8601 has no seconds in an offset
        try:
            moment = moment.astimezone(UTC)
        except OverflowError as error:
            raise EncodeError(f"{moment!r} cannot be written: in UTC it is out of range") from error
    text = moment.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


def _sniff(body: str) -> Content:
    if _starts_as_object(body):
        body = body.removeprefix(_BOM)
        try:
            _SYNTAX.decode(body)
        except (ValueError, RecursionError) as error:
            damage = _json_error(error) if _LOOKS_LIKE_JSON(body) else None
            return Content(ContentType.TEXT, ContentKind.TEXT, body, None, damage)
        return Content(_JSON, _OBJECT, body)
    try:
        data = _unbase64(body)
    except CodecError:
        return Content(ContentType.TEXT, ContentKind.TEXT, body)
    if not data:
        return Content(ContentType.TEXT, ContentKind.TEXT, body)
    try:
        return Content(ContentType.BSON, _OBJECT, None, _unbson(data))
    except CodecError as error:
        if "\n" in body.rstrip():  # several lines of words are no blob
            return Content(ContentType.TEXT, ContentKind.TEXT, body)
        return Content(ContentType.BINARY, ContentKind.BINARY, data, None, error if _looks_like_bson(data) else None)


def _read_json(body: str) -> Content:
    if body[:1] == "{":
        return Content(_JSON, _OBJECT, body)
    if not _starts_as_object(body):
        raise CodecError("not_an_object", "declared as JSON, the body must be a JSON object")
    return Content(_JSON, _OBJECT, body.removeprefix(_BOM))


_GZIP: Final = 16 + zlib.MAX_WBITS


def _inflate(body: str) -> bytes:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    try:
        data = unpacker.decompress(_unbase64(body), MAX_INFLATED + 1)
    except zlib.error as error:
        raise CodecError("malformed_gzip", f"the body is not gzip: {error}") from None
    if len(data) > MAX_INFLATED:
        raise CodecError("too_large", f"the compressed body holds more than {MAX_INFLATED} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise CodecError("malformed_gzip", "the compressed body is cut short, or followed by something else")
    return data


def _inflate_text(body: str) -> str:
    try:
        return _inflate(body).decode()
    except UnicodeDecodeError:
        raise CodecError("malformed_utf8", "the compressed text is not UTF-8") from None


_READERS: Final[dict[str, Callable[[str], Content]]] = {
    ContentType.JSON + GZIP_SUFFIX: lambda body: _read_json(_inflate_text(body)),
    ContentType.BSON + GZIP_SUFFIX: lambda body: Content(ContentType.BSON, _OBJECT, None, _unbson(_inflate(body))),
    ContentType.TEXT + GZIP_SUFFIX: lambda body: Content(ContentType.TEXT, ContentKind.TEXT, _inflate_text(body)),
    ContentType.BINARY + GZIP_SUFFIX: lambda body: Content(ContentType.BINARY, ContentKind.BINARY, _inflate(body)),
    ContentType.JSON: _read_json,
    ContentType.BSON: lambda body: Content(ContentType.BSON, _OBJECT, None, _unbson(_unbase64(body))),
    ContentType.TEXT: lambda body: Content(ContentType.TEXT, ContentKind.TEXT, body),
    ContentType.BINARY: lambda body: Content(ContentType.BINARY, ContentKind.BINARY, _unbase64(body)),
}


_BOM: Final = "\ufeff"
_LOOKS_LIKE_JSON: Final = re.compile(r"\s*\{\s*[\"}]").match


def _starts_as_object(body: str) -> bool:
    return body[:1] == "{" or (body[:1] in " \t\r\n\ufeff" and body.lstrip(" \t\r\n\ufeff")[:1] == "{")


def _looks_like_bson(data: bytes) -> bool:
    """Whether bytes begin as a document of a possible size does: its size, the type and the name of its first field."""
    size = int.from_bytes(data[:4], "little")
    name = data[5:261].partition(b"\0")
    fits = 5 < size <= _MAX_BODY and data[4:5] != b"" and 0 < data[4] < 0x14
    return fits and bool(name[1]) and name[0].isascii() and name[0].replace(b"_", b"").isalnum()


def parse_json(text: str | bytes) -> dict[str, Any]:
    """Parse a JSON object. Raises ``CodecError``: ``malformed_json``, ``number_out_of_range`` or ``too_deep``."""
    try:
        return _DOCUMENT.decode(text)
    except (ValueError, RecursionError) as error:
        raise _json_error(error) from None


def _json_error(error: Exception) -> CodecError:
    if isinstance(error, RecursionError):
        return CodecError("too_deep", "the JSON is nested too deeply")
    return CodecError("number_out_of_range" if "out of range" in str(error) else "malformed_json", str(error))


def _unbase64(body: str) -> bytes:
    if "\n" in body:  # as MIME and many encoders break it
        body = body.replace("\r\n", "").replace("\n", "")
    try:
        return msgspec.convert(body, bytes)  # as strict as RFC 4648, and several times faster than binascii
    except ValueError:
        raise CodecError("malformed_base64", "the body is not base64 (standard alphabet, padded)") from None


def _base64(data: bytes) -> str:
    return cast("str", msgspec.to_builtins(data))


def _unbson(data: bytes) -> dict[str, Any]:
    size = int.from_bytes(data[:4], "little")
    if len(data) < 5 or size > len(data):
        raise CodecError("truncated_bson", f"the BSON document ends after {len(data)} bytes")
    if size < len(data):
        raise CodecError("trailing_bytes", f"{len(data) - size} bytes follow the BSON document")
    try:
        return bson.decode(data, _BSON_OPTIONS)  # pyright: ignore[reportUnknownMemberType]
    except Exception as error:  # a C extension over hostile bytes: whatever it raises, the bytes are to blame
        reason = "too_deep" if "recursion" in str(error) else "malformed_bson"
        raise CodecError(reason, f"the BSON cannot be read: {error}") from error


def _json_value(value: Any) -> Any:
    return _plain(value, None, bson_native=False)


_encode_json: Final = msgspec.json.Encoder(enc_hook=_json_value).encode
_NULL: Final = re.compile(b"null").search  # cheaper than `in` for bytes


def _json_of_bson(document: dict[str, Any]) -> bytes:
    try:
        text = _encode_json(document)
        if _NULL(text) is None:  # msgspec writes NaN and Infinity as null
            return text
    except (TypeError, ValueError, RecursionError):
        pass
    try:
        return msgspec.json.encode(_json_value(document))
    except RecursionError:
        raise CodecError("too_deep", "the BSON is nested too deeply") from None
    except ValueError as error:
        raise CodecError("bson_not_json", str(error)) from error


_Path = tuple["_Path", object] | None  # key or index, and the path before it


def _dotted(path: _Path) -> str:
    text = ""
    while path is not None:
        path, key = path
        text = f"[{key}]{text}" if isinstance(key, int) else f".{key}{text}"
    return text.removeprefix(".") or "the document"


def _refuse(path: _Path, value: object, why: str) -> NoReturn:
    raise EncodeError(f"{_dotted(path)}: {type(value).__name__} cannot be written; {why}")


def _text(text: str, path: _Path) -> str:
    try:
        if not text.isascii():
            text.encode()
    except UnicodeEncodeError:
        _refuse(path, text, "the text holds a lone surrogate")
    return str.__str__(text)


def _key(key: object, path: _Path) -> str:
    if isinstance(key, Enum):
        key = key.value
    if not isinstance(key, str):
        _refuse(path, key, "the keys of an object are strings")
    return _text(key, path)


def _members(mapping: Mapping[Any, Any], path: _Path, bson_native: bool) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for key, value in mapping.items():
        name = key if type(key) is str and key.isascii() else _key(key, path)
        members[name] = value if type(value) is str and value.isascii() else _plain(value, (path, name), bson_native)
    return members


def _plain(value: Any, path: _Path, bson_native: bool) -> Any:  # the usual types first: every value comes through here
    """The value in the types that msgspec, or pymongo, writes as we promise; everything else is refused by its path."""
    kind = type(value)
    if value is None or kind is bool:
        return value
    if (kind is int and -(2**63) <= value < 2**63) or (kind is float and math.isfinite(value)):
        return value
    match value:
        case dict():
            return _members(value, path, bson_native)
        case list() | tuple():
            items = cast("list[Any]", value)
            return [_plain(item, (path, index), bson_native) for index, item in enumerate(items)]
        case Enum():
            return _plain(value.value, path, bson_native)
        case Code():
            _refuse(path, value, "JSON has no code")
        case str():
            return _text(value, path)
        case int():
            if bson_native and not -(2**63) <= value < 2**63:
                _refuse(path, value, "BSON integers have 64 bits; write it as a string")
            return int(value)
        case float():
            if not math.isfinite(value):
                _refuse(path, value, "NaN and Infinity are not JSON")
            return float(value)
        case datetime():
            return value if bson_native else iso_timestamp(value)
        case date():
            return value.isoformat()
        case bytes():
            return value if bson_native else bytes(value)
        case bytearray() | memoryview():
            return bytes(cast("bytearray", value))
        case UUID():
            return str(value)
        case Decimal():
            if not value.is_finite():
                _refuse(path, value, "NaN and Infinity are not JSON")
            return str(value)
        case ObjectId() | Decimal128() | DBRef() if bson_native:
            return value
        case ObjectId():
            return str(value)
        case Decimal128():
            return _plain(value.to_decimal(), path, bson_native)
        case DBRef():
            return _plain(value.as_doc(), path, bson_native)
        case BaseModel():
            return _plain(value.model_dump(mode="json", by_alias=True), path, bson_native)
        case Mapping():
            return _members(cast("dict[Any, Any]", value), path, bson_native)
        case set() | frozenset():
            _refuse(path, cast("object", value), "a set has no order; write a sorted list")
        case _:
            _refuse(path, value, "use a JSON type, date, UUID, Decimal, bytes, an enum or a pydantic model")
