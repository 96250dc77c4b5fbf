"""Fixtures of the tests that speak to SQS and SNS: a local server, clients, queues and topics.

Nothing here, and no test, may reach AWS: credentials are fakes, configuration files are out of sight, and every client
has an endpoint on 127.0.0.1.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import boto3
import pytest
from hypothesis import settings
from mega_typed.local import LocalAws, local_aws

from .pages import ROOT, blocks

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")  # no test times; a machine may be slow

REGION = "eu-west-1"
Factory = Callable[..., str]


@pytest.fixture(autouse=True)
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fake credentials, and no configuration of the machine."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture(scope="session")
def local() -> Iterator[LocalAws]:
    """The arguments with which a publisher or listener reaches an SNS and SQS in another process."""
    with local_aws(REGION) as aws:
        yield aws


@pytest.fixture
def aws_server(local: LocalAws) -> str:
    """The endpoint of that server."""
    return local["endpoint_url"]


@pytest.fixture
def aws(local: LocalAws) -> LocalAws:
    """Arguments of a publisher or listener that speaks to the server."""
    return local


@pytest.fixture(scope="session")
def session() -> boto3.Session:
    """One session, for its cache of service models."""
    return boto3.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)


@pytest.fixture
def sqs(aws_server: str, session: boto3.Session) -> Iterator[SQSClient]:
    """An SQS client as boto3 builds it."""
    client = session.client("sqs", endpoint_url=aws_server)
    yield client
    client.close()


@pytest.fixture
def sns(aws_server: str, session: boto3.Session) -> Iterator[SNSClient]:
    """An SNS client as boto3 builds it."""
    client = session.client("sns", endpoint_url=aws_server)
    yield client
    client.close()


@pytest.fixture
def queue(sqs: SQSClient) -> Iterator[Factory]:
    """Creates queues with unique names: ``queue(fifo=False, **attributes) -> queue URL``."""
    urls: list[str] = []

    def create(fifo: bool = False, **attributes: str) -> str:
        if fifo:
            attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", **attributes}
        name = f"q-{uuid4().hex}{'.fifo' if fifo else ''}"
        created = sqs.create_queue(QueueName=name, Attributes=attributes)  # type: ignore[arg-type]
        urls.append(created["QueueUrl"])
        return urls[-1]

    yield create
    for url in urls:
        with suppress(sqs.exceptions.QueueDoesNotExist):
            sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def topic(sns: SNSClient, sqs: SQSClient) -> Iterator[Factory]:
    """Creates topics with unique names: ``topic(queue_url=None, raw=False, fifo=False) -> topic ARN``.

    A queue that is given is subscribed, with raw delivery when ``raw``.
    """
    arns: list[str] = []

    def create(queue_url: str | None = None, raw: bool = False, fifo: bool = False) -> str:
        attributes = {"FifoTopic": "true", "ContentBasedDeduplication": "true"} if fifo else {}
        name = f"t-{uuid4().hex}{'.fifo' if fifo else ''}"
        arn = sns.create_topic(Name=name, Attributes=attributes)["TopicArn"]
        arns.append(arn)
        if queue_url is not None:
            queue_arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])["Attributes"]
            sns.subscribe(
                TopicArn=arn,
                Protocol="sqs",
                Endpoint=queue_arn["QueueArn"],
                Attributes={"RawMessageDelivery": str(raw).lower()},
            )
        return arn

    yield create
    for arn in arns:
        sns.delete_topic(TopicArn=arn)


@pytest.fixture
def roundtrip() -> Callable[[object], object]:
    """Through pickle and back."""
    return lambda value: pickle.loads(pickle.dumps(value))


@pytest.fixture(scope="session", autouse=True)
def cache_of_the_generator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs of the generator remember nothing in the folder of the project."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEGA_CODEGEN_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_of_the_generator: None) -> Path:
    """A folder with the schema of docs/schemas.md, and the package ``events`` that is generated from it."""
    folder = tmp_path_factory.mktemp("shop")
    for block in blocks(ROOT / "docs" / "schemas.md"):
        if block.language == "json" and block.word:
            (folder / block.word).parent.mkdir(parents=True)
            (folder / block.word).write_text(block.text)
    generate = [sys.executable, "-m", "mega_codegen", "schemas/", "-o", "events/"]
    subprocess.run(generate, cwd=folder, check=True, capture_output=True)
    return folder
