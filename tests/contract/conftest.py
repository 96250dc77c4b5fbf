"""The three that the contract holds for: in memory, moto's server and ministack, both over HTTP in another process.

Every test runs against each. Where a server is known to differ from AWS, ``differences`` says so, case by case, and
the test must fail there: a difference that is gone has to leave the table. In memory nothing may differ.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from mega_typed.local import LocalAws
from mega_typed.testing import Clock, InMemoryTransport, ServerTransport, Transport

from ..ministack import ministack
from .differences import DIFFERENCES

SERVERS = ("memory", "moto", "ministack")


@pytest.fixture(scope="session")
def moto_transport(local: LocalAws) -> Iterator[ServerTransport]:
    """The embedded server."""
    transport = ServerTransport(local)
    yield transport
    transport.close()


@pytest.fixture(scope="session")
def ministack_transport() -> Iterator[ServerTransport]:
    """The other server."""
    with ministack() as endpoint:
        if endpoint is None:
            pytest.skip("no ministack; see tests/ministack.py")
        keys = LocalAws(
            aws_access_key_id="testing", aws_secret_access_key="testing", region_name="eu-west-1", endpoint_url=endpoint
        )
        transport = ServerTransport(keys)
        yield transport
        transport.close()


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> str:
    """The name of the one that the test runs against; where it is known to differ from AWS, the test must fail."""
    name: str = request.param
    case = request.node.name.replace(f"{name}-", "").replace(f"-{name}", "").replace(f"[{name}]", "")
    known = DIFFERENCES.get(case, {})
    if name in known:
        # ministack is not pinned: another version may have learned it.
        request.applymarker(pytest.mark.xfail(reason=known[name], strict=name == "moto"))
    return name


@pytest.fixture
def aws(server: str, request: pytest.FixtureRequest) -> Transport:
    """One of the three."""
    if server == "memory":
        return InMemoryTransport(Clock(jumps=True))
    transport: Transport = request.getfixturevalue(f"{server}_transport")
    return transport
