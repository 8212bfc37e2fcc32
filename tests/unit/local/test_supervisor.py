"""The supervisor starts in order, restarts what dies, leaves nothing behind, and clears up after a killed one."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import psutil
import pytest

from sentiment_lib.errors import PortTaken, StackFailed
from sentiment_lib.local import components, log_rotation, processes, secrets
from sentiment_lib.local.component import Component
from sentiment_lib.local.ports import require_free
from sentiment_lib.local.stale_processes import stop_stale
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.local.supervisor import Supervisor

#: A server that has a child which forgets its environment, as programs do that rename themselves.
SERVER = ["sh", "-c", "env -i sleep 300 & wait"]


def until(condition, seconds=15):
    give_up = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up, "waited in vain"
        time.sleep(0.05)


def server(name="server", command=SERVER, **more):
    return Component(name=name, command=command, healthy=lambda: True, environment=dict(os.environ), **more)


@pytest.fixture
def supervise(tmp_path):
    made = []

    def make(*components, **more):
        supervisor = Supervisor(list(components), run=tmp_path, logs=tmp_path, mark=tmp_path.name, **more)
        made.append(supervisor)
        supervisor.start()
        return supervisor

    yield make
    for supervisor in made:
        supervisor.stop()


def test_a_server_that_recovers_is_left_to_it(supervise, tmp_path):
    seen = []
    recovering = replace(server(), healthy=lambda: len(seen) > 5, busy=lambda: seen.append(1) or "it replays its log")
    supervisor = supervise(recovering, patience=0.1)
    until(lambda: len(seen) > 2)
    state = json.loads((tmp_path / "health.json").read_text())["server"]
    assert (state["state"], state["restarts"], state["problem"]) == ("starting", 0, "it replays its log")
    until(supervisor.healthy)
    state = json.loads((tmp_path / "health.json").read_text())["server"]
    assert (state["state"], state["restarts"], state["problem"]) == ("healthy", 0, None)


def family(tmp_path):
    pids = [pid for name, pid in processes.recorded(tmp_path / "processes.json").items() if name != "supervisor"]
    return [child for pid in pids for child in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))]


def test_what_is_needed_is_well_before_what_needs_it_starts(supervise):
    order = []
    ready = iter([False, False, True, *[True] * 1000])
    supervise(
        Component(name="late", call=lambda: order.append("late"), after=("early",)),
        Component(name="early", command=SERVER, healthy=lambda: next(ready) and (order.append("early") or True)),
    )
    until(lambda: order == ["early", "late"])


def test_a_stranger_on_the_port_is_not_the_component(supervise, tmp_path):
    listen = "import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(300)"
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        # its child listens, as workers of a server do
        command = ["sh", "-c", f'"{sys.executable}" -c "{listen.format(port=port)}" & wait']
        supervisor = supervise(server(command=["sh", "-c", f"sleep 1; {command[2]}"], port=port))
        health = tmp_path / "health.json"
        until(lambda: json.loads(health.read_text())["server"].get("problem"))
        problem = json.loads(health.read_text())["server"]["problem"]
        assert problem.startswith(f"port {port} is taken by ")
        assert f"(pid {os.getpid()})" in problem
        assert not supervisor.healthy()
    supervise(server("other", command=command, port=port))
    until(lambda: json.loads(health.read_text()).get("other", {}).get("state") == "healthy")
    assert json.loads(health.read_text())["other"]["problem"] is None


def test_what_dies_is_started_again(supervise, tmp_path):
    supervisor = supervise(server())
    until(supervisor.healthy)
    first = processes.recorded(tmp_path / "processes.json")["server"]
    os.kill(first, signal.SIGKILL)
    until(lambda: processes.recorded(tmp_path / "processes.json").get("server", first) != first)
    until(supervisor.healthy)


def test_what_hangs_is_unwell_and_started_again(supervise, tmp_path):
    hung = tmp_path / "hung"
    part = server(probe_every=0.05, probes=3)
    supervisor = supervise(replace(part, healthy=lambda: not hung.exists()))
    until(supervisor.healthy)
    first = processes.recorded(tmp_path / "processes.json")["server"]
    hung.touch()
    until(lambda: supervisor.states()["server"] == "unwell")
    hung.unlink()
    until(supervisor.healthy)
    assert processes.recorded(tmp_path / "processes.json")["server"] != first


def test_what_only_waits_for_a_hung_one_is_left_alone(supervise, tmp_path):
    hung = tmp_path / "hung"
    base = replace(server("base", probe_every=0.05, probes=1000), healthy=lambda: not hung.exists())
    rests = replace(server("rests", probe_every=0.05, probes=10, after=("base",)), healthy=lambda: not hung.exists())
    supervisor = supervise(base, rests)
    until(supervisor.healthy)
    first = processes.recorded(tmp_path / "processes.json")
    hung.touch()
    time.sleep(2)
    assert supervisor.states() == {"base": "healthy", "rests": "healthy"}
    assert processes.recorded(tmp_path / "processes.json") == first


def test_what_starts_while_its_judge_does_not_answer_is_left_alone(supervise, tmp_path):
    """On a slow machine the server that tells how the others are starts last."""

    def restarts(name):
        return json.loads((tmp_path / "health.json").read_text())[name]["restarts"]

    judge = replace(server("judge"), healthy=lambda: restarts("judge") == 1)
    judged = replace(server("judged"), healthy=lambda: supervisor.states()["judge"] == "healthy", judged_by=("judge",))
    supervisor = supervise(judge, judged, patience=1)
    until(supervisor.healthy)
    assert (restarts("judge"), restarts("judged")) == (1, 0)


def test_what_never_becomes_well_is_given_up_and_named(supervise):
    supervisor = supervise(server("broken", ["sh", "-c", "exit 3"], once=True))
    until(lambda: supervisor.failure() is not None, seconds=90)
    assert isinstance(supervisor.failure(), StackFailed)
    assert "broken" in str(supervisor.failure())
    assert "exit code 3" in str(supervisor.failure())


def test_stop_leaves_no_process(supervise, tmp_path):
    supervisor = supervise(server("one"), server("two"))
    until(lambda: supervisor.healthy() and len(family(tmp_path)) == 4)
    living = family(tmp_path)
    supervisor.stop()
    assert not [process for process in living if process.is_running() and process.status() != psutil.STATUS_ZOMBIE]


def test_a_killed_supervisor_leaves_nothing_that_the_next_start_does_not_end(tmp_path):
    code = (
        "import sys, os, time; from pathlib import Path\n"
        "from sentiment_lib.local.supervisor import Supervisor; from sentiment_lib.local.component import Component\n"
        f"part = Component(name='server', command={SERVER!r}, healthy=lambda: True, environment=dict(os.environ))\n"
        "run = Path(sys.argv[1]); Supervisor([part], run=run, logs=run, mark='killed').start(); time.sleep(300)"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    until(lambda: (tmp_path / "processes.json").exists() and len(family(tmp_path)) == 2)
    parent, child = family(tmp_path)
    supervisor.kill()
    supervisor.wait()
    parent.kill()  # the child is an orphan now, and its environment says nothing
    until(lambda: not parent.is_running() or parent.status() == psutil.STATUS_ZOMBIE)
    assert child.is_running()

    assert stop_stale(tmp_path, "killed") == 1
    assert not child.is_running()
    assert stop_stale(tmp_path, "killed") == 0


def test_a_pid_that_went_to_a_stranger_is_left_alone(tmp_path):
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    (tmp_path / "processes.json").write_text(f'{{"server": [{stranger.pid}, 1000.0]}}')
    (tmp_path / "sessions.json").write_text(f'{{"{stranger.pid}": 1000.0}}')
    try:
        assert stop_stale(tmp_path, "nobody") == 0
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_taken_port_is_named_with_the_variable_to_set():
    with socket.socket() as taken, socket.socket() as other:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other.bind(("127.0.0.1", 0))
        free = other.getsockname()[1]
        other.close()
        with pytest.raises(PortTaken, match=r"mlflow is taken.*--port-mlflow or SENTIMENT_PORT_MLFLOW"):
            require_free(Ports(airflow=free, mlflow=taken.getsockname()[1], postgres=free, api=free))


def test_secrets_are_drawn_once_and_only_their_owner_can_read_them(tmp_path):
    home = Home(tmp_path / "a home")
    home.create()
    known = secrets.read_or_create(home)
    secrets.write_settings(home, secrets.sentiment_environment(home, Ports(), known))
    assert secrets.read_or_create(home) == known
    assert home.secrets.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in home.secrets.iterdir()} == {0o600}


def test_secrets_that_an_earlier_release_did_not_have_are_added_and_the_others_stay(tmp_path):
    home = Home(tmp_path)
    home.create()
    first = secrets.read_or_create(home)
    earlier = {name: value for name, value in first.items() if not name.startswith("mlflow_")}
    (home.secrets / "stack.env.json").write_text(json.dumps(earlier))
    later = secrets.read_or_create(home)
    assert later.keys() == first.keys()
    assert {name: later[name] for name in earlier} == earlier
    assert later["mlflow_admin_account"] != first["mlflow_admin_account"]


def test_each_component_gets_only_the_secrets_that_it_uses(tmp_path, monkeypatch):
    monkeypatch.setenv("SENTIMENT_X_BEARER_TOKEN", "bearer of the shell")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "key of the shell")
    monkeypatch.setenv("SENTIMENT_POLICY__RETRAIN__COOL_DOWN", "P9D")
    home = Home(tmp_path)
    home.create()
    (home.secrets / "policy.env").write_text("SENTIMENT_POLICY__APPROVAL__QUORUM=2\n")
    known = secrets.read_or_create(home)
    passwords = {f"airflow {user}": password for user, password in secrets.passwords(home).items()}
    hidden = {**known, **passwords, "bearer": "bearer of the shell", "aws": "key of the shell"}

    def held(name):
        values = " ".join(found[name].environment.values())
        return {secret for secret, value in hidden.items() if value in values} - {"stack_id"}

    found = {part.name: part for part in components.components(home, Ports(), sample=False, make_key=str)}
    assert held("postgres") == set()
    for name in ("api", "alerts", "airflow-scheduler", "airflow-api-server"):
        assert found[name].environment["SENTIMENT_POLICY__RETRAIN__COOL_DOWN"] == "P9D"
        assert found[name].environment["SENTIMENT_POLICY__APPROVAL__QUORUM"] == "2"
        assert found[name].environment["SENTIMENT_SETTINGS_FILE"] == ""
    for name in ("api", "airflow-api-server", "alerts"):
        assert "SENTIMENT_SIGNING_KEYS" not in found[name].environment
    assert held("mlflow") == {"mlflow_password", "mlflow_csrf_key", "mlflow_admin_account"}
    assert held("api") == {"sentiment_api_password", "mlflow_reader_account", "author_key"}
    assert held("alerts") == {"sentiment_app_password"}
    assert held("airflow-migrate") == {"airflow_password", "fernet_key"}
    airflow = {"airflow_password", "fernet_key"}
    console = {"sentiment_console_password", "mlflow_reader_account"}
    assert held("airflow-api-server") == airflow | console | {"secret_key", "jwt_secret"}
    database = {"sentiment_app_password", "sentiment_backup_password"}
    steps = {*database, "mlflow_sentiment_account", "author_key", "airflow sentiment", "bearer"}
    assert held("airflow-scheduler") == airflow | steps | {"jwt_secret"}
    assert held("airflow-dag-processor") == held("airflow-triggerer") == airflow | steps


def test_a_flood_of_log_lines_fills_no_disk(supervise, tmp_path, monkeypatch):
    monkeypatch.setattr(log_rotation, "EVERY", 0.05)
    flood = f"while [ ! -e {tmp_path}/enough ]; do echo a line of a request; done; sleep 1; echo the end; sleep 300"
    supervise(server("api", ["sh", "-c", flood]), log_bytes=100_000)
    log = tmp_path / "api.log"
    until(lambda: log.with_name("api.log.1").exists() and log.stat().st_size > 0)
    earlier = log.with_name("api.log.1").stat().st_ino, log.with_name("api.log.1").stat().st_mtime_ns
    until(lambda: log.with_name("api.log.1").stat().st_mtime_ns > earlier[1])
    (tmp_path / "enough").touch()
    # said after the last rotation, which may lose a line that comes between its copy and its cut
    until(lambda: (log.with_name("api.log.1").read_text() + log.read_text()).endswith("the end\n"))
    assert log.read_bytes()[:1] != b"\0", "the file was emptied and goes on, without a hole"
    assert sum(path.stat().st_size for path in tmp_path.glob("api.log*")) < 20_000_000
