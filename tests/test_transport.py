"""The library's own transport against botocore's session: the same answers and the same errors, over real sockets."""

from __future__ import annotations

import datetime
import gc
import inspect
import socket
import ssl
import struct
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import _host_from_url  # type: ignore[attr-defined]
from botocore.awsrequest import AWSPreparedRequest, HeadersDict
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError, SSLError
from botocore.httpsession import URLLib3Session
from hypothesis import given, settings
from hypothesis import strategies as st
from mega_typed.transport import Transport, target_of
from urllib3.util import wait_for_read

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amzn-RequestId: r\r\n\r\n{}"
RESET, SILENCE, NOTHING, UNKNOWN = b"reset", b"silence", b"nothing", b"unknown"
LENIENT = "enforce_content_length=False" in inspect.getsource(URLLib3Session.send)
"""This botocore hands on what came of an answer that breaks off; older ones raise, and the transport is as this one."""
CONFIG = Config(connect_timeout=20, read_timeout=20, max_pool_connections=2, tcp_keepalive=True)
IMPATIENT = Config(connect_timeout=20, read_timeout=0.2)


class Server:
    """Answers the requests of each connection as scripted, then closes it; an iterator has one for each connection."""

    def __init__(self, context: ssl.SSLContext | None = None, piece: int = 65536) -> None:
        self.answers: Iterable[bytes] = (OK,)
        self.requests: list[bytes] = []
        self.connections = 0
        self._context, self._piece = context, piece
        self._listening = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/"

    def close(self) -> None:
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            with connection:
                shared = iter(self.answers) is self.answers
                for answer in [UNKNOWN] if shared else self.answers:
                    if not (request := _one_request(connection)):
                        return
                    self.requests.append(request)
                    if answer is UNKNOWN:
                        answer = next(iter(self.answers))
                    if answer is SILENCE:
                        connection.recv(1)
                    elif answer is RESET:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    elif answer is not NOTHING:
                        for start in range(0, len(answer), self._piece):
                            connection.sendall(answer[start : start + self._piece])
        except OSError:
            connection.close()


def _one_request(connection: socket.socket) -> bytes:
    read = b""
    while b"\r\n\r\n" not in read:
        if not (part := connection.recv(65536)):
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.fixture
def server() -> Iterator[Server]:
    """One server for a test."""
    running = Server()
    yield running
    running.close()


def request(url: str, body: Any = b"{}", stream: bool = False, headers: Mapping[str, str] | None = None) -> Any:
    """A request as botocore prepares it."""
    usual = {"User-Agent": "test", "Content-Length": str(len(body)), "X-Amz-Target": b"AmazonSQS.SendMessage"}
    fields: Any = HeadersDict({**usual, **(headers or {})})
    return AWSPreparedRequest("POST", url, fields, body, stream)


def botocores(config: Config = CONFIG) -> URLLib3Session:
    """botocore's own session."""
    return URLLib3Session(timeout=(config.connect_timeout, config.read_timeout))  # type: ignore[arg-type, attr-defined]


def ours(config: Config = CONFIG, *, session: Any = None, verify: Any = True) -> Transport:
    """The transport, before botocore's session."""
    return Transport(session or botocores(), config, verify)


