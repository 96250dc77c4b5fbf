"""How a message is made to fit its destination: as it is, compressed, offloaded to S3, or refused.

One ladder for both services. Each step is taken only where the one before it is not enough (or, for compression, where
the caller asks for it earlier), and a message that fits none is an error before anything is put or sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from mega_typed.errors import TooLargeError
from mega_typed.messages import Message, compressed, pointing
from mega_typed.offload import S3Payloads
from mega_typed.pointers import write_pointer


@dataclass(frozen=True, slots=True)
class Ladder:
    """The steps of one publisher.

    Attributes:
        service: its name, for the error.
        limit: the bytes of the largest message that the destination takes.
        compress_above: the bytes of the largest message that is not compressed; None for none at all.
        offload: where to put what is still too large.
    """

    service: str
    limit: int
    compress_above: int | None = None
    offload: S3Payloads | None = None

    def fit(self, message: Message) -> Message:
        """The message in the form in which it can be sent; what is offloaded has been stored.

        Raises:
            TooLargeError: it fits in no form.
            PublishError: S3 did not take the payload.
        """
        smaller = message
        if self.compress_above is not None and message.size > self.compress_above:
            smaller = compressed(message)
        if smaller.size <= self.limit:
            return smaller
        if self.offload is not None:
            pointer = self.offload.new_pointer()
            small = pointing(message, write_pointer(pointer))
            if small.size <= self.limit:
                self.offload.put(pointer, message.body)
                return small
        raise TooLargeError(
            message.size,
            self.limit,
            f"the message has {message.size} bytes with its attributes; {self.service} takes {self.limit}",
        )


def deduplication_id(message: Message) -> str:
    """What a FIFO destination derives from a body itself; a pointer is new each time, so it cannot there."""
    return sha256(message.body.encode()).hexdigest()
