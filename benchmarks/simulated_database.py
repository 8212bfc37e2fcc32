"""A scratch database whose server takes the moment from a table: defaults, statements and triggers alike.

For replays through the real steps. A schema before `pg_catalog` in the search path has functions of the names that SQL
asks for the time by; the database of a platform has none, and nothing can set its time. Functions with a search path of
their own (partitions, retention, erasure) keep the server's time.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg
from sqlalchemy.engine import make_url

from sentiment_lib import clock

CREATE = """
CREATE SCHEMA simulated;
CREATE TABLE simulated.moment (at timestamptz NOT NULL);
INSERT INTO simulated.moment VALUES ('2000-01-01T00:00:00Z');
CREATE FUNCTION simulated.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM simulated.moment';
CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT simulated.now()';
GRANT USAGE ON SCHEMA simulated TO PUBLIC;
GRANT SELECT ON simulated.moment TO PUBLIC;
"""
#: Defaults hold the function that `now()` was when the table was made.
DEFAULTS = """
SELECT format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT simulated.now()', adrelid::regclass, attname)
FROM pg_attrdef JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
WHERE pg_get_expr(adbin, adrelid) = 'now()'
"""


class SimulatedTime:
    """The time of one migrated scratch database, and of this process' steps."""

    def __init__(self, url: str) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(self._url, autocommit=True) as connection:
            defaults = [statement for (statement,) in connection.execute(DEFAULTS).fetchall()]
            connection.execute(CREATE)
            for statement in defaults:
                connection.execute(statement)
            name = connection.info.dbname
            connection.execute(f'ALTER DATABASE "{name}" SET search_path = simulated, pg_catalog, public')

    @contextmanager
    def at(self, moment: datetime) -> Iterator[None]:
        """Let database and steps stand at this moment within the block; it may only be later than the last one."""
        with psycopg.connect(self._url, autocommit=True) as connection:
            connection.execute("UPDATE simulated.moment SET at = %s", (moment,))
        with clock.simulated(moment):
            yield
