"""A client that the library builds itself says and understands what a client of botocore alone does, only sooner."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, get_type_hints

import boto3
import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials, RefreshableCredentials
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from hypothesis import given
from hypothesis import strategies as st
from mega_typed import SnsPublisher, SqsListener, SqsPublisher
from mega_typed.aws import ClientSource
from mega_typed.json_protocol import _ANSWERS, QuickSerializer, read_answer
from mega_typed.signature import QuickSigV4
from mega_typed.subscribers import MessageSubscriber
from mega_typed.transport import Transport

from .test_transport import LENIENT, NOTHING, Server

KEYS: dict[str, Any] = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
MODEL: Any = botocore.session.get_session().get_service_model("sqs")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that answers as it is told."""
    running = Server()
    yield running
    running.close()


def quick(server: Server, **more: Any) -> Any:
    """A client as publishers and listeners build it."""
    return ClientSource[Any]("sqs", endpoint_url=server.url, **(KEYS | more)).get()


def plain(server: Server) -> Any:
    """A client of boto3 alone, with the same settings."""
    config = Config(parameter_validation=False, retries={"mode": "standard"})
    return boto3.Session(**KEYS).client("sqs", endpoint_url=server.url, config=config)


def answer(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """An answer as SQS gives it."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "x-amzn-RequestId: r", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


# --- bodies -----------------------------------------------------------------------------------------------------------

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ATTRIBUTES = st.dictionaries(
    TEXT,
    st.one_of(
        st.fixed_dictionaries({"DataType": TEXT, "StringValue": TEXT}),
        st.fixed_dictionaries({"DataType": TEXT, "BinaryValue": st.binary(max_size=20)}),
    ),
    max_size=3,
)
MESSAGE = {"MessageBody": TEXT, "MessageAttributes": ATTRIBUTES, "DelaySeconds": st.integers(0, 900)}
RECEIPT = {"ReceiptHandle": TEXT}
DELAY = {"VisibilityTimeout": st.integers(0, 43_200)}
ASKED = {"WaitTimeSeconds": st.integers(), "MessageAttributeNames": st.lists(TEXT)}


def one(**fields: Any) -> st.SearchStrategy[Any]:
    """The parameters of a call for one message, or for none."""
    return st.fixed_dictionaries({"QueueUrl": TEXT}, optional=fields)


def many(**fields: Any) -> st.SearchStrategy[Any]:
    """The parameters of a call for a batch."""
    entries = st.lists(st.fixed_dictionaries({"Id": TEXT}, optional=fields), max_size=3)
    return st.fixed_dictionaries({"QueueUrl": TEXT, "Entries": entries})


CALLS = st.one_of(
    st.tuples(st.just("SendMessage"), one(**MESSAGE)),
    st.tuples(st.just("SendMessageBatch"), many(**MESSAGE)),
    st.tuples(st.just("ReceiveMessage"), one(**ASKED)),
    st.tuples(st.just("DeleteMessageBatch"), many(**RECEIPT)),
    st.tuples(st.just("ChangeMessageVisibilityBatch"), many(**RECEIPT, **DELAY)),
    st.tuples(st.just("GetQueueAttributes"), one()),
)


@given(CALLS)
def test_what_is_sent_is_what_botocore_sends(call: tuple[str, dict[str, Any]]) -> None:
    """For random calls, the request is the same but for the spelling of its JSON."""
    operation, parameters = call
    model = MODEL.operation_model(operation)
    careful: Any = JSONSerializer()
    expected = careful.serialize_to_request(parameters, model)
    written = QuickSerializer(careful).serialize_to_request(parameters, model)
    assert json.loads(written.pop("body")) == json.loads(expected.pop("body"))
    assert written == expected


@pytest.mark.parametrize("unusual", ["\ud800", {"a": object}, 10**400])
def test_what_cannot_be_written_is_left_to_botocore(unusual: Any) -> None:
    """Whatever msgspec refuses is sent, or refused, as before."""
    careful: Any = JSONSerializer()
    parameters = {"QueueUrl": "q", "MessageBody": unusual}
    model = MODEL.operation_model("SendMessage")

    def tried(serializer: Any) -> object:
        try:
            return json.loads(serializer.serialize_to_request(parameters, model)["body"])
        except Exception as error:
            return type(error)

    assert tried(QuickSerializer(careful)) == tried(careful)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
BASE64 = st.binary(max_size=10).map(lambda data: b64encode(data).decode())


def loosely(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly what is expected, sometimes anything."""
    return st.one_of(strategy, strategy, strategy, strategy, strategy, strategy, strategy, JSONS)


RECEIVED = st.fixed_dictionaries(
    {},
    optional={
        "Messages": loosely(
            st.lists(
                loosely(
                    st.fixed_dictionaries(
                        {"ReceiptHandle": TEXT, "Body": loosely(TEXT)},
                        optional={
                            "MessageId": TEXT,
                            "Attributes": st.dictionaries(TEXT, loosely(TEXT), max_size=2),
                            "MessageAttributes": st.dictionaries(
                                TEXT,
                                st.fixed_dictionaries(
                                    {"DataType": TEXT},
                                    optional={"StringValue": TEXT, "BinaryValue": loosely(BASE64), "New": JSONS},
                                ),
                                max_size=2,
                            ),
                            "Unknown": JSONS,
                        },
                    )
                ),
                max_size=3,
            )
        ),
        "Unknown": JSONS,
    },
)
SETTLED = st.fixed_dictionaries(
    {},
    optional={
        "Successful": loosely(st.lists(st.fixed_dictionaries({"Id": TEXT, "MessageId": TEXT}), max_size=2)),
        "Failed": loosely(
            st.lists(
                st.fixed_dictionaries({"Id": TEXT, "Code": TEXT, "SenderFault": loosely(st.booleans())}), max_size=2
            )
        ),
    },
)
ANSWERS = st.one_of(
    st.tuples(st.just("ReceiveMessage"), RECEIVED.map(json.dumps).map(str.encode)),
    st.tuples(st.sampled_from(["SendMessageBatch", "DeleteMessageBatch"]), SETTLED.map(json.dumps).map(str.encode)),
    st.tuples(st.sampled_from(sorted(_ANSWERS)), JSONS.map(json.dumps).map(str.encode) | st.binary(max_size=9)),
)


def parsed(operation: str, body: bytes, *, first: bool) -> object:
    """What botocore makes of an answer, with or without the reading before it; the type of its error, if any."""
    model = MODEL.operation_model(operation)
    response = {"body": body, "headers": {}, "status_code": 200, "context": {"operation_name": operation}}
    read: dict[str, Any] = {}
    if first:
        read_answer(operation_model=model, response_dict=response, customized_response_dict=read, unknown=1)
    try:
        result: dict[str, Any] = JSONParser().parse(response, model.output_shape)
        result.update(read)
    except Exception as error:
        return type(error)
    return result


@given(ANSWERS)
def test_what_is_read_is_what_botocore_reads(case: tuple[str, bytes]) -> None:
    """For random answers, as expected, with unknown parts or without any sense, the outcome is the same."""
    operation, body = case
    assert parsed(operation, body, first=True) == parsed(operation, body, first=False)


def test_the_usual_answers_are_read_without_botocore() -> None:
    """An answer as SQS gives it is read here; else the test above would compare botocore with itself."""
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": "b", "MessageAttributes": {"n": {"BinaryValue": "AAE="}}}
    response = {"body": json.dumps({"Messages": [message]}).encode(), "status_code": 200}
    read: dict[str, Any] = {}
    read_answer(MODEL.operation_model("ReceiveMessage"), response, read)
    assert read["Messages"][0]["MessageAttributes"] == {"n": {"BinaryValue": b"\0\1"}}
    assert response["body"] == b""


def members(kind: Any, shape: Any) -> Iterator[tuple[set[str], set[str]]]:
    """The fields of a type beside those of a shape of botocore's model, and so on inside."""
    while getattr(kind, "__origin__", None) is list:
        kind, shape = kind.__args__[0], shape.member
    if getattr(kind, "__origin__", None) is dict:
        kind, shape = kind.__args__[1], shape.value
    if shape.type_name == "structure":
        hints = get_type_hints(kind)
        yield set(hints), set(shape.members)
        for name in hints.keys() & shape.members.keys():
            yield from members(hints[name], shape.members[name])


@pytest.mark.parametrize("operation", _ANSWERS)
def test_an_answer_has_the_fields_that_the_service_has(operation: str) -> None:
    """When AWS adds a field, this fails, so that it is not dropped unnoticed."""
    shape = MODEL.operation_model(operation).output_shape
    missing = [theirs - ours for ours, theirs in members(_ANSWERS[operation].type, shape)]
    assert set().union(*missing) == set()


# --- signatures -------------------------------------------------------------------------------------------------------

HEADER = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,12}", fullmatch=True)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(
    headers=st.dictionaries(HEADER, VALUE, max_size=6),
    url=st.sampled_from(
        ["http://127.0.0.1:4566/", "https://sqs.eu-west-1.amazonaws.com/a b/c?x=1&b=%20", "http://[::1]:1/"]
    ),
    body=st.binary(max_size=50) | st.just({"a": "b"}),
    token=st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=9),
    context=st.sampled_from(
        [{}, {"payload_signing_enabled": False}, {"checksum": {"request_algorithm": {"in": "trailer"}}}]
    ),
    secret=st.sampled_from(["s1", "s2"]),
)
def test_a_signature_is_botocores(
    headers: dict[str, str], url: str, body: Any, token: str | None, context: dict[str, Any], secret: str
) -> None:
    """For random requests and credentials, all headers are those that botocore's own signature leaves."""

    def signed(kind: Any) -> list[tuple[str, str]]:
        request = AWSRequest("POST", url, headers, body)
        request.context = dict(context)
        auth = kind(Credentials("key", secret, token), "sqs", "eu-west-1")
        add_auth, moment = auth._modify_request_before_signing, "20260101T000000Z"

        def at_a_fixed_moment(request: Any) -> None:
            request.context["timestamp"] = moment
            add_auth(request)

        auth._modify_request_before_signing = at_a_fixed_moment
        auth.add_auth(request)
        return sorted(request.headers.items())

    assert signed(QuickSigV4) == signed(SigV4Auth)


