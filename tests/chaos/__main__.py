"""``python -m tests.chaos``: a trial as large as asked for; status 1 when something was wrong. See ARCHITECTURE.md."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from pathlib import Path

from tests.chaos.server import FAULTS, chaos_sqs
from tests.chaos.trial import OUTAGES, RATES, run


def main() -> int:
    """Run a trial and print what came of it, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="for each of the two queues")
    parser.add_argument("--seconds", type=float, default=90.0, help="how long calls fail and workers are killed")
    parser.add_argument("--seed", type=int, default=random.randrange(2**32), help="of all that is random, but for time")
    parser.add_argument(
        "--outages", nargs="*", default=OUTAGES, metavar="FAULT", help="every call fails so for a while"
    )
    parser.add_argument("--outage-seconds", type=float, default=3.0, help="for how long each")
    parser.add_argument("--without", nargs="*", default=[], choices=FAULTS, help="faults that do not happen")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    rates = {fault: rate for fault, rate in RATES.items() if fault not in options.without}
    with tempfile.TemporaryDirectory() as folder, chaos_sqs(options.seed) as sqs:
        report = run(
            sqs,
            Path(folder),
            messages=options.messages,
            seconds=options.seconds,
            seed=options.seed,
            rates=rates,
            outages=options.outages,
            outage_seconds=options.outage_seconds,
        )
    print(json.dumps({"seed": options.seed, "wrong": report.wrong, "figures": report.figures}, indent=2))
    return 1 if report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
