"""Print the Python interpreters of this machine, 3.11 or newer, one of each version, without the one that runs this."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

VERSION = "import sys; print(*sys.version_info[:2])"


def candidates() -> Iterator[str]:
    """Paths that may be an interpreter."""
    for minor in range(11, 20):
        found = shutil.which(f"python3.{minor}")
        if found and Path(found).parent.name == "shims":  # pyenv: the shim may point to nothing, its versions do
            yield from sorted(map(str, Path(found).parents[1].glob(f"versions/3.{minor}.*/bin/python")))
        elif found:
            yield found


def main() -> None:
    """Ask each for its version; one that does not answer is not there."""
    seen: set[tuple[int, ...]] = {sys.version_info[:2]}
    for path in candidates():
        answer = subprocess.run([path, "-c", VERSION], capture_output=True, text=True, check=False).stdout.split()
        version = tuple(map(int, answer))
        if version >= (3, 11) and version not in seen:
            seen.add(version)
            print(path)


if __name__ == "__main__":
    main()
