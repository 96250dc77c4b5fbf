"""Short ways to speak to SQS, for the tests of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from mega_typed.testing import Transport


def send(aws: Transport, url: str, *bodies: str, **options: Any) -> list[dict[str, Any]]:
    """Send bodies one by one; of a FIFO queue in the group ``g`` unless told."""
    if url.endswith(".fifo"):
        options.setdefault("MessageGroupId", "g")
    return [aws.sqs.send_message(QueueUrl=url, MessageBody=body, **options) for body in bodies]


def receive(aws: Transport, url: str, most: int = 10, **options: Any) -> list[dict[str, Any]]:
    """Receive, with all attributes."""
    asked = {"MessageSystemAttributeNames": ["All"], "MessageAttributeNames": ["All"], **options}
    messages: list[dict[str, Any]] = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=most, **asked).get(
        "Messages", []
    )
    return messages


def bodies(aws: Transport, url: str, most: int = 10, **options: Any) -> list[str]:
    """The bodies that a receive gives."""
    return [message["Body"] for message in receive(aws, url, most, **options)]


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    """The error code of a call that must be refused; what was answered when it was not."""
    try:
        return f"accepted: {call(**parameters)}"
    except ClientError as error:
        return error.response["Error"]["Code"]
