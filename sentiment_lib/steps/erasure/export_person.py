"""Everything that is stored about the author of tweets, as one JSON file, for a request for access."""

from __future__ import annotations

import json
from pathlib import Path

from sentiment_lib.errors import BadInput
from sentiment_lib.files import write_atomically
from sentiment_lib.hashing import to_json_value
from sentiment_lib.settings import Settings
from sentiment_lib.storage import exports, person_data
from sentiment_lib.storage.engine import Store
from sentiment_lib.text.privacy import author_hash


def run(store: Store, settings: Settings, *, author: str, path: Path, by: str) -> int:
    """Write the tweets of an author with all rows that refer to them; returns the number of tweets.

    Tweets are found by the keyed hash of the name or id; the file is readable by its owner only, and recorded as an
    export, so that a later request to forget searches it. Raises BadInput without the key of the hash, and for a file
    that exists.
    """
    key = settings.author_key.get_secret_value().encode()
    if not key:
        raise BadInput(what="SENTIMENT_AUTHOR_KEY", problem="it is not set; authors are stored as keyed hashes")
    if path.exists():
        raise BadInput(what=str(path), problem="it exists already; name another file")
    with store.begin() as connection:
        tweets = person_data.of_author(connection, author_hash(author, key))
        exports.record(connection, exports.on_this_machine("person", path, by=by), rows=len(tweets))
    write_atomically(path, json.dumps(to_json_value(tweets), ensure_ascii=False, indent=1) + "\n", mode=0o600)
    return len(tweets)
