"""The store in a DynamoDB table: for workers on many machines, and for Lambda.

``begin`` is one conditional write, ``renew`` a conditional update, ``release`` a conditional delete, ``complete`` a
plain write. The table's only key is the string attribute ``key``; ``expires`` is whole seconds since the epoch, for the
lease as for the completion: switch the table's time to live on for it. DynamoDB deletes late, so an expired item counts
as none here at once.

boto3 tries a call again when the answer was lost. The second try then finds the item of the first, known by its token.
Clocks of machines differ: choose the lease longer than a subscriber takes by more than they do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from time import time
from typing import Any, Final, Protocol

from mega_typed.aws import AwsSession, ClientSource, Operation, describe, service_errors
from mega_typed.errors import ConfigurationError
from mega_typed.idempotency import (
    LEASE_SECONDS,
    REMEMBER_SECONDS,
    Claim,
    ClaimState,
    checked_durations,
    new_token,
)

_FREE: Final = "attribute_not_exists(#key) OR #expires <= :now"


class DynamoDbClient(Protocol):
    """The methods of a boto3 DynamoDB client that are used."""

    @property
    def put_item(self) -> Operation: ...  # noqa: D102 - named by AWS
    @property
    def get_item(self) -> Operation: ...  # noqa: D102
    @property
    def update_item(self) -> Operation: ...  # noqa: D102
    @property
    def delete_item(self) -> Operation: ...  # noqa: D102


class DynamoDbStore:
    """Keys in a DynamoDB table whose partition key is the string ``key``.

    Args:
        table_name: the table. It must exist; the role needs PutItem, GetItem, UpdateItem and DeleteItem on it.
        namespace: sets the keys of this application apart from those of others in the same table.
        lease_seconds: after which a claim that was neither completed nor released can be taken over. Choose it like
            the visibility timeout: while a subscriber works, both are prolonged together.
        remember_seconds: how long a completion is remembered.
        clock: seconds since the epoch.
        aws_access_key_id: with ``aws_secret_access_key``; when omitted, credentials come from the environment, the AWS
            configuration files or the instance role.
        aws_secret_access_key: see above.
        region_name: when omitted, from the environment or the AWS configuration files.
        endpoint_url: another endpoint, for a local server or a VPC endpoint.
        session: a ``boto3.Session`` to build the client with.
        client: a ready DynamoDB client, instead of all of these; else one is built when first used.

    Raises:
        ConfigurationError: an argument is missing, out of range, or contradicts another.
    """

    def __init__(
        self,
        table_name: str,
        *,
        namespace: str = "",
        lease_seconds: float = LEASE_SECONDS,
        remember_seconds: float = REMEMBER_SECONDS,
        clock: Callable[[], float] = time,
        aws_access_key_id: str | None = None,
        aws_secret_access_key: str | None = None,
        region_name: str | None = None,
        endpoint_url: str | None = None,
        session: AwsSession | None = None,
        client: DynamoDbClient | None = None,
    ) -> None:
        if not table_name:
            raise ConfigurationError("table_name is missing")
        self._table = table_name
        self._prefix = f"{namespace}/" if namespace else ""
        self._lease, self._remember = checked_durations(lease_seconds, remember_seconds)
        self._clock = clock
        self._clients = ClientSource[DynamoDbClient](
            "dynamodb",
            aws_access_key_id=aws_access_key_id,
            aws_secret_access_key=aws_secret_access_key,
            region_name=region_name,
            endpoint_url=endpoint_url,
            session=session,
            client=client,
        )

    def begin(self, key: str) -> Claim:
        """See ``IdempotencyStore``."""
        now, token = self._clock(), new_token()
        free = self._unless_refused(
            self._clients.get().put_item,
            Item={**self._key(key), "token": {"S": token}, "expires": _seconds(now + self._lease)},
            ConditionExpression=_FREE,
            ExpressionAttributeNames={"#key": "key", "#expires": "expires"},
            ExpressionAttributeValues={":now": {"N": repr(now)}},
        )
        if free:
            return Claim(key, ClaimState.STARTED, token)
        found = self._clients.get().get_item(TableName=self._table, Key=self._key(key), ConsistentRead=True)
        item: Mapping[str, Mapping[str, str]] = found.get("Item") or {}
        owner = item.get("token", {}).get("S", "")
        if "result" in item:
            return Claim(key, ClaimState.COMPLETED, owner, item["result"].get("S", ""))
        return Claim(key, ClaimState.STARTED if owner == token else ClaimState.IN_PROGRESS, owner)

    def complete(self, claim: Claim, result: str) -> None:
        """See ``IdempotencyStore``."""
        entry = {"token": {"S": claim.token}, "result": {"S": result}}
        expires = _seconds(self._clock() + self._remember)
        self._clients.get().put_item(TableName=self._table, Item={**self._key(claim.key), **entry, "expires": expires})

    def renew(self, claim: Claim) -> None:
        """See ``IdempotencyStore``."""
        self._unless_refused(
            self._clients.get().update_item,
            Key=self._key(claim.key),
            UpdateExpression="SET #expires = :expires",
            ConditionExpression="#token = :token AND attribute_not_exists(#result)",
            ExpressionAttributeNames={"#token": "token", "#expires": "expires", "#result": "result"},
            ExpressionAttributeValues={
                ":token": {"S": claim.token},
                ":expires": _seconds(self._clock() + self._lease),
            },
        )

    def release(self, claim: Claim) -> None:
        """See ``IdempotencyStore``."""
        self._unless_refused(
            self._clients.get().delete_item,
            Key=self._key(claim.key),
            ConditionExpression="#token = :token",
            ExpressionAttributeNames={"#token": "token"},
            ExpressionAttributeValues={":token": {"S": claim.token}},
        )

    def _key(self, key: str) -> dict[str, dict[str, str]]:
        return {"key": {"S": self._prefix + key}}

    def _unless_refused(self, call: Operation, **parameters: Any) -> bool:
        """Write, and say whether the condition held."""
        try:
            call(TableName=self._table, **parameters)
        except service_errors() as error:
            if describe(error).code.rpartition("#")[2] == "ConditionalCheckFailedException":
                return False
            raise
        return True


def _seconds(moment: float) -> dict[str, str]:
    return {"N": str(ceil(moment))}
