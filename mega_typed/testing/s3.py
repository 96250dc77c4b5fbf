"""Buckets in memory, as much of S3 as offloading payloads needs."""

from __future__ import annotations

import io
from typing import Any

from mega_typed.testing.faults import FaultyClient, Refusal

__all__ = ["InMemoryS3"]


class InMemoryS3(FaultyClient):
    """An S3 in memory with the methods of a boto3 client that offloading uses: ``put_object`` and ``get_object``.

    Attributes:
        objects: what was put, by bucket and key. A bucket is there when something was put into it.
    """

    service = "s3"

    def __init__(self) -> None:
        super().__init__()
        self.objects: dict[tuple[str, str], bytes] = {}

    def close(self) -> None:
        """Do nothing; a boto3 client has it."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes | str) -> dict[str, Any]:
        """PutObject."""

        def put() -> dict[str, Any]:
            self.objects[Bucket, Key] = Body.encode() if isinstance(Body, str) else bytes(Body)
            return {}

        return self._run("put_object", put)

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """GetObject: ``Body`` is a stream."""

        def get() -> dict[str, Any]:
            data = self.objects.get((Bucket, Key))
            if data is None:
                raise Refusal("NoSuchKey", "The specified key does not exist.", status=404)
            return {"Body": io.BytesIO(data), "ContentLength": len(data)}

        return self._run("get_object", get)
