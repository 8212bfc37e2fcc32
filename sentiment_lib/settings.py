"""Settings of one installation: environment variables (prefix SENTIMENT_) and files below SENTIMENT_HOME/secrets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from sentiment_lib.errors import BadSetting
from sentiment_lib.policy import Policy
from sentiment_lib.signing import KeyRing
from sentiment_lib.tombstone_key import TombstoneKey

#: Prefix of every environment variable of the platform.
PREFIX = "SENTIMENT_"
#: Ports of the embedded stack, which `sentiment_lib.local` reads.
PORTS = frozenset(PREFIX + "PORT_" + name for name in ("AIRFLOW", "MLFLOW", "POSTGRES", "API"))
#: A rule whose section is separated by one underscore instead of two.
POLICY_RULE = PREFIX + "POLICY_"
#: Variables with these prefixes must be known settings.
OURS = (POLICY_RULE, PREFIX + "PORT_")
#: Settings that `sentiment up` writes, below the home folder.
SETTINGS_FILE = "secrets/settings.env"
#: Settings of people, which override those; `sentiment up` only reads them.
OWN_FILE = "secrets/policy.env"
#: Names another settings file; empty: none is read. Components of a stack get all they need from the environment.
SETTINGS_FILE_VARIABLE = PREFIX + "SETTINGS_FILE"


def home_folder() -> Path:
    """The folder that holds all state: SENTIMENT_HOME, or .local in the current folder."""
    return Path(os.environ.get("SENTIMENT_HOME", ".local")).resolve()


class ServingSettings(BaseModel):
    """Limits of the API."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maximum_texts: int = Field(1000, ge=1, description="texts in one request")
    maximum_connections: int = Field(800, ge=1, description="open connections")
    connections_per_address: int = Field(200, ge=1, description="open connections of one address; raise it for a proxy")
    trusted_proxies: tuple[str, ...] = Field((), description="addresses whose X-Forwarded-For and -Proto are believed")
    maximum_head_bytes: int = Field(16 << 10, ge=1024, description="bytes of request line and headers")
    head_seconds: float = Field(10, gt=0, description="seconds for the request head to arrive")
    idle_seconds: float = Field(5, gt=0, description="seconds that an idle connection is kept")
    maximum_body_bytes: int = Field(4 << 20, ge=1024, description="bytes of a request body")
    body_seconds: float = Field(10, gt=0, description="seconds for the request body to arrive")
    response_seconds: float = Field(30, gt=0, description="timeout of a request")
    texts_per_second: float = Field(2000, gt=0, description="rate limit of one key")
    burst_texts: float = Field(10_000, gt=0, description="burst size of the rate limit")
    key_units_in_flight: float = Field(8000, gt=0, description="cost of one key's requests in progress")
    shed_seconds: float = Field(5, gt=0, description="expected wait above which a request is refused with 503")
    bad_keys_per_minute: int = Field(20, ge=1, description="bad keys and failed logins of one address")
    metrics_key: SecretStr = Field(SecretStr(""), description="bearer token that /metrics needs; empty: none")
    poll_seconds: float = Field(1, gt=0, description="polling interval for a new champion")
    spool_bytes: int = Field(1 << 30, ge=1 << 20, description="size limit of the spool")
    idempotency_hours: float = Field(24, gt=0, description="time for which a retry gets the first answer")
    idempotency_bytes: int = Field(64 << 20, ge=1 << 16, description="size limit of the answers kept for retries")
    cors_origins: tuple[str, ...] = Field((), description="origins of other sites whose scripts may call the API")
    session_hours: float = Field(12, gt=0, description="lifetime of a browser session")


