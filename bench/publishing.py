"""What publishing costs, against what people write with boto3 alone; CPU of this process, the server is another one."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import boto3
from mega_typed import SqsPublisher

from bench.measuring import Row
from bench.sqs_server import free_sqs
from generated.shopping_cart import ItemAdded

BATCH = 10


@contextmanager
def rows(text: str) -> Generator[list[Row]]:
    """The rows, for as long as their server runs."""
    with free_sqs() as endpoint:
        keys: dict[str, Any] = {
            "aws_access_key_id": "bench",
            "aws_secret_access_key": "bench",
            "region_name": "eu-west-1",
        }
        bare: Any = boto3.Session(**keys).client("sqs", endpoint_url=endpoint)
        url = f"{endpoint}/000000000000/bench"
        publisher = SqsPublisher(url, endpoint_url=endpoint, **keys)
        document = json.loads(text)
        received = ItemAdded.from_json(text)
        event = ItemAdded(**{name: getattr(received, name) for name in ItemAdded.model_fields})

        def bare_batch() -> object:
            entries = [{"Id": str(n), "MessageBody": json.dumps(document)} for n in range(BATCH)]
            return bare.send_message_batch(QueueUrl=url, Entries=entries)

        yield [
            Row(
                "publish / send_message(json.dumps(...))",
                lambda: bare.send_message(QueueUrl=url, MessageBody=json.dumps(document)),
                lambda: publisher.publish(event),
                0.97,
                repeat=40,
            ),
            Row(
                "publish_many of ten / send_message_batch of json.dumps(...)",
                bare_batch,
                lambda: publisher.publish_many([event] * BATCH),
                0.92,
                repeat=40,
            ),
        ]
        bare.close()
