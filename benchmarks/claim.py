"""The command line of a benchmark that measures one claim of the replay lab: --quick, --check, --cache; JSON last."""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any, Protocol


class Measure(Protocol):
    """Measures into a cache; `held` of the result says whether the bounds hold, where there are any."""

    def __call__(self, cache: Path, *, quick: bool) -> dict[str, Any]:
        """The figures as JSON types."""


def main(name: str, description: str | None, measure: Measure, *, reads: Path | None = None) -> int:
    """Measure and print; 1 when --check finds a bound that does not hold.

    reads: a data set without which nothing is measured, and the result says so.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less of it")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--cache", type=Path, default=Path("build/replay"))
    asked = parser.parse_args()
    if reads is not None and not reads.exists():
        print(json.dumps({"benchmark": name, "skipped": f"{reads} is not there"}))
        return 0
    began = time.monotonic()
    found = measure(asked.cache, quick=asked.quick)
    print(json.dumps({"benchmark": name, "quick": asked.quick, **found, "seconds": round(time.monotonic() - began)}))
    return 1 if asked.check and not found.get("held", True) else 0
