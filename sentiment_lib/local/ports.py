"""Who listens on a port: nobody, before anything starts; afterwards the component that it belongs to."""

from __future__ import annotations

import socket
from dataclasses import asdict

import psutil

from sentiment_lib.errors import PortTaken
from sentiment_lib.local.state_folder import Ports


def require_free(ports: Ports) -> None:
    """Raise PortTaken with the component, the process that holds the port if visible, and the variable to set."""
    for component, port in asdict(ports).items():
        with socket.socket() as probe:
            # a connection in TIME_WAIT must not count as taken
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                names = {"option": f"--port-{component}", "variable": f"SENTIMENT_PORT_{component.upper()}"}
                raise PortTaken(port=port, component=component, by=_holder(port), **names) from None


def stranger(port: int, leader: int) -> str | None:
    """Who listens on the port in place of the process `leader` and its children; None when they do or nobody does."""
    try:
        process = psutil.Process(leader)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        family = []
    if any(_listens(member, port) for member in family):
        return None
    with socket.socket() as probe:
        probe.settimeout(3)
        try:
            probe.connect(("127.0.0.1", port))
        except OSError:
            return None
    return f"port {port} is taken{_holder(port)}"


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections("tcp")
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return False
    return any(found.status == psutil.CONN_LISTEN and found.laddr.port == port for found in connections)


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.status == "LISTEN" and connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return ""
    return ""
