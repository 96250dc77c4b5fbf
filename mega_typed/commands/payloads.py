"""``--bucket``: payloads of messages that lie in S3, for the commands that open messages."""

from __future__ import annotations

import argparse

from mega_typed.commands.command import CommandError
from mega_typed.errors import ConfigurationError
from mega_typed.offload import S3Payloads


def add_buckets(parser: argparse.ArgumentParser) -> None:
    """``--bucket``."""
    parser.add_argument(
        "--bucket", action="append", default=[], metavar="NAME",
        help="fetch payloads that lie in this S3 bucket; may be repeated, and no other is read",
    )  # fmt: skip


def payloads_of(options: argparse.Namespace) -> S3Payloads | None:
    """What fetches from the buckets that are named. Raises ``CommandError``."""
    try:
        return S3Payloads(options.bucket[0], read_from=options.bucket[1:]) if options.bucket else None
    except ConfigurationError as error:
        raise CommandError(f"--bucket: {error}") from error
