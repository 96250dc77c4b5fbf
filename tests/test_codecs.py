"""Bodies: what is read as what, what is refused and why, what is written how."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import bson
import pytest
from bson import DBRef, Decimal128, Int64, MaxKey, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code
from hypothesis import given
from hypothesis import strategies as st
from mega_typed.codecs import (
    Content,
    ContentKind,
    ContentType,
    decode,
    encode_blob,
    encode_document,
    encode_json_text,
    encode_text,
    iso_timestamp,
)
from mega_typed.errors import CodecError, EncodeError
from pydantic import BaseModel, Field

ID = UUID("61fcc874-624e-40f8-8fd7-0e663c7837e8")
NOON = datetime(2020, 5, 4, 12, 0, tzinfo=UTC)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def as_bson(document: dict[str, Any]) -> str:
    return b64(bson.encode(document))


def nested_bson(depth: int) -> bytes:
    document = b"\x05\x00\x00\x00\x00"
    for _ in range(depth):
        member = b"\x03a\x00" + document + b"\x00"
        document = (len(member) + 4).to_bytes(4, "little") + member
    return document


def outcome(content: Content) -> Any:
    match content.kind:
        case ContentKind.OBJECT:
            return content.document()
        case ContentKind.TEXT:
            return content.text
        case ContentKind.BINARY:
            return content.data


DEEP = '{"a":' * 100_000
SNIFFED: list[tuple[str, ContentType, Any]] = [
    ('{"a":1}', ContentType.JSON, {"a": 1}),
    (' \r\n\t{"a":1} ', ContentType.JSON, {"a": 1}),
    ("{}", ContentType.JSON, {}),
    ('{"a":1,"a":2}', ContentType.JSON, {"a": 2}),
    (as_bson({"a": 1}), ContentType.BSON, {"a": 1}),
    (as_bson({}), ContentType.BSON, {}),
    (b64(b"\x00\xff"), ContentType.BINARY, b"\x00\xff"),
    (b64(bson.encode({"a": 1})[:-2]), ContentType.BINARY, bson.encode({"a": 1})[:-2]),
    (b64(bson.encode({"a": 1}) + b"x"), ContentType.BINARY, bson.encode({"a": 1}) + b"x"),
    ("deadbeef", ContentType.BINARY, base64.b64decode("deadbeef")),
    ("username", ContentType.BINARY, base64.b64decode("username")),
    ("test", ContentType.BINARY, base64.b64decode("test")),
    ("", ContentType.TEXT, ""),
    (" ", ContentType.TEXT, " "),
    ("hello", ContentType.TEXT, "hello"),
    ("5", ContentType.TEXT, "5"),
    ('"test"', ContentType.TEXT, '"test"'),
    ("[1]", ContentType.TEXT, "[1]"),
    ("-1", ContentType.TEXT, "-1"),
    (str(ID), ContentType.TEXT, str(ID)),
    ("aGVsbG8", ContentType.TEXT, "aGVsbG8"),
    ("aGVs\nbG8=", ContentType.TEXT, "aGVs\nbG8="),
    ("_-8=", ContentType.TEXT, "_-8="),
    ("QUJD====", ContentType.TEXT, "QUJD===="),
    ("\xe9a==", ContentType.TEXT, "\xe9a=="),
    ("\ud800", ContentType.TEXT, "\ud800"),
    ('{"a":1', ContentType.TEXT, '{"a":1'),
    ('{"a":1}x', ContentType.TEXT, '{"a":1}x'),
    ('{"a":NaN}', ContentType.TEXT, '{"a":NaN}'),
    ('{"a":"\ud800"}', ContentType.TEXT, '{"a":"\ud800"}'),
    ('{"a":"\\ud800"}', ContentType.TEXT, '{"a":"\\ud800"}'),
    ('\ufeff{"a":1}', ContentType.JSON, {"a": 1}),
    (base64.encodebytes(bson.encode({"a": "x" * 99})).decode(), ContentType.BSON, {"a": "x" * 99}),
    (as_bson({"a": 1}) + "\r\n", ContentType.BSON, {"a": 1}),
    ("test\nlist", ContentType.TEXT, "test\nlist"),
    (DEEP, ContentType.TEXT, DEEP),
]


@pytest.mark.parametrize("content_type", [None, "application/x-unheard-of", ""], ids=["none", "unknown", "empty"])
@pytest.mark.parametrize(("body", "expected_type", "expected"), SNIFFED, ids=range(len(SNIFFED)))
def test_sniffing(body: str, expected_type: ContentType, expected: Any, content_type: str | None) -> None:
    """Without a content type that we know, the body itself decides, in the documented order."""
    content = decode(body, content_type)
    assert (content.content_type, outcome(content)) == (expected_type, expected)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('{"a":1', "malformed_json"),
        ('{"a":NaN}', "malformed_json"),
        ('{"a":"\\ud800"}', "malformed_json"),
        (DEEP, "too_deep"),
        (b64(bson.encode({"some_key": 1, "b": "x" * 50})[:-4]), "truncated_bson"),
        (b64(bson.encode({"a": 1}) + b"x"), "trailing_bytes"),
        ("hello", None),
        ("{name} logged in", None),
        ("deadbeef", None),
        (b64(b"\x00\xff"), None),
        (b64(bytes(range(64))), None),
    ],
)
def test_damage_is_noticed(body: str, reason: str | None) -> None:
    """What was plainly meant as a document and cannot be read as one says why; other text and blobs do not."""
    damage = decode(body).damage
    assert (damage and damage.reason) == reason


@pytest.mark.parametrize(
    "declared", ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json ;a=b"]
)
def test_content_type_spelling(declared: str) -> None:
    """Case and parameters of a declared content type do not matter."""
    with pytest.raises(CodecError):
        decode("hello", declared)


@pytest.mark.parametrize("body", ['{"a":1}', as_bson({"a": 1}), b64(b"x"), "", "hello"])
def test_declared_text_is_never_interpreted(body: str) -> None:
    """A body declared as text is that text, whatever it looks like."""
    assert decode(body, "text/plain").text == body


def test_declared_blob_that_looks_like_bson() -> None:
    """A body declared as bytes is those bytes, even when they happen to be a BSON document; none at all is fine."""
    assert decode(as_bson({"a": 1}), "application/octet-stream").data == bson.encode({"a": 1})
    assert decode("", "application/octet-stream").data == b""


REFUSED = [
    ("application/json", "", "not_an_object"),
    ("application/json", "[1]", "not_an_object"),
    ("application/json", "null", "not_an_object"),
    ("application/json", '{"a":1', "malformed_json"),
    ("application/json", '{"a":1}}', "malformed_json"),
    ("application/json", '{"a":NaN}', "malformed_json"),
    ("application/json", '{"a":-Infinity}', "malformed_json"),
    ("application/json", '{"a":01}', "malformed_json"),
    ("application/json", '{"a":"\x01"}', "malformed_json"),
    ("application/json", '{"a":"\\ud800 "}', "malformed_json"),
    ("application/json", '{"a":"\ud800"}', "malformed_json"),
    ("application/json", '{"\\udc00xxxxxxx":1}', "malformed_json"),
    ("application/json", '{"a":1e999}', "number_out_of_range"),
    ("application/json", '{"a":%s}' % ("9" * 5000), "number_out_of_range"),
    ("application/json", DEEP, "too_deep"),
    ("application/bson", "", "truncated_bson"),
    ("application/bson", "hello", "malformed_base64"),
    ("application/bson", "\ud800", "malformed_base64"),
    ("application/bson", '{"a":1}', "malformed_base64"),
    ("application/bson", b64(bson.encode({"a": 1})[:-1]), "truncated_bson"),
    ("application/bson", b64(b"\x05\x00\x00"), "truncated_bson"),
    ("application/bson", b64(b"\xff\xff\xff\xff\x00"), "truncated_bson"),
    ("application/bson", b64(b"\x00\x00\x00\x00\x00"), "trailing_bytes"),
    ("application/bson", b64(bson.encode({"a": 1}) + b"\x00"), "trailing_bytes"),
    ("application/bson", b64(bson.encode({"a": "xy"}).replace(b"xy", b"\xff\xff")), "malformed_bson"),
    ("application/bson", b64(bson.encode({"a": 1}).replace(b"\x10a", b"\x66a")), "malformed_bson"),
    ("application/bson", b64(b"\x10\x00\x00\x00\x09a\x00" + b"\xff" * 7 + b"\x7f\x00"), "malformed_bson"),
    ("application/bson", b64(nested_bson(20_000)), "too_deep"),
    ("application/octet-stream", "hello", "malformed_base64"),
    ("application/octet-stream", "aGVs bG8=", "malformed_base64"),
]


@pytest.mark.parametrize(("content_type", "body", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_declared_and_not_so(content_type: str, body: str, reason: str) -> None:
    """A body that is not of its declared type is a CodecError with a reason, at once or when it is read."""
    with pytest.raises(CodecError) as caught:
        decode(body, content_type).document()
    assert caught.value.reason == reason


def test_declared_json_is_not_parsed_by_decode() -> None:
    """Decoding declared JSON looks at its beginning only, and its text is handed on untouched."""
    assert decode('{"a": broken', "application/json").json_text() == '{"a": broken'


def test_document_is_parsed_once() -> None:
    """The parsed document, and the JSON text of BSON, are kept."""
    content = decode('{"a":1}')
    assert content.document() is content.document()
    content = decode(as_bson({"a": 1}))
    assert content.json_text() is content.json_text()


@pytest.mark.parametrize("digits", [19, 20, 40, 4300])
def test_integers_are_exact(digits: int) -> None:
    """Integers of up to 4,300 digits keep their value."""
    assert decode('{"a":%s}' % ("9" * digits)).document() == {"a": 10**digits - 1}


WRONG_KIND: list[tuple[str, Callable[[Content], object]]] = [
    ("hello", Content.document),
    ("hello", Content.json_text),
    ("hello", lambda content: content.data),
    ("{}", lambda content: content.text),
    ("AA==", lambda content: content.text),
]


@pytest.mark.parametrize(("body", "read"), WRONG_KIND, ids=range(len(WRONG_KIND)))
def test_wrong_kind(body: str, read: Callable[[Content], object]) -> None:
    """Asking a content for what it does not hold is a CodecError."""
    with pytest.raises(CodecError) as caught:
        read(decode(body))
    assert caught.value.reason == "wrong_kind"


BSON_AS_JSON = [
    (NOON, "2020-05-04T12:00:00Z"),
    (NOON.replace(microsecond=123000, tzinfo=timezone(timedelta(hours=2))), "2020-05-04T10:00:00.123000Z"),
    (b"\x00\xff", "AP8="),
    (Binary(b"\x00\xff", 128), "AP8="),
    (Binary.from_uuid(ID), str(ID)),
    (ObjectId("5f3a" * 6), "5f3a" * 6),
    (Decimal128("19.90"), "19.90"),
    (Int64(5), 5),
    (DBRef("carts", 7), {"$ref": "carts", "$id": 7}),
    (None, None),
    ([None, {"b": NOON}], [None, {"b": "2020-05-04T12:00:00Z"}]),
    (1.5, 1.5),
]


@pytest.mark.parametrize(("value", "expected"), BSON_AS_JSON, ids=range(len(BSON_AS_JSON)))
def test_bson_as_json_text(value: object, expected: object) -> None:
    """BSON's own types have one documented form in JSON, with and without a null beside them."""
    content = decode(as_bson({"a": value}))
    assert json.loads(content.json_text()) == {"a": expected}
    content = decode(as_bson({"a": value, "null": None}))
    assert json.loads(content.json_text()) == {"a": expected, "null": None}