class InputSettings(BaseModel):
    """Limits of files that come in; each holds before what it limits is in memory."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    maximum_row_characters: int = Field(64 << 10, ge=1024, description="one row: a record, a line, a cell, a tweet")
    maximum_columns: int = Field(1000, ge=10, description="columns of a file")
    maximum_json_characters: int = Field(8 << 20, ge=1024, description="one JSON value, such as a page of tweets")
    maximum_unpacked_bytes: int = Field(16 << 30, ge=1 << 20, description="a gzip file, unpacked")
    maximum_unpacking_ratio: float = Field(100, ge=2, description="unpacked to packed size, from 64 MiB on")
    maximum_page_bytes: int = Field(32 << 20, ge=64 << 10, description="a Parquet page, unpacked")
    maximum_refused_rows: int = Field(100_000, ge=1, description="refused rows, when they are more than half of all")
    quarantine_bytes: int = Field(32 << 20, ge=1024, description="text quarantined whole, for each input")


class DatabaseSettings(BaseModel):
    """Time limits of the database in seconds: for steps and commands, and for the requests of API and console."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    statement_seconds: float = Field(3600, gt=0, description="duration of a statement")
    lock_seconds: float = Field(300, gt=0, description="wait for a lock")
    idle_seconds: float = Field(1800, gt=0, description="idle time within a transaction")
    request_statement_seconds: float = Field(30, gt=0, description="duration of a statement of API or console")
    request_lock_seconds: float = Field(5, gt=0, description="wait for a lock of API or console")
    request_idle_seconds: float = Field(60, gt=0, description="idle time within a transaction of API or console")

    def limits(self, *, requests: bool) -> dict[str, int]:
        """Postgres' parameters in milliseconds, for requests or for steps."""
        prefix = "request_" if requests else ""
        parameters = {
            "statement_timeout": "statement_seconds",
            "lock_timeout": "lock_seconds",
            "idle_in_transaction_session_timeout": "idle_seconds",
        }
        return {name: round(1000 * getattr(self, prefix + field)) for name, field in parameters.items()}


class BackupSettings(BaseModel):
    """Where backups go, what they contain, and to whom they are encrypted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recipient: str = Field("", description="public key, age1…, that backups are encrypted to; empty: none are taken")
    folder: Path | None = Field(None, description="folder of the backups; beside SENTIMENT_HOME, with -backups")
    keys_folder: Path | None = Field(
        None, description="folder of the backed-up secrets, apart; beside SENTIMENT_HOME, with -backup-keys"
    )
    database_url: SecretStr = Field(
        SecretStr(""), description="database as a role that may read all; `sentiment up` sets it"
    )
    databases: tuple[str, ...] = Field(
        ("sentiment", "mlflow", "mlflow_auth", "airflow"),
        description="databases of that server in the order of their snapshots, the platform's first",
    )
    artefacts: Path | None = Field(None, description="folder of MLflow's artefacts; default: HOME/mlflow")
    programs: Path | None = Field(None, description="folder of pg_dump and pg_restore, as new as the server")
    drill_identity: Path | None = Field(None, description="file of a private key with which restore drills decrypt")


class Settings(BaseSettings):
    """Addresses, secrets and the policy."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="ignore", frozen=True)

    home: Path = Field(default_factory=home_folder, description="state folder; default: .local in the present folder")
    database_url: SecretStr = Field(
        SecretStr(""), description="database, postgresql+psycopg://…; `sentiment up` sets it"
    )
    mlflow_uri: str = Field("http://127.0.0.1:5000", description="MLflow's tracking server")
    mlflow_model: str = Field("airline-sentiment", description="name of experiment and registered model")
    mlflow_seconds: int = Field(30, ge=1, description="seconds that MLflow may take for a request; aliases: their own")
    mlflow_user: str = Field("", description="account in MLflow; empty: MLFLOW_TRACKING_USERNAME, or no login")
    mlflow_password: SecretStr = Field(SecretStr(""), description="password of mlflow_user")
    author_key: SecretStr = Field(SecretStr(""), description="key of the author hash (BLAKE2b); needed by ingest")
    signing_keys: Path | None = Field(None, description="folder of private signing keys; HOME/secrets/signing")
    public_keys: Path | None = Field(None, description="file of public signing keys, where there are no private ones")
    tombstone_key: Path | None = Field(
        None, description="file with the key of tombstones of forgotten tweets; HOME/secrets/tombstone-key.json"
    )
    tombstone_secret: SecretStr = Field(
        SecretStr(""), description="the same key as a secret, for components that share no files"
    )
    anchors: Path | None = Field(None, description="file that anchors the ledger's head; HOME/anchors/ledger.jsonl")
    sample_per_day: int = Field(
        576,
        ge=0,
        le=100_000,
        description="synthetic tweets a day with which the sample goes on; 0: none",
    )
    x_bearer_token: SecretStr = Field(SecretStr(""), description="token of X's API; with it, X is polled")
    x_query: str = Field(
        "(@united OR @AmericanAir OR @Delta OR @SouthwestAir OR @JetBlue) -is:retweet", description="search on X"
    )
    x_url: str = Field("https://api.twitter.com", description="address of X's API")
    airflow_url: str = Field("http://127.0.0.1:8080", description="Airflow, which authenticates people")
    airflow_user: str = Field("", description="the platform's account in Airflow, which cancels superseded approvals")
    airflow_password: SecretStr = Field(SecretStr(""), description="password of airflow_user")
    airflow_database_url: SecretStr = Field(
        SecretStr(""),
        description="Airflow's own database, from which retention removes old runs; empty: it removes none",
    )
    token: SecretStr = Field(SecretStr(""), description="person token for scripts; people use `sentiment login`")
    api_url: str = Field("http://127.0.0.1:8000", description="the prediction API")
    alert_urls: SecretStr = Field(
        SecretStr(""),
        description="Apprise URLs of alert receivers, separated by commas; the prefix [critical] limits one to those",
    )
    database: DatabaseSettings = DatabaseSettings()
    backup: BackupSettings = BackupSettings()
    serving: ServingSettings = ServingSettings()
    input: InputSettings = InputSettings()
    policy: Policy = Policy()

    @cached_property
    def key_ring(self) -> KeyRing:
        """Signing keys; the first signature creates one where there is none."""
        return KeyRing(self.signing_keys or self.home / "secrets" / "signing", self.public_keys)

    @cached_property
    def tombstones(self) -> TombstoneKey:
        """The key of the tombstones; a request to forget creates it where there is none."""
        path = self.tombstone_key or self.home / "secrets" / "tombstone-key.json"
        return TombstoneKey(path, self.tombstone_secret.get_secret_value())

    @cached_property
    def anchors_file(self) -> Path:
        """Signed, append-only file of the ledger's heads; keep a copy where the database's owner cannot write."""
        return self.anchors or self.home / "anchors" / "ledger.jsonl"

    @cached_property
    def landing(self) -> Path:
        """Folder polled by ingest; contains done/ and failed/."""
        return self.home / "landing"

    @cached_property
    def snapshots(self) -> Path:
        """Folder of the snapshots' Parquet files."""
        return self.home / "snapshots"

    @cached_property
    def checkpoints(self) -> Path:
        """Checkpoints: one folder for each unfinished training."""
        return self.home / "checkpoints"

    @cached_property
    def backups(self) -> Path:
        """Folder of the backups, outside of HOME: what destroys the one leaves the other."""
        return self.backup.folder or self.home.with_name(f"{self.home.name}-backups")

    @cached_property
    def backup_keys(self) -> Path:
        """Folder of the backed-up secrets, one file for each backup."""
        return self.backup.keys_folder or self.home.with_name(f"{self.home.name}-backup-keys")

    @cached_property
    def reports(self) -> Path:
        """Folder of drift and evaluation reports."""
        return self.home / "reports"


