"""Settings, read once from the environment and the project folder. Everything has an embedded default."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from governance.errors import ConfigurationError

HOME_NAME = ".fairgate"
NIGHT_EVERY, MAX_NIGHT_HOURS = "FAIRGATE_NIGHT_EVERY_HOURS", 24 * 366


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things are. `project` is the folder that commands run in; `home` holds all that Fairgate writes.

    `data_roots` are the folders below which a plan may name data, `databases` the addresses (up to the #) that it may
    name: a plan travels with a model, and a model is somebody's code. URIs and paths in them are relative to
    `project`. `checkpoints` are the files that every checkpoint of the ledger is copied to. `database_admin` is for
    `fairgate db grant --apply` alone, `database_roles` names its roles. `console_url` is where people reach the
    console behind a proxy that speaks HTTPS, None on this machine alone. `night_every` is the longest time between two
    scheduled nights, None where no schedule says so. `notify` is the file of channels by which people are told, None:
    nobody is. `single_sign_on` is the file that names the provider of single sign-on.
    """

    project: Path
    home: Path
    registry_uri: str
    tracking_uri: str
    ledger_url: str
    accounts_url: str
    policy: Path | None
    environment: str
    data_roots: tuple[Path, ...]
    person: str | None = None
    credential: str | None = None
    credential_file: Path | None = None
    code: str | None = None
    console_port: int = 8765
    console_url: str | None = None
    night_every: timedelta | None = None
    databases: tuple[str, ...] = ()
    checkpoints: tuple[Path, ...] = ()
    database_admin: str | None = None
    database_roles: str | None = None
    notify: Path | None = None
    single_sign_on: Path | None = None

    @property
    def evidence(self) -> Path:
        """Evidence files, named by digest."""
        return self.home / "evidence"

    @property
    def reports(self) -> Path:
        """Reports for people."""
        return self.home / "reports"

    @property
    def receipts(self) -> Path:
        """Receipts of sign-offs: for each the exact envelope and its proof."""
        return self.home / "receipts"

    @property
    def outbox(self) -> Path:
        """How far each channel of `notify` has been told."""
        return self.home / "outbox"

    @property
    def snapshots(self) -> Path:
        """Private copies of the audited bytes."""
        return self.home / "snapshots"

    @property
    def locks(self) -> Path:
        """One lock file for each release target."""
        return self.home / "locks"

    @property
    def data(self) -> Path:
        """Data of databases and folders as it was measured: one Parquet file each, named by its digest."""
        return self.home / "data"

    def quarantine(self, data_digest: str) -> Path:
        """The file that names the rows which the quality gate set aside of the data with this digest."""
        return self.home / "quarantine" / f"{data_digest.removeprefix('sha256:')[:16]}.csv"

    @property
    def prefect_home(self) -> Path:
        """Prefect's own folder: its database and profiles stay inside the project."""
        return self.home / "prefect"


def read_settings(environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """The settings of this process. Raises ConfigurationError naming the variable that is wrong."""
    env = os.environ if environ is None else environ
    project = (cwd or Path.cwd()).resolve()
    home = project / (env.get("FAIRGATE_HOME") or HOME_NAME)
    tracking = env.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    policy = env.get("FAIRGATE_POLICY")
    roots = [Path(item) for item in env.get("FAIRGATE_DATA", "").split(os.pathsep) if item]
    places = [Path(item) for item in env.get("FAIRGATE_CHECKPOINTS", "").split(os.pathsep) if item]
    credential_file, notify = env.get("FAIRGATE_CREDENTIAL_FILE"), env.get("FAIRGATE_NOTIFY")
    return Settings(
        project=project,
        home=home,
        registry_uri=env.get("FAIRGATE_REGISTRY") or env.get("MLFLOW_REGISTRY_URI") or tracking,
        tracking_uri=tracking,
        ledger_url=env.get("FAIRGATE_LEDGER") or f"sqlite:///{home / 'ledger.db'}",
        accounts_url=env.get("FAIRGATE_ACCOUNTS") or f"sqlite:///{home / 'accounts.db'}",
        policy=project / policy if policy else None,
        environment=env.get("FAIRGATE_ENVIRONMENT") or "local",
        data_roots=(project, *((project / root).resolve() for root in roots)),
        person=env.get("FAIRGATE_PERSON"),
        credential=env.get("FAIRGATE_CREDENTIAL"),
        credential_file=project / credential_file if credential_file else None,
        code=env.get("FAIRGATE_CODE") or None,
        console_port=_port(env.get("FAIRGATE_CONSOLE_PORT", "8765")),
        console_url=_url(env.get("FAIRGATE_CONSOLE_URL")),
        night_every=_hours(env.get(NIGHT_EVERY)),
        databases=tuple(env.get("FAIRGATE_DATABASES", "").split()),
        checkpoints=(home / "checkpoints.log", *(project / place for place in places)),
        database_admin=env.get("FAIRGATE_DB_ADMIN"),
        database_roles=env.get("FAIRGATE_DB_ROLES"),
        notify=project / notify if notify else None,
        single_sign_on=project / sign_on if (sign_on := env.get("FAIRGATE_SINGLE_SIGN_ON")) else None,
    )


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65_536:
        raise ConfigurationError(f"FAIRGATE_CONSOLE_PORT is {text!r}; write a port from 1 to 65535")
    return int(text)


def _url(text: str | None) -> str | None:
    """Only HTTPS: a password or a session must not cross a network in the clear."""
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme != "https" or not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ConfigurationError(f"FAIRGATE_CONSOLE_URL is {text!r}; write https://HOST, with no path")
    return text.rstrip("/")


def _hours(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if not text.isdecimal() or not 0 < int(text) <= MAX_NIGHT_HOURS:
        raise ConfigurationError(f"{NIGHT_EVERY} is {text!r}; write whole hours, such as 24")
    return timedelta(hours=int(text))