def test_bson_dates_are_aware() -> None:
    """A native BSON date is read as an aware date-time in UTC, whatever zone it was written in."""
    there = NOON.astimezone(timezone(timedelta(hours=-7)))
    value = decode(as_bson({"a": there})).document()["a"]
    assert (value, value.tzinfo is not None) == (NOON, True)


NOT_JSON = [
    float("nan"),
    float("inf"),
    Regex("x"),
    Code("x"),
    Code("x", {}),
    MaxKey(),
    Timestamp(1, 1),
    Decimal128("NaN"),
    Decimal128("-Infinity"),
]


@pytest.mark.parametrize("value", NOT_JSON, ids=repr)
def test_bson_that_json_cannot_say(value: object) -> None:
    """A BSON value without a form in JSON is refused by its path when the text is asked for; the document is there."""
    content = decode(as_bson({"x": None, "a": [1, {"b": value}]}))
    assert content.document()["x"] is None
    with pytest.raises(CodecError, match=r"^a\[1\]\.b: ") as caught:
        content.json_text()
    assert caught.value.reason == "bson_not_json"


class Currency(StrEnum):
    USD = "USD"


class Size(Enum):
    LARGE = 3


class Cart(BaseModel):
    class_: str = Field(serialization_alias="class")
    since: date
    price: Decimal


