"""Bodies of calls to SQS, written and read by msgspec in the place of botocore's own steps.

botocore walks through every value with the model of the service at hand, in Python; for ten messages with their
attributes that is as much as the rest of the call. Here a body is written at once, and the answers to the calls that
the library makes are read at once, into the same dicts. Whatever does not look as expected, sent or received, is left
to botocore. This file knows the shape of calls to SQS, and no client.
"""

from __future__ import annotations

from typing import Any, Final, Protocol, TypedDict, cast

import msgspec


class Serializer(Protocol):
    """What is used of botocore's serializer."""

    def serialize_to_request(self, parameters: Any, operation_model: Any) -> Any:
        """The method, headers and body of a request."""
        ...


class QuickSerializer:
    """botocore's serializer, but for the body.

    Args:
        careful: botocore's own; writes everything else, and the bodies that msgspec refuses.
    """

    def __init__(self, careful: Serializer) -> None:
        self._careful = careful

    def serialize_to_request(self, parameters: dict[str, Any], operation_model: Any) -> dict[str, Any]:
        """The method, headers and body of a request."""
        try:
            if operation_model.name in _ANSWERS:
                body = msgspec.json.encode(parameters)  # bytes become base64, as the protocol has it
                request: dict[str, Any] = self._careful.serialize_to_request({}, operation_model)
                return {**request, "body": body}
        except (TypeError, ValueError, RecursionError):
            pass
        return cast("dict[str, Any]", self._careful.serialize_to_request(parameters, operation_model))


class _Attribute(TypedDict, total=False):
    StringValue: str
    BinaryValue: bytes
    StringListValues: list[str]
    BinaryListValues: list[bytes]
    DataType: str


class _Message(TypedDict, total=False):
    MessageId: str
    ReceiptHandle: str
    MD5OfBody: str
    Body: str
    Attributes: dict[str, str]
    MD5OfMessageAttributes: str
    MessageAttributes: dict[str, _Attribute]


class _Received(TypedDict, total=False):
    Messages: list[_Message]


class _Sent(TypedDict, total=False):
    MD5OfMessageBody: str
    MD5OfMessageAttributes: str
    MD5OfMessageSystemAttributes: str
    MessageId: str
    SequenceNumber: str


class _SentEntry(_Sent, total=False):
    Id: str


class _Entry(TypedDict, total=False):
    Id: str


class _Failure(TypedDict, total=False):
    Id: str
    SenderFault: bool
    Code: str
    Message: str


class _SentBatch(TypedDict, total=False):
    Successful: list[_SentEntry]
    Failed: list[_Failure]


class _Batch(TypedDict, total=False):
    Successful: list[_Entry]
    Failed: list[_Failure]


_ANSWERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    "ReceiveMessage": msgspec.json.Decoder(_Received),
    "SendMessage": msgspec.json.Decoder(_Sent),
    "SendMessageBatch": msgspec.json.Decoder(_SentBatch),
    "DeleteMessageBatch": msgspec.json.Decoder(_Batch),
    "ChangeMessageVisibilityBatch": msgspec.json.Decoder(_Batch),
}


def read_answer(
    operation_model: Any,
    response_dict: dict[str, Any],
    customized_response_dict: dict[str, Any] | None = None,
    **_: object,
) -> None:
    """Read an answer before botocore does; a handler of its event ``before-parse``.

    What is put into ``customized_response_dict`` becomes part of the answer; botocore then reads an empty body.
    """
    decoder = _ANSWERS.get(operation_model.name)
    if decoder is None or customized_response_dict is None or response_dict["status_code"] != 200:
        return
    try:
        answer = decoder.decode(response_dict["body"])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return
    customized_response_dict.update(answer)
    response_dict["body"] = b""
