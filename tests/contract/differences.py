"""Where the servers differ from AWS, case by case: the name of the test with its case, and what each does instead."""

from __future__ import annotations

from collections.abc import Mapping

DIFFERENCES: Mapping[str, Mapping[str, str]] = {}
