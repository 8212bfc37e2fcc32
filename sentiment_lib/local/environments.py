"""Environment of each component of the embedded stack: what it needs by name, and no secret that it does not use."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from sentiment_lib.local import secrets
from sentiment_lib.local.state_folder import Home, Ports, project_folder
from sentiment_lib.settings import OWN_FILE, PREFIX, SECRET_VARIABLES, SETTINGS_FILE_VARIABLE, read_file
from sentiment_lib.signing import PUBLIC_KEYS_FILE
from sentiment_lib.storage import grants

#: Variables that every component inherits from the person who starts the stack; a name that ends in _ is a prefix.
INHERITED = (
    *("HOME", "LANG", "LANGUAGE", "LC_", "LOGNAME", "TMPDIR", "TZ", "USER", "XDG_"),
    *("PYTHONPATH", "PYTHONWARNINGS", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "COVERAGE_", "OMP_", "MKL_", "OPENBLAS_"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
    *("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("CUDA_", "NVIDIA_", "HF_HOME", "HF_HUB_OFFLINE", "TOKENIZERS_", "TORCH_"),
)
#: Variables that may hold the key of the API's metrics.
SERVING = ("SENTIMENT_SERVING", "SENTIMENT_SERVING__METRICS_KEY")


def airflow(home: Home, ports: Ports, credentials: dict[str, str], part: str) -> dict[str, str]:
    """One of Airflow's processes, or `migrate`. Tasks run below the scheduler and have its environment."""
    shared = {**_inherited_with("AIRFLOW_"), **_airflow_shared(home, ports, credentials)}
    if part == "migrate":
        return {**_base(), **shared, "PYTHONPATH": _joined_path(project_folder() / "plugins")}
    passwords_file = str(home.secrets / secrets.PASSWORDS_FILE)
    own = {
        "api-server": {
            "AIRFLOW__API__SECRET_KEY": credentials["secret_key"],
            "AIRFLOW__API_AUTH__JWT_SECRET": credentials["jwt_secret"],
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": passwords_file,
        },
        # its executor signs the token of each task
        "scheduler": {"AIRFLOW__API_AUTH__JWT_SECRET": credentials["jwt_secret"]},
    }.get(part, {})
    platform = console(home, ports, credentials) if part == "api-server" else steps(home, ports, credentials)
    return {**platform, **shared, **own}


def steps(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """Steps in tasks: the database, MLflow's writing account, Airflow's, the signing keys, receivers and sources."""
    return {
        **_platform(home, "SENTIMENT_X_BEARER_TOKEN", "SENTIMENT_ALERT_URLS"),
        **secrets.sentiment_environment(home, ports, credentials),
        "SENTIMENT_AIRFLOW_DATABASE_URL": secrets.database_url(credentials, ports, "airflow", "psycopg2"),
    }


def alerts(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """The alert process: the database, the receivers, and the key of the API's metrics."""
    kept = _addresses(home, ports, credentials)
    kept["SENTIMENT_DATABASE_URL"] = secrets.platform_url(credentials, ports, grants.APP)
    kept["SENTIMENT_PUBLIC_KEYS"] = str(home.signing / PUBLIC_KEYS_FILE)
    return {**_platform(home, "SENTIMENT_ALERT_URLS", *SERVING), **kept}


def api(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """The API: its own database role, MLflow's reader, the public signing keys; it has no account in Airflow."""
    kept = _reader(home, ports, credentials, grants.API)
    kept["SENTIMENT_AUTHOR_KEY"] = credentials["author_key"]
    return {**_platform(home, *SERVING), **kept}


def console(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """The console: a database role that reads, MLflow's reader, the public signing keys."""
    return {**_platform(home), **_reader(home, ports, credentials, grants.CONSOLE)}


def mlflow(own: dict[str, str]) -> dict[str, str]:
    """The MLflow server, which knows nothing of the platform but the module that authorizes its requests."""
    return {**_base(), **own, "PYTHONPATH": _joined_path(Path(__file__).parents[2])}


def _reader(home: Home, ports: Ports, credentials: dict[str, str], role: str) -> dict[str, str]:
    return {
        **_addresses(home, ports, credentials),
        "SENTIMENT_DATABASE_URL": secrets.platform_url(credentials, ports, role),
        "SENTIMENT_MLFLOW_USER": secrets.MLFLOW_READER,
        "SENTIMENT_MLFLOW_PASSWORD": credentials[f"mlflow_{secrets.MLFLOW_READER}_account"],
        "SENTIMENT_PUBLIC_KEYS": str(home.signing / PUBLIC_KEYS_FILE),
    }


def _addresses(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    """What every component may know: folders and addresses."""
    names = ("SENTIMENT_HOME", "SENTIMENT_API_URL", "SENTIMENT_AIRFLOW_URL", "SENTIMENT_MLFLOW_URI")
    everything = secrets.sentiment_environment(home, ports, credentials)
    return {name: everything[name] for name in names}


def _airflow_shared(home: Home, ports: Ports, credentials: dict[str, str]) -> dict[str, str]:
    project = project_folder()
    address = f"http://127.0.0.1:{ports.airflow}"
    return {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__API__BASE_URL": address,
        "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{address}/execution/",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__FERNET_KEY": credentials["fernet_key"],
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",  # the default forks 32 workers at once
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in secrets.USERS.items()),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": secrets.database_url(credentials, ports, "airflow", "psycopg2"),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "60",
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home.logs / "airflow"),
        # set on each file and folder, whatever the umask
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        # retry a task whose process was killed within about a minute, not after five
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
    }


def _platform(home: Home, *secret_names: str) -> dict[str, str]:
    """The base with the person's settings, of policy.env and the shell; of the secret ones only these."""
    own = {name: value or "" for name, value in read_file(home.path / OWN_FILE).items()}
    settings = {
        name: value
        for name, value in (own | dict(os.environ)).items()
        if name.upper().startswith(PREFIX) and (name.upper() in secret_names or name.upper() not in SECRET_VARIABLES)
    }
    return {**_base(), **settings, SETTINGS_FILE_VARIABLE: ""}


def _base() -> dict[str, str]:
    return {
        **_inherited_with(*INHERITED),
        "DO_NOT_TRACK": "1",
        "GIT_PYTHON_REFRESH": "quiet",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        "OMP_WAIT_POLICY": "PASSIVE",
        "PYTHONUNBUFFERED": "1",
        "PATH": _joined_path(Path(sys.executable).parent, variable="PATH"),
    }


def _inherited_with(*names: str) -> dict[str, str]:
    return dict(_matching(names))


def _matching(names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for name, value in os.environ.items():
        if any(name.startswith(known) if known.endswith("_") else name == known for known in names):
            yield name, value


def _joined_path(first: Path, *, variable: str = "PYTHONPATH") -> str:
    return os.pathsep.join(part for part in (str(first), os.environ.get(variable, "")) if part)
