"""How the library's own clients speak HTTP: one connection, one write, one read for a call.

botocore's way over urllib3 costs half of a call, most of it for what a call to SQS or SNS has not: streams, redirects,
proxies, per-request certificates. A `Transport` stands in the place of botocore's HTTP session, below its signatures,
retries and hooks, which stay as they are; it knows requests and answers and no service. Connections are opened by the
standard library, which also reads every answer of an unusual form; certificates are checked as botocore checks them.

Whatever is out of the ordinary goes through botocore's session: a proxy, a client certificate, a switched-off
verification, a streamed body, a timeout of a single request. Errors are raised as botocore's session raises them, since
its retries tell them apart by type.
"""

from __future__ import annotations

import re
import ssl
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection, IncompleteRead
from io import BufferedReader, RawIOBase
from pathlib import Path
from socket import SO_KEEPALIVE, SOL_SOCKET, socket
from typing import Any, Final, NamedTuple, Protocol, TypeAlias, cast
from urllib.parse import urlsplit
from weakref import finalize

from botocore.awsrequest import AWSResponse
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
    SSLError,
)
from botocore.httpsession import create_urllib3_context, get_cert_path
from mega_typed.forks import tell_of_forks
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


_Idle: TypeAlias = dict[tuple[bool, str, int | None], deque[socket]]


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
        self._idle: _Idle = {}
        self._context: ssl.SSLContext | None = None
        finalize(self, _close_all, self._idle)  # as urllib3 does, for clients that nobody closes
        tell_of_forks(self)

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
        reusable = False
        try:
            with suppress(BrokenPipeError):  # the answer may be there already
                connection.sendall(text)
            answer = _answer(connection, request.method)
            reusable = answer.complete
        except TimeoutError as error:
            raise ReadTimeoutError(endpoint_url=request.url, error=error) from error
        except ssl.SSLError as error:
            raise SSLError(endpoint_url=request.url, error=error) from error
        except (HTTPException, OSError) as error:
            raise ConnectionClosedError(error=error, request=request, endpoint_url=request.url) from error
        finally:
            if reusable and len(idle) < self._kept:
                idle.append(connection)
            else:  # also when a signal broke in: an answer may be on its way
                connection.close()
        content = _Content(answer.content)
        return AWSResponse(request.url, answer.status, answer.headers, content)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close all connections that are not in use."""
        _close_all(self._idle)
        self._session.close()

    def start_anew(self) -> None:
        """In a child process: the connections are the parent's, and answers on them are for the parent."""
        _close_all(self._idle)

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


class Answer(NamedTuple):
    """An answer that was read; complete: nothing is missing or left over, and the connection stays open."""

    status: int
    headers: list[tuple[str, str]]
    content: bytes
    complete: bool


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


_RECEIVED: Final = 65_536
_USUAL: Final = re.compile(
    rb"HTTP/1\.1 ([2-5][0-9]{2})(?: [!-~ ]*)?\r\n((?:[A-Za-z0-9-]+: ?(?:[!-~](?:[!-~ ]*[!-~])?)?\r\n)*)\r\n"
)
_BODILESS: Final = frozenset({204, 304})


def _answer(connection: socket, method: str) -> Answer:
    """Read an answer. The usual form is read here; any other, from its first byte on, by the standard library."""
    received = connection.recv(_RECEIVED)
    while b"\r\n\r\n" not in received and 0 < len(received) < _RECEIVED:
        if not (more := connection.recv(_RECEIVED)):
            break
        received += more
    usual = _USUAL.match(received)
    if usual is None:
        return _unusual_answer(connection, method, received)
    status = int(usual[1])
    lines = usual[2].decode("ascii").split("\r\n")[:-1]
    headers = [(name, value.lstrip()) for name, _, value in (line.partition(":") for line in lines)]
    fields = {name.lower(): value for name, value in headers}
    length = fields.get("content-length", "")
    if (
        len(fields) < len(headers)
        or not (length.isdecimal() and len(length) < 10)
        or "transfer-encoding" in fields
        or fields.get("connection", "keep-alive").lower() != "keep-alive"
        or status in _BODILESS
    ):
        return _unusual_answer(connection, method, received)
    parts, missing = [received[usual.end() :]], int(length) - len(received) + usual.end()
    while missing > 0 and (more := connection.recv(min(missing, _RECEIVED))):
        parts.append(more)
        missing -= len(more)
    # What is missing is missing from botocore's answers too, which makes of the rest what it can.
    return Answer(status, headers, b"".join(parts)[: int(length)], complete=missing == 0)


def _unusual_answer(connection: socket, method: str, received: bytes) -> Answer:
    answer = HTTPResponse(cast("socket", _Resumed(connection, received)), method=method)
    try:
        answer.begin()
        headers = [(name, ", ".join(answer.headers.get_all(name, ()))) for name in answer.headers]
        if not answer.chunked and _several(answer.headers.get_all("content-length", ())):
            raise HTTPClientError(error="an answer of several lengths")
        try:
            content = answer.read()
        except IncompleteRead as error:
            if answer.chunked:
                raise
            return Answer(answer.status, headers, error.partial, complete=False)
        return Answer(answer.status, headers, content, complete=not answer.will_close)
    finally:
        answer.close()


def _several(lengths: Iterable[str]) -> bool:
    """Whether they differ; what is no number is no length."""
    with suppress(ValueError):
        return len({int(each) for length in lengths for each in length.split(",")}) > 1
    return False


class _Resumed(RawIOBase):
    """A connection of which the first bytes were read already, as the standard library reads one."""

    def __init__(self, connection: socket, received: bytes) -> None:
        super().__init__()
        self._connection = connection
        self._received = received

    def makefile(self, _mode: str) -> BufferedReader:
        """What answers are read from."""
        return BufferedReader(self)

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """First what was received, then what comes."""
        if not self._received:
            return self._connection.recv_into(buffer)
        count = min(len(buffer), len(self._received))
        buffer[:count] = self._received[:count]
        self._received = self._received[count:]
        return count


def _close_all(idle: _Idle) -> None:
    for connections in list(idle.values()):
        while connections:
            connections.pop().close()


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