# --- whole clients ----------------------------------------------------------------------------------------------------


def test_a_client_of_the_library_is_quick(server: Server) -> None:
    """All steps are replaced; a later version of botocore that has other ones fails here first."""
    client = quick(server)
    assert isinstance(client._serializer, QuickSerializer)
    assert isinstance(client._endpoint.http_session, Transport)
    assert client._request_signer.get_auth_instance.__module__ == "mega_typed.signature"
    server.answers = [answer(b'{"MessageId": "m"}')]
    sent = client.send_message(QueueUrl="q", MessageBody="b")
    assert sent["MessageId"] == "m"
    assert sent["ResponseMetadata"]["RequestId"] == "r"
    client.close()


def test_a_client_that_is_passed_in_is_used_as_it_is(server: Server) -> None:
    """What belongs to a user is not changed."""
    client = plain(server)
    before = (client._serializer, client._endpoint.http_session, dict(vars(client._request_signer)))
    server.answers = [answer(b'{"MessageId": "m"}')]
    assert SqsPublisher("q", client=client).publish({"a": 1}) == "m"
    assert before == (client._serializer, client._endpoint.http_session, dict(vars(client._request_signer)))
    client.close()


@pytest.mark.parametrize(
    ("variable", "value"), [("HTTP_PROXY", "http://127.0.0.1:9"), ("ALL_PROXY", "http://127.0.0.1:9")]
)
def test_with_a_proxy_botocores_session_stays(
    server: Server, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """Proxies are botocore's affair; one that does not concern the endpoint changes nothing."""
    monkeypatch.setenv(variable, value)
    session = quick(server)._endpoint.http_session
    assert isinstance(session, URLLib3Session if session_uses_proxy(server, variable) else Transport)


def session_uses_proxy(server: Server, variable: str) -> bool:
    """Whether botocore itself reads the variable for this endpoint."""
    return plain(server)._endpoint.http_session._proxy_config.proxy_url_for(server.url) is not None


def test_the_certificates_of_the_environment_are_trusted(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a client trusts is what botocore found out: AWS_CA_BUNDLE, or ca_bundle of a profile."""
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/own.pem")
    assert quick(server)._endpoint.http_session._verify == "/etc/own.pem"


FAILURES: dict[str, list[bytes]] = {
    "refused": [answer(b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"no"}', "400 Bad Request")],
    "in the old spelling": [
        answer(
            b'{"__type":"com.amazonaws.sqs#QueueDoesNotExist"}',
            "400 Bad Request",
            "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender",
        )
    ],
    "throttled, then well": [
        answer(b'{"__type":"com.amazonaws.sqs#RequestThrottled"}', "400 Bad Request"),
        answer(b'{"MessageId":"m"}'),
    ],
    "faults of the service": [answer(b"", "503 Slow Down")] * 3,
    "broken, then well": [NOTHING, answer(b'{"MessageId":"m"}')],
    "no JSON": [answer(b"<html>")],
    **({"cut": [answer(b'{"MessageId":"m"}')[:-3]]} if LENIENT else {}),
    "null": [answer(b"null")],
    "a list": [answer(b"[]")],
}


@pytest.mark.parametrize("case", FAILURES)
def test_failures_and_retries_are_botocores(server: Server, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same answer or error, after as many attempts."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def tried(client: Any) -> object:
        server.requests.clear()
        server.answers = iter(FAILURES[case])
        try:
            result: object = client.send_message(QueueUrl="q", MessageBody="b")
        except ClientError as error:
            result = (type(error).__name__, error.response)
        except Exception as error:
            result = type(error)
        client.close()
        return len(server.requests), result

    assert tried(quick(server)) == tried(plain(server))


def test_credentials_that_refresh_are_asked_for_every_call(server: Server) -> None:
    """The signature is made with the credentials of the moment, and never with those of the first call."""
    keys = iter(["first", "second"])

    class Rotating(RefreshableCredentials):
        def get_frozen_credentials(self) -> Any:
            return Credentials(next(keys), "secret", "token").get_frozen_credentials()

    session = botocore.session.get_session()
    client = ClientSource[Any](
        "sqs", session=boto3.Session(botocore_session=session, **KEYS), endpoint_url=server.url
    ).get()
    client._request_signer._credentials = Rotating.__new__(Rotating)
    server.answers = [answer(b'{"MessageId":"m"}')] * 2
    for _ in range(2):
        client.send_message(QueueUrl="q", MessageBody="b")
    client.close()
    assert [b"Credential=first/" in sent or b"Credential=second/" in sent for sent in server.requests] == [True, True]
    assert b"Credential=second/" in server.requests[1]


def test_hooks_see_and_change_what_they_always_did(server: Server) -> None:
    """Whoever instruments clients through botocore's events finds the parameters, the request and the answer."""
    seen: dict[str, Any] = {}
    client = quick(server)

    def before_build(params: dict[str, Any], **_: Any) -> None:
        seen["parameters"] = dict(params)
        params["MessageAttributes"] = {"trace": {"DataType": "String", "StringValue": "t"}}

    def created(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = "Root=1"

    client.meta.events.register("before-parameter-build.sqs.SendMessage", before_build)
    client.meta.events.register_first("request-created.sqs", created)
    client.meta.events.register("after-call.sqs.SendMessage", lambda parsed, **_: seen.update(answer=parsed))
    server.answers = [answer(b'{"MessageId":"m"}')]
    client.send_message(QueueUrl="q", MessageBody="b")
    client.close()
    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert seen["parameters"] == {"QueueUrl": "q", "MessageBody": "b"}
    assert seen["answer"]["MessageId"] == "m"
    assert b"X-Amzn-Trace-Id: Root=1" in head
    assert json.loads(body)["MessageAttributes"] == {"trace": {"DataType": "String", "StringValue": "t"}}


def test_motos_mock_needs_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inside ``mock_aws`` publishers and listeners speak to moto, and no connection is opened."""
    monkeypatch.setattr("socket.socket.connect", lambda *_: pytest.fail("a connection was opened"))
    got: list[object] = []

    class All(MessageSubscriber):
        def process(self, payload: object) -> None:
            got.append(payload)

    with pytest.importorskip("moto").mock_aws():
        url = boto3.client("sqs", region_name="eu-west-1").create_queue(QueueName="q")["QueueUrl"]
        topic = boto3.client("sns", region_name="eu-west-1").create_topic(Name="t")["TopicArn"]
        SqsPublisher(url, region_name="eu-west-1").publish_many(["one", {"two": 2}, b"\0three"])
        assert SnsPublisher(topic, region_name="eu-west-1").publish("four")
        listener = SqsListener(url, region_name="eu-west-1", wait_time_seconds=0, unmatched="keep")
        listener.register_subscriber(All)
        while listener.poll_once():
            pass
    assert len(got) == 3


def test_unusual_versions_of_botocore_get_plain_clients(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the parts of a client are of other types than they were, they stay."""
    monkeypatch.setattr("botocore.serialize.JSONSerializer", type("Other", (), {}))
    monkeypatch.setattr("botocore.httpsession.URLLib3Session", type("Other", (), {}))
    monkeypatch.setattr("botocore.signers.RequestSigner", type("Other", (), {}))
    client = quick(server)
    server.answers = [answer(b'{"MessageId":"m"}')]
    assert client.send_message(QueueUrl="q", MessageBody="b")["MessageId"] == "m"
    assert not isinstance(client._serializer, QuickSerializer)
    assert not isinstance(client._endpoint.http_session, Transport)
    client.close()
