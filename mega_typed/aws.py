"""How the library gets a client for Amazon SQS, SNS or S3, and how it reads what a client raises.

It imports boto3 and botocore, and parts that import them, inside functions only: importing the library must not cost
what importing them costs. A client that it builds itself is made quick (`_quick`), one that a user hands in is used as
it is. It knows nothing of messages. The protocols name the client methods that are used, so that users need no stubs
and any object with these methods will do.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar, cast

from mega_typed.errors import ConfigurationError

Operation = Callable[..., Any]
"""A client method: keyword arguments in, the service's answer out."""


class SqsClient(Protocol):
    """The methods of a boto3 SQS client that are used."""

    @property
    def send_message(self) -> Operation: ...  # noqa: D102 - named by AWS
    @property
    def send_message_batch(self) -> Operation: ...  # noqa: D102
    @property
    def receive_message(self) -> Operation: ...  # noqa: D102
    @property
    def delete_message_batch(self) -> Operation: ...  # noqa: D102
    @property
    def change_message_visibility_batch(self) -> Operation: ...  # noqa: D102


class SnsClient(Protocol):
    """The methods of a boto3 SNS client that are used."""

    @property
    def publish(self) -> Operation: ...  # noqa: D102 - named by AWS
    @property
    def publish_batch(self) -> Operation: ...  # noqa: D102


class S3Client(Protocol):
    """The methods of a boto3 S3 client that are used."""

    @property
    def put_object(self) -> Operation: ...  # noqa: D102 - named by AWS
    @property
    def get_object(self) -> Operation: ...  # noqa: D102


class AwsSession(Protocol):
    """What is used of a ``boto3.Session``."""

    @property
    def client(self) -> Operation: ...  # noqa: D102 - named by boto3


Client = TypeVar("Client")

CONNECT_TIMEOUT_SECONDS: Final = 5
READ_TIMEOUT_SECONDS: Final = 30  # a long poll lasts up to 20 s and must not be cut off


class ClientSource(Generic[Client]):
    """Builds a client on first use, once, and keeps it.

    Args:
        service: ``"sqs"``, ``"sns"`` or ``"s3"``.
        aws_access_key_id: with ``aws_secret_access_key``; both or neither.
        aws_secret_access_key: see above. When omitted, credentials come from the environment, the AWS configuration
            files or the instance role.
        region_name: when omitted, from the environment or the AWS configuration files.
        endpoint_url: another endpoint, for a local server or a VPC endpoint.
        session: a ``boto3.Session`` to build the client with.
        client: a ready client; it is used as it is, and nothing else may be given with it.

    Raises:
        ConfigurationError: the arguments contradict each other.
    """

    def __init__(
        self,
        service: str,
        *,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: Client | None = None,
    ) -> None:
        if (aws_access_key_id is None) != (aws_secret_access_key is None):
            raise ConfigurationError("aws_access_key_id and aws_secret_access_key go together: give both or neither")
        if session is not None and aws_access_key_id is not None:
            raise ConfigurationError("give either a session or access keys: the session has its own credentials")
        settings = {
            "aws_access_key_id": aws_access_key_id,
            "aws_secret_access_key": aws_secret_access_key,
            "region_name": region_name,
            "endpoint_url": endpoint_url,
        }
        self._settings = {name: value for name, value in settings.items() if value is not None}
        ignored = [*self._settings, *(["session"] if session is not None else [])]
        if client is not None and ignored:
            raise ConfigurationError(f"a client brings its own settings: leave out {', '.join(ignored)}")
        self._service = service
        self._session = session
        self._client = client
        self._lock = Lock()

    def get(self) -> Client:
        """The client, built now if this is the first call.

        Raises:
            ConfigurationError: there is no region, a profile does not exist, the endpoint is not a URL.
        """
        with self._lock:
            if self._client is None:
                self._client = cast("Client", _build(self._service, self._session, self._settings))
            return self._client


