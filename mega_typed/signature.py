"""AWS Signature Version 4 as botocore computes it, without what it computes anew for every call.

The steps and their order are botocore's own (``SigV4Auth.add_auth``). Replaced are those that derive the same signing
key all day, that build e-mail messages to sort a few headers, and that prepare the request once more to see its body.
This file knows requests, and neither services nor clients.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any, Final

from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth
from mega_typed.transport import target_of

GetAuth = Callable[..., Any]
"""Gives what signs one request; botocore's ``RequestSigner.get_auth_instance``."""


def quick_auth(careful: GetAuth) -> GetAuth:
    """The same function, but for plain Version 4 signatures; everything else is signed as before."""

    def get_auth_instance(**chosen: Any) -> Any:
        auth = careful(**chosen)
        if type(auth) is SigV4Auth:
            return QuickSigV4(auth.credentials, chosen["signing_name"], chosen["region_name"])
        return auth

    return get_auth_instance


class QuickSigV4(SigV4Auth):
    """Signs one request."""

    def __init__(self, credentials: Any, service_name: str, region_name: str) -> None:
        super().__init__(credentials, service_name, region_name)
        self._scope = (region_name, service_name)
        self._signed: dict[str, str] | None = None

    def headers_to_sign(self, request: Any) -> Any:
        """Names in lower case and canonical values; what botocore asks for twice."""
        if self._signed is None:
            found: dict[str, str] = {}
            for name, value in request.headers.raw_items():
                key, canonical = name.lower(), " ".join(value.split())
                found[key] = f"{found[key]},{canonical}" if key in found else canonical
            found.setdefault("host", target_of(request.url).authority)
            self._signed = {name: found[name] for name in sorted(found.keys() - _NOT_SIGNED)}
        return self._signed

    def canonical_headers(self, headers_to_sign: Any) -> str:
        """One header a line."""
        return "\n".join([f"{name}:{value}" for name, value in headers_to_sign.items()])

    def signed_headers(self, headers_to_sign: Any) -> str:
        """Their names."""
        return ";".join(headers_to_sign)

    def payload(self, request: Any) -> str:
        """The hash of the body."""
        context = request.context
        if type(request.data) is bytes and context.get("payload_signing_enabled", True) and not context.get("checksum"):
            return sha256(request.data).hexdigest()
        return super().payload(request)

    def signature(self, string_to_sign: str, request: Any) -> str:
        """The hash of everything, with the key of the day."""
        day = request.context["timestamp"][:8]
        key = _signing_key(self.credentials.secret_key, day, *self._scope)
        return hmac.digest(key, string_to_sign.encode(), "sha256").hex()


_NOT_SIGNED: Final = frozenset(SIGNED_HEADERS_BLACKLIST)


@lru_cache(maxsize=4)
def _signing_key(secret: str, *scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (*scope, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
