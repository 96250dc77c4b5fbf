"""What can be said of cost without a clock: how often the service is called. Times are `make bench`."""

from __future__ import annotations

import pytest
from mega_typed import MessageSubscriber, SqsListener, SqsPublisher

from bench.listening import KEYS, queue_url
from bench.sqs_server import calls, free_sqs


class All(MessageSubscriber):
    """Takes everything."""

    def process(self, payload: object) -> None: ...


@pytest.mark.parametrize("buffered", [False, True])
def test_a_thousand_messages_cost_three_hundred_calls(buffered: bool) -> None:
    """Sent by tens, received by tens, deleted by tens, and nothing besides."""
    with free_sqs() as endpoint:
        publisher = SqsPublisher(queue_url(endpoint), endpoint_url=endpoint, **KEYS)
        if buffered:
            with publisher.buffered(linger_seconds=10) as buffer:
                for number in range(1000):
                    buffer.publish({"number": number})
        else:
            publisher.publish_many({"number": number} for number in range(1000))
        listener = SqsListener(queue_url(endpoint), endpoint_url=endpoint, **KEYS)
        listener.register_subscriber(All)
        assert sum(len(listener.poll_once()) for _ in range(100)) == 1000
        assert calls(endpoint) == {"SendMessageBatch": 100, "ReceiveMessage": 100, "DeleteMessageBatch": 100}


def test_the_server_of_the_bench_hands_out_what_was_sent() -> None:
    """Else the bench would measure nothing: all that a receive asks for comes, and the attributes of the message."""
    with free_sqs() as endpoint:
        SqsPublisher(queue_url(endpoint), endpoint_url=endpoint, **KEYS).publish("hello")
        got: list[object] = []

        class Keep(MessageSubscriber):
            def process(self, payload: object) -> None:
                got.append(payload)

        listener = SqsListener(queue_url(endpoint), endpoint_url=endpoint, max_number_of_messages=3, **KEYS)
        listener.register_subscriber(Keep)
        listener.poll_once()
        assert got == ["hello"] * 3