class Text(str):
    __slots__ = ()


CART = Cart(class_="a", since=date(2020, 5, 4), price=Decimal("1.50"))
WRITTEN = [
    ("text", "text", "text"),
    (Text("é"), "é", "é"),
    (2**63, 2**63, EncodeError),
    (-(2**63), -(2**63), -(2**63)),
    (10**30, 10**30, EncodeError),
    (True, True, True),
    (1.5, 1.5, 1.5),
    (None, None, None),
    ((1, (2,)), [1, [2]], [1, [2]]),
    (NOON, "2020-05-04T12:00:00Z", NOON),
    (NOON.replace(tzinfo=None), "2020-05-04T12:00:00Z", NOON),
    (NOON.replace(tzinfo=timezone(timedelta(hours=2))), "2020-05-04T12:00:00+02:00", NOON - timedelta(hours=2)),
    (date(2020, 5, 4), "2020-05-04", "2020-05-04"),
    (ID, str(ID), str(ID)),
    (Decimal("1.50"), "1.50", "1.50"),
    (b"\x00\xff", "AP8=", b"\x00\xff"),
    (bytearray(b"\x00\xff"), "AP8=", b"\x00\xff"),
    (memoryview(b"\x00\xff"), "AP8=", b"\x00\xff"),
    (Currency.USD, "USD", "USD"),
    ({Currency.USD: Size.LARGE}, {"USD": 3}, {"USD": 3}),
    (
        CART,
        {"class": "a", "since": "2020-05-04", "price": "1.50"},
        {"class": "a", "since": "2020-05-04", "price": "1.50"},
    ),
    (ObjectId("5f3a" * 6), "5f3a" * 6, ObjectId("5f3a" * 6)),
    (Decimal128("1.50"), "1.50", Decimal128("1.50")),
    (Int64(5), 5, 5),
    (float("nan"), EncodeError, EncodeError),
    (float("-inf"), EncodeError, EncodeError),
    (Decimal("NaN"), EncodeError, EncodeError),
    ("\ud800", EncodeError, EncodeError),
    ({1: 2}, EncodeError, EncodeError),
    ({"\ud800": 2}, EncodeError, EncodeError),
    ({Size.LARGE: 2}, EncodeError, EncodeError),
    ({1, 2}, EncodeError, EncodeError),
    (Code("x"), EncodeError, EncodeError),
    (timedelta(1), EncodeError, EncodeError),
    (object(), EncodeError, EncodeError),
]


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize(("value", "as_json", "in_bson"), WRITTEN, ids=range(len(WRITTEN)))
def test_documents_are_written(value: object, as_json: object, in_bson: object, binary: bool) -> None:
    """Every supported type has one form on the wire and is read back as such; others are refused by their path."""
    expected = in_bson if binary else as_json
    document = {"a": {"b": [0, value]}}
    if expected is EncodeError:
        with pytest.raises(EncodeError, match=r"^a\.b\[1\]: "):
            encode_document(document, binary_encoding=binary)
        return
    encoded = encode_document(document, binary_encoding=binary)
    assert encoded.content_type == ("application/bson" if binary else "application/json")
    for declared in (encoded.content_type, None):
        assert decode(encoded.body, declared).document() == {"a": {"b": [0, expected]}}


