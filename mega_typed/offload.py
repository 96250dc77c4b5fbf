"""Payloads in S3 that are too large for a queue or topic: what is put there, and what is read from there.

Anybody who can send a message can send a pointer. So only buckets that were configured are read, and only objects of a
bounded size. Nothing is deleted here: an object outlives its message, or a redelivery would find nothing; a lifecycle
rule of the bucket, longer than the retention of the queue, clears it away.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from typing import Final
from uuid import uuid4

from mega_typed.aws import AwsSession, ClientSource, S3Client, describe, service_errors
from mega_typed.envelopes import EnvelopeKind, Record
from mega_typed.errors import CodecError, ConfigurationError, FetchError, PublishError
from mega_typed.pointers import Pointer, find_pointer, with_payload

_MISSING: Final = frozenset({"NoSuchKey", "404"})


class S3Payloads:
    """A bucket for payloads, in the format of Amazon's extended clients for SQS and SNS.

    Give it to a publisher (``offload=``), and hand each record that is received to `restore`. The S3 client is built
    when the first payload is put or fetched.

    Args:
        bucket: where payloads are put, and read from.
        prefix: what their keys begin with.
        read_from: more buckets that are read, such as those of other publishers.
        max_bytes: the largest payload that is fetched.
        aws_access_key_id: this and the arguments below are those of `SqsPublisher`.
        aws_secret_access_key: see there.
        region_name: see there.
        endpoint_url: see there.
        session: see there.
        client: a ready S3 client.

    Raises:
        ConfigurationError: the arguments contradict each other.
    """

    def __init__(
        self,
        bucket: str,
        *,
        prefix: str = "",
        read_from: Iterable[str] = (),
        max_bytes: int = 67_108_864,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: S3Client | None = None,
    ) -> None:
        if not bucket:
            raise ConfigurationError("bucket is missing")
        if isinstance(read_from, str):
            raise ConfigurationError("read_from is a list of buckets, not one")
        self._clients = ClientSource[S3Client](
            "s3",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )
        self._bucket = bucket
        self._prefix = prefix
        self._readable = frozenset({bucket, *read_from})
        self._max_bytes = max_bytes

    def new_pointer(self) -> Pointer:
        """A place for one payload, which nothing else will have: two messages never share an object."""
        return Pointer(self._bucket, f"{self._prefix}{uuid4()}")

    def put(self, pointer: Pointer, body: str) -> None:
        """Store a body. Raises ``PublishError``: nothing must be sent then."""
        try:
            self._clients.get().put_object(Bucket=pointer.bucket, Key=pointer.key, Body=body.encode())
        except service_errors() as error:
            failure = describe(error)
            raise PublishError(
                failure.code,
                f"the payload cannot be put into bucket {pointer.bucket!r}: {failure.message} ({failure.code})",
            ) from error

    def restore(self, record: Record, expect: EnvelopeKind | None = None) -> Record:
        """The record with its payload in it: fetched if the body is a pointer, else the record itself.

        Args:
            record: as it was received, from SQS or from Lambda.
            expect: the kind of envelope that the listener or dispatcher is pinned to.

        Raises:
            CodecError: the message is wrong: ``foreign_bucket``, ``payload_missing``, ``too_large`` or
                ``malformed_utf8``.
            FetchError: S3 did not hand the payload over. Keep the message; it is worth another try.
        """
        pointer = find_pointer(record, expect)
        return record if pointer is None else with_payload(record, self._fetch(pointer), expect)

    def _fetch(self, pointer: Pointer) -> str:
        if pointer.bucket not in self._readable:
            raise CodecError(
                "foreign_bucket", f"the payload lies in bucket {pointer.bucket!r}, which is not configured"
            )
        where = f"payload {pointer.key!r} in bucket {pointer.bucket!r}"
        try:
            answer = self._clients.get().get_object(Bucket=pointer.bucket, Key=pointer.key)
            with closing(answer["Body"]) as stream:
                data: bytes = stream.read(self._max_bytes + 1)
        except service_errors() as error:
            failure = describe(error)
            if failure.code in _MISSING:
                raise CodecError("payload_missing", f"there is no {where}") from error
            raise FetchError(failure.code, f"{where}: {failure.message} ({failure.code})") from error
        if len(data) > self._max_bytes:
            raise CodecError("too_large", f"{where} has more than {self._max_bytes} bytes")
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise CodecError("malformed_utf8", f"{where} is not UTF-8 text") from None