def _build(service: str, session: AwsSession | None, settings: dict[str, str]) -> object:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, NoRegionError

    tuned = Config(
        # What is sent is checked by the publishers, once; botocore's own check is a fifth of the price of a call.
        parameter_validation=False,
        retries={"mode": "standard"},
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        read_timeout=READ_TIMEOUT_SECONDS,
        tcp_keepalive=True,
    )
    try:
        source = session if session is not None else cast("AwsSession", boto3.Session())
        # botocore may rebuild its user agent on every call, unless Config fixes one. The string that it would send
        # is on a client's public configuration, so a first client, a few milliseconds, is built to read it there.
        draft = source.client(service, config=tuned, **settings)
        user_agent = _without_session_part(draft.meta.config.user_agent)
        draft.close()
        pinned = Config(user_agent=user_agent, user_agent_extra="lib/mega-typed")
        return _quick(source.client(service, config=tuned.merge(pinned), **settings), service)
    except NoRegionError as error:
        raise ConfigurationError(
            f"no AWS region for {service}: give region_name, or set AWS_DEFAULT_REGION or a profile with a region"
        ) from error
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"no client for {service} can be built: {error}") from error


def _quick(client: Any, service: str) -> Any:
    """The same client, with its dear steps replaced; where botocore is not as it was when that was tested, as it is.

    Three attributes are private to botocore: what serializes a call, the endpoint, and what its HTTP session trusts.
    """
    if service not in ("sqs", "sns"):
        return client
    from botocore.httpsession import URLLib3Session
    from botocore.serialize import JSONSerializer
    from botocore.signers import RequestSigner
    from mega_typed.json_protocol import QuickSerializer, read_answer
    from mega_typed.signature import quick_auth
    from mega_typed.transport import Transport

    serializer = getattr(client, "_serializer", None)
    if type(serializer) is JSONSerializer and service == "sqs":
        client._serializer = QuickSerializer(serializer)  # noqa: SLF001
        client.meta.events.register("before-parse.sqs", read_answer)
    signer = getattr(client, "_request_signer", None)
    if type(signer) is RequestSigner:
        signer.get_auth_instance = quick_auth(signer.get_auth_instance)  # type: ignore[method-assign]
    endpoint = getattr(client, "_endpoint", None)
    session = getattr(endpoint, "http_session", None)
    trusted = getattr(session, "_verify", False)
    proxies = getattr(session, "_proxy_config", None)
    if endpoint is not None and type(session) is URLLib3Session and trusted and proxies is not None:
        direct = proxies.proxy_url_for(client.meta.endpoint_url) is None
        if direct and not client.meta.config.client_cert:
            endpoint.http_session = Transport(session, client.meta.config, trusted)
    return client


def _without_session_part(user_agent: str) -> str:
    # boto3 makes botocore's own name the session's extra part, which botocore appends to a fixed string once more.
    import botocore

    return user_agent.removesuffix(f" Botocore/{botocore.__version__}")


class Failure(NamedTuple):
    """What a client raised.

    Attributes:
        code: the service's error code, or the name of the exception when no service answered.
        message: the service's words.
        passing: the same call may succeed later: throttling, a fault of the service, a broken connection.
    """

    code: str
    message: str
    passing: bool


_PASSING_CODES: Final = frozenset(
    {
        "ExpiredToken",  # credentials that refresh themselves recover from it
        "ExpiredTokenException",
        "KmsThrottled",
        "KMS.ThrottlingException",
        "OverLimit",  # too many messages in flight
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttled",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_POINTLESS_EXCEPTIONS: Final = frozenset(
    {"NoCredentialsError", "PartialCredentialsError", "ParamValidationError", "NoAuthTokenError"}
)


def service_errors() -> tuple[type[Exception], ...]:
    """What a client's methods raise; for an ``except`` clause, which evaluates it only when something was raised."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return (BotoCoreError, ClientError, ResponseParserError, OSError)


def describe(error: Exception) -> Failure:
    """Read one of `service_errors`."""
    response = cast("dict[str, Any] | None", getattr(error, "response", None))
    if not isinstance(response, dict):
        code = type(error).__name__
        return Failure(code, str(error), code not in _POINTLESS_EXCEPTIONS)
    details = response.get("Error", {})
    code = str(details.get("Code", "Unknown"))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    # The JSON protocol names a shape, "com.amazonaws.sqs#RequestThrottled"; the older one only its last word.
    passing = status >= 500 or status == 429 or code.rpartition("#")[2] in _PASSING_CODES
    return Failure(code, str(details.get("Message", error)), passing)
