"""What the spool accepted is stored once: through crashes, an absent database, and many threads at a time."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import pytest

from sentiment_lib.serving import spool as spool_module
from sentiment_lib.serving.spool import Spool, SpoolFailed, SpoolFull

WRITER = """
import json
import sys
from pathlib import Path
from sentiment_lib.serving.spool import Spool

def sink(batches):
    with open(sys.argv[2], "a") as file:
        file.writelines(f"{line['n']}\\n" for batch in batches for line in json.loads(batch))
        file.flush()

spool = Spool(Path(sys.argv[1]), sink, rest=0.005)
spool.start()
for number in range(int(sys.argv[3]), 10**9):
    spool.append([{"n": number}])
    print(number, flush=True)
"""


def sink_of(seen):
    return lambda batches: seen.extend(line for batch in batches for line in json.loads(batch))


def test_lines_reach_the_sink_in_order_and_leave_no_file(tmp_path):
    seen = []
    spool = Spool(tmp_path / "spool", sink_of(seen))
    spool.append([{"n": 1}, {"n": 2}])
    spool.append([{"n": 3}])
    assert spool.drain() == 2
    assert [line["n"] for line in seen] == [1, 2, 3]
    assert spool.held_bytes() == 0
    spool.stop()
    assert list((tmp_path / "spool").iterdir()) == []


def test_with_the_database_away_lines_wait_and_arrive_when_it_is_back(tmp_path):
    away, seen = [True], []

    def sink(batches):
        if away[0]:
            raise ConnectionError("no database")
        sink_of(seen)(batches)

    spool = Spool(tmp_path, sink, rest=0.01)
    spool.start()
    spool.append([{"n": 1}])
    give_up = time.monotonic() + 10
    while spool.last_error is None:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    assert "no database" in spool.last_error
    assert spool.held_bytes() > 0
    away[0] = False
    while not seen:
        assert time.monotonic() < give_up
        time.sleep(0.01)
    spool.stop()
    assert seen == [{"n": 1}]


def test_a_full_spool_refuses_and_says_how_full_it_is(tmp_path):
    spool = Spool(tmp_path, lambda lines: None, limit_bytes=30)
    spool.append([{"n": 1}])
    with pytest.raises(SpoolFull, match="limit is 30"):
        spool.append([{"text": "x" * 40}])


def test_threads_that_append_at_once_all_get_through(tmp_path):
    seen = []
    spool = Spool(tmp_path, sink_of(seen), rest=0.001)
    spool.start()
    threads = [
        threading.Thread(target=lambda start=start: [spool.append([{"n": start + i}]) for i in range(50)])
        for start in range(0, 400, 50)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spool.stop()
    spool.drain()
    assert sorted(line["n"] for line in seen) == list(range(400))


def test_killed_again_and_again_every_accepted_line_is_stored(tmp_path):
    draw = random.Random(5)
    accepted = -1
    for _ in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path / "spool"), str(tmp_path / "stored"), str(accepted + 1)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        accepted = int(writer.stdout.readline())
        time.sleep(draw.uniform(0.01, 0.3))
        os.kill(writer.pid, signal.SIGKILL)
        for line in writer.stdout:
            if line.endswith("\n"):
                accepted = int(line)
        writer.wait()
    stored = []
    Spool(tmp_path / "spool", sink_of(stored)).drain()
    numbers = {int(line) for line in (tmp_path / "stored").read_text().splitlines()}
    # a line may come twice after a crash, which the database makes once; none may be missing
    assert set(range(accepted + 1)) <= numbers | {line["n"] for line in stored}


def test_a_disk_that_fails_half_way_refuses_the_line_and_jams_nothing(tmp_path, monkeypatch):
    seen = []
    spool = Spool(tmp_path, sink_of(seen))
    spool.append([{"n": 1}])
    real = spool_module.sync_data

    def full(descriptor):
        os.ftruncate(descriptor, os.fstat(descriptor).st_size - 4)  # the end of the line did not reach the disk
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module, "sync_data", full)
    with pytest.raises(SpoolFailed, match="No space left"):
        spool.append([{"n": 2}])
    monkeypatch.setattr(spool_module, "sync_data", real)
    spool.append([{"n": 3}])
    spool.drain()
    assert [line["n"] for line in seen] == [1, 3]


def test_half_a_batch_and_one_with_a_hole_were_never_accepted(tmp_path):
    (tmp_path / "000000000007.jsonl").write_bytes(b'[{"n":1}]\n[{"n"\0\0\0}]\n[{"n":3}]\n[{"n":4\0\0')
    seen = []
    spool = Spool(tmp_path, sink_of(seen))
    spool.append([{"n": 5}])
    spool.drain()
    assert [line["n"] for line in seen] == [1, 3, 5]


def test_a_disk_without_room_for_the_next_segment_can_still_be_emptied(tmp_path, monkeypatch):
    seen = []
    spool = Spool(tmp_path, sink_of(seen))
    spool.append([{"n": 1}])
    real = spool_module.sync_folder

    def full(path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module, "sync_folder", full)
    assert spool.drain() == 1
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SpoolFailed, match="No space left"):
        spool.append([{"n": 2}])
    monkeypatch.setattr(spool_module, "sync_folder", real)
    spool.append([{"n": 3}])
    assert spool.drain() == 1
    assert seen == [{"n": 1}, {"n": 3}]


def test_a_batch_longer_than_the_room_of_its_segment_is_kept_whole(tmp_path):
    seen = []
    spool = Spool(tmp_path, sink_of(seen))
    lines = [{"n": number, "text": "x" * 1000} for number in range(200)]
    spool.append(lines)
    spool.append([{"n": 200}])
    spool.drain()
    assert seen == [*lines, {"n": 200}]


def test_with_the_database_away_no_segment_grows_beyond_what_one_transaction_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "MAX_ROOM", 1000)
    sizes = []
    spool = Spool(tmp_path, lambda batches: sizes.append(sum(map(len, batches))))
    for number in range(100):
        spool.append([{"n": number, "text": "x" * 100}])
    assert spool.drain() == 100
    assert len(sizes) > 5
    assert max(sizes) < 1200


def test_a_segment_that_fills_while_the_next_is_made_ready_is_stored_in_its_order(tmp_path, monkeypatch):
    monkeypatch.setattr(spool_module, "MAX_ROOM", 10)
    seen = []
    spool = Spool(tmp_path, sink_of(seen))
    spool.append([{"n": 1, "text": "x" * 20}])
    real = spool._new_segment
    late = iter([2, 3])

    def made_ready(room):
        fresh = real(room)
        monkeypatch.setattr(spool, "_new_segment", real)
        for number in late:
            spool.append([{"n": number, "text": "x" * 20}])
        return fresh

    monkeypatch.setattr(spool, "_new_segment", made_ready)
    spool.drain()
    spool.append([{"n": 4}])
    spool.drain()
    assert [line["n"] for line in seen] == [1, 2, 3, 4]
