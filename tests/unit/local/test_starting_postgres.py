"""A Postgres that starts or recovers says so: nobody takes it for one that is down, or restarts it."""

from __future__ import annotations

import socketserver
import struct
import threading

import pytest

from sentiment_lib.cli.common import as_known_error
from sentiment_lib.errors import DatabaseStarting
from sentiment_lib.local import diagnostics, postgres
from sentiment_lib.local.state_folder import Ports
from sentiment_lib.storage.engine import Store

#: Code of the first message of a client that would like TLS.
TLS = 80877103


class Starting(socketserver.BaseRequestHandler):
    """Answers every connection as Postgres does in its first seconds after a crash."""

    def handle(self):
        size, code = struct.unpack("!II", self.request.recv(8))
        while code == TLS:
            self.request.sendall(b"N")
            size, code = struct.unpack("!II", self.request.recv(8))
        self.request.recv(size)
        fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is in recovery mode\0\0"
        self.request.sendall(b"E" + struct.pack("!I", len(fields) + 4) + fields)


@pytest.fixture
def port():
    """Port of a server that recovers."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Starting) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_the_supervisor_knows_that_it_starts(port):
    ports = Ports(postgres=port)
    assert not postgres.accepts_connections(ports, "secret")
    assert postgres.why_starting(ports, "secret") == postgres.RECOVERING


def test_commands_and_the_doctor_say_to_wait(port, monkeypatch, tmp_path):
    url = f"postgresql+psycopg://user:secret@127.0.0.1:{port}/sentiment"
    store = Store(url)
    with pytest.raises(Exception, match="recovery mode") as refused, store.begin():
        pass
    assert isinstance(as_known_error(refused.value), DatabaseStarting)
    monkeypatch.setenv("SENTIMENT_HOME", str(tmp_path))
    monkeypatch.setenv("SENTIMENT_DATABASE_URL", url)
    found = {diagnosis.check: diagnosis for diagnosis in diagnostics.run()}
    assert (found["database"].state, found["database"].finding) == ("waiting", postgres.RECOVERING)
    assert "wait, it ends by itself" in found["database"].remedy
