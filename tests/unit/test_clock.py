"""The clock of the steps stands where a replay puts it, and goes on afterwards."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

from sentiment_lib import clock

MOMENT = datetime(2015, 2, 20, 12, tzinfo=timezone(timedelta(hours=1)))


def test_the_clock_stands_in_all_threads_and_goes_on_after_an_error():
    with ThreadPoolExecutor(1) as pool, suppress(ZeroDivisionError), clock.simulated(MOMENT):
        assert pool.submit(clock.now).result() == MOMENT == clock.now()
        assert clock.now().utcoffset() == timedelta(0)
        with clock.simulated(MOMENT + timedelta(days=1)):
            assert clock.now() == MOMENT + timedelta(days=1)
        assert clock.now() == MOMENT
        raise ZeroDivisionError
    assert abs(datetime.now(UTC) - clock.now()) < timedelta(seconds=10)
