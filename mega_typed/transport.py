"""How the library's own clients speak HTTP: one connection, one write, one read for a call.

botocore's way over urllib3 costs half of a call, most of it for what a call to SQS or SNS has not: streams, redirects,
proxies, per-request certificates. A `Transport` stands in the place of botocore's HTTP session, below its signatures,
retries and hooks, which stay as they are; it knows requests and answers and no service. Connections are opened by the
standard library and answers are read by it; certificates are checked as botocore checks them.

Whatever is out of the ordinary goes through botocore's session: a proxy, a client certificate, a switched-off
verification, a streamed body, a timeout of a single request. Errors are raised as botocore's session raises them, since
its retries tell them apart by type.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from pathlib import Path
from socket import SO_KEEPALIVE, SOL_SOCKET, socket
from typing import Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context, get_cert_path
from urllib3.util import wait_for_read


class Request(Protocol):
    """What is used of botocore's prepared request."""

    method: str
    url: str
    headers: Any
    body: Any
    stream_output: bool


class Session(Protocol):
    """What is used of botocore's HTTP session."""

    def send(self, request: Any) -> AWSResponse:
        """Send a request and read the answer."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...


class Target(NamedTuple):
    """What a URL says of a call: which server, and the first lines of the request."""

    secure: bool
    host: str
    port: int | None
    path: str
    authority: str


class Transport:
    """Sends requests over connections that it keeps open; safe to use from many threads.

    Args:
        session: botocore's own, for what is out of the ordinary.
        config: the client's configuration, for its timeouts and the number of connections that are kept.
        verify: the file or folder of trusted certificates, or True for the usual ones.
    """

    def __init__(self, session: Session, config: Any, verify: str | bool) -> None:
        self._session = session
        self._verify = verify
        self._connect_timeout: float = config.connect_timeout
        self._read_timeout: float = config.read_timeout
        self._keepalive = bool(getattr(config, "tcp_keepalive", False))
        self._kept: int = config.max_pool_connections
        self._idle: dict[tuple[bool, str, int | None], deque[socket]] = {}
        self._context: ssl.SSLContext | None = None

    def send(self, request: Request) -> AWSResponse:
        """Send one request and read the whole answer.

        Raises:
            botocore.exceptions.HTTPClientError: as botocore's own session does.
        """
        target = target_of(request.url)
        text = _written(request, target)
        if text is None:
            return self._session.send(request)
        idle = self._idle.setdefault(target[:3], deque())
        connection = _usable(idle) or self._connect(target, request.url)
        answer = HTTPResponse(connection, method=request.method)
        reusable = False
        try:
            with suppress(BrokenPipeError):  # the answer may be there already
                connection.sendall(text)
            answer.begin()
            try:
                content = answer.read()
                reusable = not answer.will_close
            except IncompleteRead as error:
                if answer.chunked:
                    raise
                content = error.partial  # as from botocore, which makes of it what it can
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=request.url, error=error) from error
        except (HTTPException, OSError) as error:
            raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from error
        finally:
            answer.close()
            if reusable and len(idle) < self._kept:
                idle.append(connection)
            else:  # also when a signal broke in: an answer may be on its way
                connection.close()
        return AWSResponse(request.url, answer.status, answer.getheaders(), _Content(content))  # type: ignore[arg-type]

    def close(self) -> None:
        """Close all connections that are not in use."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()
        self._session.close()

    def _connect(self, target: Target, url: str) -> socket:
        try:
            if target.secure:
                connection: HTTPConnection = HTTPSConnection(
                    target.host, target.port, timeout=self._connect_timeout, context=self._secure()
                )
            else:
                connection = HTTPConnection(target.host, target.port, timeout=self._connect_timeout)
            connection.connect()
        except TimeoutError as error:
            raise ConnectTimeoutError(endpoint_url=url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=url, error=error) from error
        except OSError as error:
            raise EndpointConnectionError(endpoint_url=url, error=error) from error
        opened: socket = connection.sock
        opened.settimeout(self._read_timeout)
        if self._keepalive:
            opened.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1)
        return opened

    def _secure(self) -> ssl.SSLContext:
        if self._context is None:
            context: ssl.SSLContext = create_urllib3_context()
            context.check_hostname = True  # which urllib3 would do by itself
            trusted = str(get_cert_path(self._verify))  # type: ignore[arg-type]
            context.load_verify_locations(**{"capath" if Path(trusted).is_dir() else "cafile": trusted})
            self._context = context
        return self._context


class _Content:
    """An answer that was read whole, in the form in which botocore reads one."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterable[bytes]:
        """All there is."""
        return (self._content,)


_UNUSUAL: Final = frozenset({"host", "transfer-encoding", "expect"})


@lru_cache(maxsize=256)
def target_of(url: str) -> Target:
    """Read the URL of a request."""
    parts = urlsplit(url)
    secure, host = parts.scheme == "https", parts.hostname or ""
    usual = 443 if secure else 80
    name = f"[{host}]" if ":" in host else host
    authority = name if parts.port in (None, usual) else f"{name}:{parts.port}"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(secure, host, parts.port, path, authority)


def _written(request: Request, target: Target) -> bytes | None:
    """The request as it is sent, or None for one that botocore's session must send."""
    body = request.body.encode() if isinstance(request.body, str) else request.body
    if request.stream_output or not isinstance(body, bytes):
        return None
    if (getattr(request, "context", None) or {}).get("read_timeout") is not None:
        return None
    lines = [
        f"{request.method} {target.path} HTTP/1.1",
        f"Host: {target.authority}",
        "Accept-Encoding: identity",
    ]
    for name, value in request.headers.items():
        text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
        if name.lower() in _UNUSUAL or "\n" in text or "\r" in text:
            return None
        lines.append(f"{name}: {text}")
    try:
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    except UnicodeEncodeError:
        return None


def _usable(idle: deque[socket]) -> socket | None:
    """An open connection; one on which something waits to be read was closed by the server, or is out of step."""
    while idle:
        try:
            connection = idle.pop()
        except IndexError:  # another thread was quicker
            break
        if not wait_for_read(connection, timeout=0):
            return connection
        connection.close()
    return None
