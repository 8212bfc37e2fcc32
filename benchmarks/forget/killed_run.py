"""Carries out the requests to forget of SENTIMENT_HOME, and kills itself at the n-th line: `killed_run N`."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import sentiment_lib
from benchmarks.forget import planted
from sentiment_lib.settings import load_settings
from sentiment_lib.steps.erasure import forget
from sentiment_lib.storage.engine import Store

LIBRARY = Path(sentiment_lib.__file__).parent
#: Where erasing happens.
FOLDERS = tuple(str(LIBRARY / name) for name in ("steps/erasure", "erasure", "storage", "steps/training", "registry"))


class DieAt:
    """Called at every line of these files or folders; at the n-th one the process is gone."""

    def __init__(self, line: int, sources: tuple[str, ...] = FOLDERS) -> None:
        self.left, self.sources = line, sources

    def __call__(self, frame: FrameType, _event: str, _argument: object) -> Any:
        """Trace calls into them."""
        return self.line if frame.f_code.co_filename.startswith(self.sources) else None

    def line(self, _frame: FrameType, event: str, _argument: object) -> Any:
        """Count a line."""
        if event == "line":
            self.left -= 1
            if self.left == 0:
                self.die()
        return self.line

    def die(self) -> None:
        """End at once, as a power cut does."""
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run, and die unless the work ends before."""
    settings = load_settings().model_copy(update={"policy": planted.policy_of()})
    store = Store.open(settings)
    sys.settrace(DieAt(int(sys.argv[1])))
    forget.run(store, settings)


if __name__ == "__main__":
    main()