def test_json_is_compact_utf8() -> None:
    """JSON is written without spaces and without escapes for what UTF-8 can say."""
    assert encode_document({"a": [1, "é"]}).body == '{"a":[1,"é"]}'


@pytest.mark.parametrize("binary", [False, True], ids=["json", "bson"])
@pytest.mark.parametrize("hostile", ["loop", "deep", "list", "none", "key", "digits"])
def test_documents_that_cannot_be_written(hostile: str, binary: bool) -> None:
    """A document that contains itself, is too deep, is no mapping or has an impossible key is an EncodeError."""
    loop: dict[str, Any] = {}
    loop["a"] = loop
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"a": deep}
    document: Any = {
        "loop": loop,
        "deep": deep,
        "list": [1],
        "none": None,
        "key": {"a\0b" if binary else 1: 1},
        "digits": {"a": 10**5000},
    }[hostile]
    with pytest.raises(EncodeError):
        encode_document(document, binary_encoding=binary)
    while deep:  # taken apart step by step: freeing it at once would recurse
        deep = deep["a"]


def test_json_text_is_passed_on() -> None:
    """The JSON text of a typed event is sent as it stands, or as the same document in BSON."""
    text = b'{"a":"\xc3\xa9","b":[1.5,null]}'
    assert encode_json_text(text).body == text.decode()
    assert encode_json_text(text.decode()).body == text.decode()
    binary = encode_json_text(text, binary_encoding=True)
    assert decode(*binary).document() == {"a": "é", "b": [1.5, None]}