def outcome(session: Any, url: str, times: int = 1) -> list[object]:
    """What sending comes to: an answer or the type of an error."""
    outcomes: list[object] = []
    for _ in range(times):
        try:
            answer = session.send(request(url))
        except Exception as error:
            outcomes.append(type(error))
        else:
            headers = {name.lower(): " ".join(value.split()) for name, value in answer.headers.items()}
            outcomes.append((answer.status_code, headers, answer.content))
    session.close()
    return outcomes


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
CASES: dict[str, Sequence[bytes]] = {
    "usual": [OK],
    "twice": [OK, OK],
    "chunked": [CHUNKED, OK],
    "chunked, with a length": [CHUNKED.replace(b"\r\nT", b"\r\nContent-Length: 2\r\nT"), OK],
    "until closed": [b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"],
    "an old protocol": [b"HTTP/1.0 200 OK\r\n\r\n{}"],
    "spaces in headers": [b"HTTP/1.1 200 OK\r\ncontent-length:   2  \r\nX-Empty:\r\n\r\n{}"],
    "no content": [b"HTTP/1.1 204 No Content\r\n\r\n", OK],
    "an error of the caller": [b'HTTP/1.1 400 Bad Request\r\nContent-Length: 14\r\n\r\n{"__type":"x"}', OK],
    "an error of the service": [b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\n\r\n", OK],
    "continue": [b"HTTP/1.1 100 Continue\r\n\r\n" + OK, OK],
    "nothing": [NOTHING],
    "no status": [b"hello\r\n\r\n"],
    "a status without sense": [b"HTTP/1.1 abc OK\r\n\r\n"],
    "a length without sense": [b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}"],
    "a chunk without sense": [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}"],
    "more than was said": [OK + b"HTTP/1.1 500 Later\r\n\r\n", OK],
    "reset": [RESET],
    "silence": [SILENCE],
    "silence in the middle": [OK[:-1], SILENCE],
}


@pytest.mark.parametrize("case", CASES)
def test_answers_and_errors_are_those_of_botocores_session(server: Server, case: str) -> None:
    """Whatever a server sends, calls come to what they come to with botocore's own session."""
    server.answers = answers = CASES[case]
    config = IMPATIENT if SILENCE in answers else CONFIG
    assert outcome(ours(config), server.url, len(answers)) == outcome(botocores(config), server.url, len(answers))


@given(answer=st.sampled_from([CHUNKED, *([OK, CASES["continue"][0]] if LENIENT else [])]), cut=st.integers(0, 90))
@settings(max_examples=60)
def test_an_answer_that_breaks_off_is_what_it_is_to_botocore(answer: bytes, cut: int) -> None:
    """Wherever a server closes the connection, the outcome is that of botocore's own session."""
    server = Server()
    server.answers = (answer[:cut] or NOTHING,)
    try:
        assert outcome(ours(), server.url) == outcome(botocores(), server.url)
    finally:
        server.close()


STATUS = st.sampled_from([b"200 OK", b"200", b"200 ", b"204 None", b"304 Same", b"404 No\xff", b"99 Odd", b"1000 Odd"])
HEADERS = st.lists(
    st.sampled_from(
        b"Content-Length: 2|content-length:2|Content-Length: 02|Content-Length: 2 |Content-Length: +2|Content-Length: 1"
        b"|Content-Length: 2, 2|Content-Length: -1|Transfer-Encoding: chunked|Connection: close|Connection: Keep-Alive"
        b"|X: a b|X:   a  |X:|X: \xe9|no colon|: no name|X Y: a|X\x0b: a".split(b"|")
    ),
    max_size=4,
    unique=True,
)


@given(STATUS, HEADERS, st.sampled_from([b"\r\n", b"\n"]), st.booleans())
@settings(max_examples=150)
def test_an_odd_answer_is_what_it_is_to_botocore(status: bytes, headers: list[bytes], end: bytes, slow: bool) -> None:
    """Whatever headers an answer has, and in however many pieces it comes, the outcome is that of botocore's session."""
    server = Server(piece=7 if slow else 65536)
    server.answers = (end.join([b"HTTP/1.1 " + status, *headers, b"", b"{}"]),)
    try:
        expected = outcome(botocores(), server.url)
        if LENIENT or ConnectionClosedError not in expected:
            assert outcome(ours(), server.url) == expected
    finally:
        server.close()


def test_the_request_is_the_one_that_botocore_sends(server: Server) -> None:
    """The same lines go over the wire, whatever their order, and the same body."""
    for session in (ours(), botocores()):
        session.send(request(server.url, "a=b&c=d"))
        session.close()
    first, second = (sent.partition(b"\r\n\r\n") for sent in server.requests)
    assert first[2] == second[2] == b"a=b&c=d"
    assert sorted(first[0].lower().split(b"\r\n")) == sorted(second[0].lower().split(b"\r\n"))


def test_a_connection_is_used_again(server: Server) -> None:
    """Many calls take one connection, and one that the server has closed meanwhile is replaced without an error."""
    server.answers = [OK] * 3
    transport = ours()
    for _ in range(2):
        for _ in range(3):
            assert transport.send(request(server.url)).content == b"{}"
        (idle,) = transport._idle.values()
        assert wait_for_read(idle[0], timeout=10)  # the server has closed it
    transport.close()
    assert (server.connections, len(server.requests)) == (2, 6)


def test_a_transport_that_is_dropped_closes_its_connections(server: Server) -> None:
    """A client that nobody closes leaves no open connection behind, and no warning about one."""
    transport = ours()
    transport.send(request(server.url))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        del transport
        gc.collect()
    assert [str(warning.message) for warning in said if issubclass(warning.category, ResourceWarning)] == []


def test_an_answer_belongs_to_its_request(server: Server) -> None:
    """After a call that was given up, its connection is not used again: its answer would be that of the next call."""
    server.answers = [SILENCE]
    transport = ours(IMPATIENT)
    with pytest.raises(ReadTimeoutError):
        transport.send(request(server.url))
    server.answers = [OK]
    transport._read_timeout = CONFIG.read_timeout  # type: ignore[attr-defined]
    assert transport.send(request(server.url)).content == b"{}"
    transport.close()
    assert server.connections == 2


def test_threads_share_a_transport(server: Server) -> None:
    """Calls of many threads get their own answers, and no more connections are kept than the configuration says."""
    server.answers = [OK] * 1000
    transport = ours()
    failed: list[BaseException] = []

    def call() -> None:
        try:
            for _ in range(20):
                assert transport.send(request(server.url)).content == b"{}"
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=call) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(server.requests) == 160
    assert sum(len(idle) for idle in transport._idle.values()) <= 2
    transport.close()


def test_nobody_listens(server: Server) -> None:
    """A refused connection is the error that botocore's retries know."""
    server.close()
    with pytest.raises(EndpointConnectionError):
        ours().send(request("http://127.0.0.1:9/"))


class Elsewhere:
    """Stands for botocore's session, and notes what it is asked to send."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def send(self, request: Any) -> Any:
        self.sent.append(request)

    def close(self) -> None: ...


@pytest.mark.parametrize(
    "unusual",
    [
        lambda url: request(url, stream=True),
        lambda url: request(url, bytearray(b"{}")),
        lambda url: request(url, headers={"Host": "example.com"}),
        lambda url: request(url, headers={"Transfer-Encoding": "chunked"}),
        lambda url: request(url, headers={"X-Trace": "a\r\nHost: evil"}),
        lambda url: request(url, headers={"X-Trace": "\N{SNOWMAN}"}),
    ],
)
def test_what_is_out_of_the_ordinary_is_left_to_botocore(server: Server, unusual: Callable[[str], Any]) -> None:
    """Streams, other hosts, and headers that could smuggle a request go through botocore's session."""
    elsewhere = Elsewhere()
    transport = ours(session=elsewhere)
    transport.send(unusual(server.url))
    assert len(elsewhere.sent) == 1
    assert server.requests == []


def test_a_timeout_of_one_request_is_left_to_botocore(server: Server) -> None:
    """botocore can give a single request another timeout; its own session knows how."""
    elsewhere = Elsewhere()
    one = request(server.url)
    one.context = {"read_timeout": 3}
    ours(session=elsewhere).send(one)
    assert elsewhere.sent == [one]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:4566/",
        "https://sqs.eu-west-1.amazonaws.com/",
        "https://sqs.eu-west-1.amazonaws.com:443/",
        "http://sqs.eu-west-1.amazonaws.com:80/",
        "https://SQS.example:8443/path?a=b",
        "http://[::1]:4566/",
        "https://[2001:db8::1]/",
        "https://user@example.com/",
    ],
)
def test_the_host_is_the_one_that_is_signed(url: str) -> None:
    """The header Host is sent as botocore's signature has it; else the service refuses every call."""
    assert target_of(url).authority == _host_from_url(url)


