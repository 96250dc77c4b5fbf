"""The pytest plugin of mega-typed: a transport for a test, in memory or on a server (docs/testing.md).

pytest loads it in every run of an environment that has mega-typed, so it stands outside of the package and imports
nothing of it before a fixture is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mega_typed.local import LocalAws
    from mega_typed.testing import Clock, Transport

OPTION = "--mega-typed-server"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that chooses the transport."""
    parser.getgroup("mega-typed").addoption(
        OPTION,
        nargs="?",
        const="local",
        default="memory",
        metavar="URL",
        help="run mega_transport against a server: the embedded one (extra 'local'), or the one at this URL",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse a value that is no server, such as the path of a test that was taken for one."""
    value = str(config.getoption(OPTION))
    if value not in ("memory", "local") and not value.startswith(("http://", "https://")):
        raise pytest.UsageError(f"{OPTION} takes a URL, 'local' or 'memory', not {value!r}; write {OPTION}=local")


@pytest.fixture(scope="session")
def mega_server(pytestconfig: pytest.Config) -> Iterator[LocalAws]:
    """What ``boto3.client`` needs to reach the server of `OPTION`; the embedded one runs for the whole session."""
    from mega_typed.testing.transport import server_keys

    value = str(pytestconfig.getoption(OPTION))
    with server_keys(None if value in ("local", "memory") else value) as keys:
        yield keys


@pytest.fixture
def mega_transport(request: pytest.FixtureRequest) -> Iterator[Transport]:
    """A transport of the test's own: an SNS, SQS and S3 in memory, or a server with ``--mega-typed-server``."""
    if request.config.getoption(OPTION) == "memory":
        from mega_typed.testing import InMemoryTransport

        yield InMemoryTransport()
    else:
        from mega_typed.testing import ServerTransport

        transport = ServerTransport(request.getfixturevalue("mega_server"))
        yield transport
        transport.close()


@pytest.fixture
def mega_clock(mega_transport: Transport) -> Clock:
    """The clock of the transport. Against a server the test is skipped: nobody can move its clock."""
    from mega_typed.testing import InMemoryTransport

    if not isinstance(mega_transport, InMemoryTransport):
        pytest.skip("needs a clock that can be moved, and a server has none")
    return mega_transport.clock