#: Variables that hold or lead to a secret: a component gets only those that it uses.
SECRET_VARIABLES = frozenset(
    PREFIX + name
    for name in (
        *(name.upper() for name, field in Settings.model_fields.items() if field.annotation is SecretStr),
        *("SIGNING_KEYS", "TOMBSTONE_KEY", "SERVING", "SERVING__METRICS_KEY", "BACKUP", "BACKUP__DATABASE_URL"),
    )
)


def load_settings() -> Settings:
    """Settings from SETTINGS_FILE, overridden by OWN_FILE and then by the environment.

    Raises BadSetting, which names the variable, for an unknown rule, for a value that is refused, and for a variable
    whose name differs from a known one by a typo.
    """
    written, present = _written_and_present()
    _refuse_misspelt(name for name in (*written, *present) if name.startswith(PREFIX))
    try:
        return Settings(_env_file=_settings_files())
    except ValidationError as error:
        raise _bad_setting(error) from error
    except SettingsError as error:
        raise _not_json(error) from error


@dataclass(frozen=True, kw_only=True)
class SettingSource:
    """A setting with its value, secrets hidden, and where the value came from."""

    variable: str
    value: str
    #: "environment", the name of a settings file, or "default"
    source: str


def sources(settings: Settings) -> list[SettingSource]:
    """Every setting, sections unfolded, in the order of their definition."""
    _, present = _written_and_present()
    # the stronger file first; a chosen one stands for SETTINGS_FILE
    paths = _settings_files()[::-1]
    files = [
        (name, read_file(path).keys())
        for name, path in zip((OWN_FILE, SETTINGS_FILE)[2 - len(paths) :], paths, strict=True)
    ]

    def source_of(variable: str) -> str:
        # a section may be given as one JSON object
        names = {variable.rsplit("__", level)[0] for level in range(variable.count("__") + 1)}
        if names & present.keys():
            return "environment"
        return next((name for name, written in files if names & written), "default")

    def unfold(model: BaseModel, prefix: str) -> Iterable[SettingSource]:
        for name in type(model).model_fields:
            value, variable = getattr(model, name), f"{prefix}{name.upper()}"
            if isinstance(value, BaseModel):
                yield from unfold(value, f"{variable}__")
            else:
                yield SettingSource(variable=variable, value=_shown(value), source=source_of(variable))

    return list(unfold(settings, PREFIX))