@pytest.mark.parametrize(
    ("text", "binary"), [(b"\xff", False), (b"[1]", True), (b'{"a":', True), (b'{"a":9223372036854775808}', True)]
)
def test_json_text_that_cannot_be_sent(text: bytes, binary: bool) -> None:
    """JSON text that is not UTF-8, or that BSON cannot hold, is an EncodeError."""
    with pytest.raises(EncodeError):
        encode_json_text(text, binary)


def test_texts_and_blobs() -> None:
    """Texts travel as they are and bytes as base64; anything else is an EncodeError."""
    assert encode_text("{}") == ("{}", "text/plain")
    assert encode_blob(b"\x00\xff") == ("AP8=", "application/octet-stream")
    wrong: Any
    for wrong in (None, b"x", 5, "\ud800"):
        with pytest.raises(EncodeError):
            encode_text(wrong)
    for wrong in (None, "x", 5, [1]):
        with pytest.raises(EncodeError):
            encode_blob(wrong)


MOMENTS = [
    (NOON, "2020-05-04T12:00:00Z"),
    (NOON.replace(tzinfo=None, microsecond=5), "2020-05-04T12:00:00.000005Z"),
    (NOON.replace(tzinfo=timezone(-timedelta(hours=3, minutes=30))), "2020-05-04T12:00:00-03:30"),
    (NOON.replace(tzinfo=timezone(timedelta(minutes=19, seconds=32))), "2020-05-04T11:40:28Z"),
]


@pytest.mark.parametrize(("moment", "expected"), MOMENTS)
def test_iso_timestamp(moment: datetime, expected: str) -> None:
    """Timestamps are written with an offset of hours and minutes, ``Z`` for UTC, and name the same moment."""
    assert iso_timestamp(moment) == expected


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.recursive(
    SCALARS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(DOCUMENTS, st.booleans(), st.booleans())
def test_round_trip(document: dict[str, Any], binary: bool, declared: bool) -> None:
    """Whatever JSON can say comes back equal, from JSON and BSON, with and without a content type."""
    encoded = encode_document(document, binary_encoding=binary)
    content = decode(encoded.body, encoded.content_type if declared else None)
    assert (content.content_type, content.document()) == (encoded.content_type, document)
    assert json.loads(content.json_text()) == document


@given(st.binary(), st.text(st.characters(exclude_categories=["Cs"])))
def test_texts_and_blobs_round_trip(data: bytes, text: str) -> None:
    """With their content type any text and any bytes come back equal."""
    assert decode(*encode_blob(data)).data == data
    assert decode(*encode_text(text)).text == text


def read_everything(content: Content) -> None:
    for read in (outcome, Content.json_text):
        try:
            read(content)
        except CodecError as error:
            assert error.reason  # noqa: PT017 - any reason is fine, no other exception is


def damage(document: dict[str, Any], bytes_at: dict[int, int]) -> str:
    return b64(bytes(bytes_at.get(at, byte) for at, byte in enumerate(bson.encode(document))))


def insert(document: dict[str, Any], at: int, piece: str) -> str:
    text = json.dumps(document)
    at %= len(text)
    return text[:at] + piece + text[at:]


HOSTILE_BSON = st.builds(damage, DOCUMENTS, st.dictionaries(st.integers(4, 60), st.integers(0, 255), max_size=4))
HOSTILE_JSON = st.builds(
    insert,
    DOCUMENTS,
    st.integers(0, 200),
    st.text(max_size=2) | st.sampled_from(["NaN", "1e999", "\\ud800", "}", "[" * 2000, '"', "\x00", "\ud800"]),
)
BODIES = (
    st.text(st.characters(codec=None), max_size=40)
    | st.binary(max_size=60).map(b64)
    | HOSTILE_BSON
    | st.binary(max_size=60).map(lambda data: b64((len(data) + 5).to_bytes(4, "little") + data + b"\0"))
    | HOSTILE_JSON
)


@given(BODIES, st.sampled_from([None, *ContentType, "x/y"]))
def test_hostile_bodies(body: str, content_type: str | None) -> None:
    """Whatever a body holds, only CodecError leaves the decoder; a sniff leaves nothing at all."""
    try:
        content = decode(body, content_type)
    except CodecError:
        assert content_type in set(ContentType)
        return
    read_everything(content)
