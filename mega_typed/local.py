"""An SNS and SQS on this machine, in a process of their own, for demonstrations and tests.

``with local_aws() as aws: SqsPublisher(**aws, queue_url=...)``. The server is moto (the extra ``local``); it binds to
127.0.0.1, forgets everything when it ends, and ends when its standard input closes, so it cannot outlive its parent.
This file knows nothing of the rest of the library but its errors.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TypedDict

from mega_typed.errors import ConfigurationError

__all__ = ["LocalAws", "local_aws"]


class LocalAws(TypedDict):
    """What publishers, listeners and ``boto3.client`` need to reach the server. Nothing in it is secret.

    Attributes:
        aws_access_key_id: the server asks for none, boto3 does.
        aws_secret_access_key: the same.
        region_name: as it was given to `local_aws`.
        endpoint_url: where the server is.
    """

    aws_access_key_id: str
    aws_secret_access_key: str
    region_name: str
    endpoint_url: str


@contextmanager
def local_aws(region_name: str = "us-east-1") -> Generator[LocalAws]:
    """Run an SNS and SQS for as long as the context lasts.

    Args:
        region_name: what region queues and topics are in; the server has any.

    Raises:
        ConfigurationError: the extra ``local`` is not installed, or the server did not start.
    """
    if find_spec("moto") is None or find_spec("flask") is None:
        raise ConfigurationError("the embedded SNS and SQS needs moto: pip install 'mega-typed[local]'")
    command = [sys.executable, "-m", "mega_typed.local"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own module
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            if not port.isdigit():
                raise ConfigurationError("the embedded SNS and SQS did not start; its own message is above")
            yield LocalAws(
                aws_access_key_id="local",
                aws_secret_access_key="local",  # noqa: S106 - no secret: the server asks for none
                region_name=region_name,
                endpoint_url=f"http://127.0.0.1:{port}",
            )
        finally:
            server.kill()


def _serve() -> None:
    """What the other process runs: print the port, serve until standard input closes."""
    import logging

    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line for every request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    _serve()