#: Settings that decide whom the command line believes about a person's name.
IDENTITY = ("AIRFLOW_URL", "AIRFLOW_USER")


def _written_and_present() -> tuple[dict[str, str | None], dict[str, str]]:
    """The variables of the settings files, and those of the environment."""
    written: dict[str, str | None] = {}
    for path in _settings_files():
        written |= read_file(path)
    return written, {name.upper(): value for name, value in os.environ.items()}


def read_file(path: Path) -> dict[str, str | None]:
    """The variables of a settings file, in capitals; none of a file that is not there."""
    return {name.upper(): value for name, value in dotenv_values(path).items()} if path.exists() else {}


def require_identity_settings() -> None:
    """Raise BadSetting where the environment contradicts the settings file about who authenticates people.

    Otherwise one variable would let a server of the caller's choice say who he is.
    """
    written, present = _written_and_present()
    for variable in (PREFIX + name for name in IDENTITY):
        if written.get(variable) and present.get(variable, written[variable]) != written[variable]:
            problem = f"{SETTINGS_FILE} has another value, and only that decides who authenticates people"
            raise BadSetting(setting=variable, problem=problem)


def _shown(value: Any) -> str:
    """The value as a variable would hold it; secrets as asterisks."""
    if isinstance(value, SecretStr):
        return "**********" if value.get_secret_value() else ""
    if value is None or isinstance(value, str | Path):
        return "" if value is None else str(value)
    return TypeAdapter(Any).dump_json(value).decode().strip('"')


def _settings_files() -> tuple[Path, ...]:
    """The settings files, the stronger one last."""
    chosen = os.environ.get(SETTINGS_FILE_VARIABLE)
    if chosen is None:
        return home_folder() / SETTINGS_FILE, home_folder() / OWN_FILE
    return (Path(chosen),) if chosen else ()


def _refuse_misspelt(names: Iterable[str]) -> None:
    """Refuse unknown rules and ports, and names a letter or two from a setting; the rest are ignored."""
    settings = {PREFIX + field.upper() for field in Settings.model_fields} | PORTS | {SETTINGS_FILE_VARIABLE}
    for name in names:
        section = name.upper().partition("__")[0]
        if section not in settings and section.startswith(OURS):
            nearest = get_close_matches(section, sorted(settings), n=1, cutoff=0)
            if section.startswith(POLICY_RULE):
                nearest = [name.upper().replace(POLICY_RULE, f"{PREFIX}POLICY__", 1)]
            raise BadSetting(setting=name, problem=f"there is no such setting. Did you mean {nearest[0]}?")
        # from 0.9 on, names of this length differ by one or two letters
        if section not in settings and (nearest := get_close_matches(section, sorted(settings), n=1, cutoff=0.9)):
            raise BadSetting(setting=name, problem=f"there is no such setting. Did you mean {nearest[0]}?")


def _bad_setting(error: ValidationError) -> BadSetting:
    """The first problem in one sentence, with the variable's name; an unknown one with the nearest known."""
    first = error.errors(include_url=False, include_input=False)[0]
    path = [str(part) for part in first["loc"]]
    setting = PREFIX + "__".join(path).upper()
    if first["type"] != "extra_forbidden":
        return BadSetting(setting=setting, problem=first["msg"].removeprefix("Value error, "))
    section: Any = Settings
    for part in path[:-1]:
        section = section.model_fields[part].annotation
    nearest = get_close_matches(path[-1], list(section.model_fields), n=1, cutoff=0)
    suggestion = PREFIX + "__".join([*path[:-1], *nearest]).upper()
    return BadSetting(setting=setting, problem=f"there is no such setting. Did you mean {suggestion}?")


def _not_json(error: SettingsError) -> BadSetting:
    """The variable whose value should be JSON and is not; pydantic-settings names only its section."""
    value = getattr(error.__cause__, "doc", None)
    names = [name for name, text in os.environ.items() if name.upper().startswith(PREFIX) and text == value]
    problem = f'{value!r} is not JSON; write a list as ["bert"], an object as {{"bert": {{}}}}'
    return BadSetting(setting=" or ".join(names) or f"A line of {SETTINGS_FILE}", problem=problem)
