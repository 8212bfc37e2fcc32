"""The sources that are polled every few minutes. A new one is one line here; see docs/adding-a-source.md."""

from __future__ import annotations

from collections.abc import Callable

from sentiment_lib.settings import Settings
from sentiment_lib.sources import living_sample, sample_stream, x_api
from sentiment_lib.sources.base import Source

#: Newest tweet id that came from the source, None before the first.
NewestId = Callable[[], int | None]
#: Opens the source, or gives None when the settings do not ask for it.
Connect = Callable[[Settings, NewestId], Source | None]

POLLED: dict[str, Connect] = {
    "x": x_api.connect,
    sample_stream.NAME: living_sample.connect,
}
