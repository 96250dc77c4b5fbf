"""A ministack, from an environment of its own, because it pins another botocore:
``python3 -m venv .venv-ministack && .venv-ministack/bin/pip install ministack``. Tests skip where there is none.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = Path(os.environ.get("MINISTACK", Path(__file__).parent.parent / ".venv-ministack" / "bin" / "ministack"))


@contextmanager
def ministack() -> Iterator[str | None]:
    """Run one for as long as the context lasts; gives its endpoint, or ``None`` where it is not installed."""
    if not PROGRAM.exists():
        yield None
        return
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port), "SERVICES": "sqs,sns,sts",
    }  # fmt: skip
    with subprocess.Popen([PROGRAM], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            for _ in range(100):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