# --- certificates -----------------------------------------------------------------------------------------------------


@contextmanager
def secure_server(folder: Path, name: str) -> Iterator[tuple[Server, Path]]:
    """A server with a certificate of its own making, for one host."""
    pytest.importorskip("cryptography")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    host: x509.GeneralName = x509.IPAddress(ip_address(name)) if name[0].isdigit() else x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, secret = folder / "trusted.pem", folder / "key.pem"
    trusted.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted, secret)
    server = Server(context)
    try:
        yield server, trusted
    finally:
        server.close()


def test_a_trusted_certificate_is_accepted(tmp_path: Path) -> None:
    """With the file of trusted certificates that the client is configured with, calls go through, on one connection."""
    with secure_server(tmp_path, "127.0.0.1") as (server, trusted):
        server.answers = [OK, OK]
        transport = ours(verify=str(trusted))
        assert [transport.send(request(server.url)).content for _ in range(2)] == [b"{}", b"{}"]
        transport.close()
        assert server.connections == 1


@pytest.mark.parametrize(("name", "trust"), [("127.0.0.1", False), ("other.example", True), ("127.0.0.2", True)])
def test_another_certificate_is_refused(tmp_path: Path, name: str, trust: bool) -> None:
    """A certificate that nobody vouches for, or of another host, ends the call before anything is sent."""
    with secure_server(tmp_path, name) as (server, trusted):
        with pytest.raises(SSLError):
            ours(verify=str(trusted) if trust else True).send(request(server.url))
        assert server.requests == []


def test_a_lost_connection_is_an_error_of_the_connection(server: Server) -> None:
    """A server that is gone after the request is not mistaken for one that answered."""
    server.answers = [RESET]
    with pytest.raises(ConnectionClosedError):
        ours().send(request(server.url))
