"""What a service says when it refuses, and failures that a test asks for.

Errors are botocore's own, ``ClientError`` and what its clients derive from it, with the codes of the services, so that
code under test cannot tell them apart. This file knows neither queues nor topics.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, ClassVar, Final, cast

from mega_typed.errors import ConfigurationError

__all__ = ["Faults", "FaultyClient", "Refusal", "client_error"]


class Refusal(Exception):  # noqa: N818 - what a service says, before it is known who is told
    """Why a service refuses a call, or one entry of a batch."""

    def __init__(self, code: str, message: str, *, status: int = 400, sender_fault: bool = True) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.sender_fault = sender_fault


@cache
def exceptions_of(service: str) -> Any:
    """What a boto3 client of a service has as ``exceptions``: a class for each error that the service declares."""
    from botocore.errorfactory import ClientExceptionsFactory
    from botocore.session import get_session

    return ClientExceptionsFactory().create_client_exceptions(get_session().get_service_model(service))


_SHAPES: Final[Mapping[str, str]] = {"NonExistentQueue": "QueueDoesNotExist", "QueueAlreadyExists": "QueueNameExists"}
"""Codes of SQS whose exception has another name; the others lose their prefix only."""


def client_error(service: str, operation: str, refusal: Refusal) -> Exception:
    """The error that boto3 raises for a refusal.

    Args:
        service: ``"sqs"``, ``"sns"`` or ``"s3"``.
        operation: in AWS's spelling, ``"SendMessage"``.
        refusal: what the service says.
    """
    error = {
        "Code": refusal.code,
        "Message": refusal.message,
        "Type": "Sender" if refusal.sender_fault and refusal.status < 500 else "Receiver",
    }
    metadata = {
        "HTTPStatusCode": refusal.status,
        "HTTPHeaders": {},
        "RequestId": "00000000-0000-0000-0000-000000000000",
        "RetryAttempts": 0,
    }
    name = refusal.code.rpartition(".")[2]
    known = exceptions_of(service).from_code(_SHAPES.get(name, name))
    raised: Exception = known({"Error": error, "ResponseMetadata": metadata}, operation)
    return raised


@dataclass(frozen=True, slots=True)
class _Planned:
    error: Exception | Refusal
    after: bool


class Faults:
    """The failures that a test has asked for, by method of a client; each happens once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._calls: defaultdict[str, deque[_Planned]] = defaultdict(deque)
        self._entries: defaultdict[str, deque[tuple[Callable[[Mapping[str, Any]], bool], Refusal]]] = defaultdict(deque)

    def plan_call(self, method: str, error: Exception | Refusal, times: int, after: bool) -> None:
        """Let the next calls of a method fail, before or after they take effect."""
        if times < 1:
            raise ConfigurationError(f"times must be at least 1, not {times!r}")
        with self._lock:
            self._calls[method].extend([_Planned(error, after)] * times)

    def plan_entry(self, method: str, which: Callable[[Mapping[str, Any]], bool], refusal: Refusal) -> None:
        """Let one entry of the next batch that has such an entry fail."""
        with self._lock:
            self._entries[method].append((which, refusal))

    def next_call(self, method: str) -> _Planned | None:
        """The failure of this call, if one is planned; it is over then."""
        with self._lock:
            planned = self._calls[method]
            return planned.popleft() if planned else None

    def next_entry(self, method: str, entry: Mapping[str, Any]) -> Refusal | None:
        """The failure of this entry, if one is planned; it is over then."""
        with self._lock:
            planned = self._entries[method]
            for place, (which, refusal) in enumerate(planned):
                if which(entry):
                    del planned[place]
                    return refusal
            return None


class FaultyClient:
    """The base of the in-memory clients: calls that can be made to fail. Its methods have boto3's names."""

    service: ClassVar[str]
    """The name by which boto3 knows it."""

    def __init__(self) -> None:
        self._faults = Faults()

    @property
    def exceptions(self) -> Any:
        """As a boto3 client has it: ``except client.exceptions.QueueDoesNotExist``."""
        return exceptions_of(self.service)

    def fail_next(
        self,
        method: str,
        code: str | Exception,
        message: str = "asked for by the test",
        *,
        times: int = 1,
        status: int = 400,
        after: bool = False,
    ) -> None:
        """Make the next calls of a method fail.

        Args:
            method: a method of this client: ``"send_message"``.
            code: the service's error code, ``"RequestThrottled"``; or an exception that the client raises by itself,
                such as one of ``botocore.exceptions``.
            message: the service's words.
            times: how many calls fail.
            status: of the HTTP answer; from 500 on it is the service's own fault.
            after: whether the call takes effect before it fails, as when only its answer is lost.

        Raises:
            ConfigurationError: the client has no such method.
        """
        self._known(method)
        error = code if isinstance(code, Exception) else Refusal(code, message, status=status)
        self._faults.plan_call(method, error, times, after)

    def fail_entry(
        self,
        method: str,
        code: str,
        message: str = "asked for by the test",
        *,
        which: Callable[[Mapping[str, Any]], bool] = lambda entry: True,
        sender_fault: bool = False,
    ) -> None:
        """Make one entry of the next batch fail, while the others succeed.

        Args:
            method: a batch method of this client: ``"send_message_batch"``.
            code: the service's error code.
            message: the service's words.
            which: chooses the entry by its parameters; the first one by default.
            sender_fault: whether the service puts the blame on the caller; when not, publishers send it again.

        Raises:
            ConfigurationError: the client has no such batch method.
        """
        self._known(method)
        if not method.endswith("_batch"):
            raise ConfigurationError(f"{method} has no entries; give a batch method, or use fail_next")
        self._faults.plan_entry(method, which, Refusal(code, message, sender_fault=sender_fault))

    def _known(self, method: str) -> None:
        if method.startswith(("_", "fail")) or not callable(getattr(self, method, None)):
            raise ConfigurationError(f"this client has no method {method!r}")

    def _run(self, method: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Make a call, or the failure that is planned for it; refusals become what boto3 raises."""
        operation = "".join(word.capitalize() for word in method.split("_"))
        planned = self._faults.next_call(method)
        try:
            if planned is None:
                return call()
            if planned.after:
                call()
            raise planned.error
        except Refusal as refusal:
            raise client_error(self.service, operation, refusal) from None

    def _each(self, method: str, entries: Any, act: Callable[[Mapping[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        """Act on each entry of a batch; what is refused is reported beside what succeeded."""
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in cast("list[Mapping[str, Any]]", entries):
            try:
                planned = self._faults.next_entry(method, entry)
                if planned is not None:
                    raise planned
                successful.append({"Id": entry["Id"], **act(entry)})
            except Refusal as refusal:
                said = {"Code": refusal.code, "Message": refusal.message, "SenderFault": refusal.sender_fault}
                failed.append({"Id": entry["Id"], **said})
        # boto3 leaves out a list that has nothing in it.
        answer: dict[str, Any] = {"ResponseMetadata": {"HTTPStatusCode": 200, "RetryAttempts": 0}}
        return answer | ({"Successful": successful} if successful else {}) | ({"Failed": failed} if failed else {})
