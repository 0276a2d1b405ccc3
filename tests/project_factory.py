"""A project folder with a real registry, ledger, people and policy, and models whose predictions stand in the data.

A plan with a `prediction` column needs no scoring: a whole release then takes about a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from plea_factory import by

from flows.releasing import Answer, Request, release_now
from flows.settings import Settings, read_settings
from flows.wiring import open_desk, open_registry, policy_bytes
from governance.case import open_case
from governance.desk import Desk
from governance.enrolment import enrol
from governance.people import MACHINE, Person
from governance.policy import Assurance
from governance.registry import sqlite_guard
from governance.registry.port import LiveAlias, Registry
from governance.signoff import APPROVE, Wish, sign, withdraw
from governance.statement import Entry, PredicateType

ALIAS = "champion"
SCIENTIST = Person("data-scientist", "Data Scientist", ("data-science",))
OFFICERS = (
    Person("compliance-officer", "Compliance Officer", ("compliance",)),
    Person("risk-officer", "Model Risk Officer", ("model-risk",)),
)
PREDICTED = 'prediction = "predicted"'
NEWER = 'newer = "data/{name}/*.csv"'
EVEN, UNEVEN = (0.5, 0.5), (0.2, 0.6)

_PLAN = """
[model]
name = "{name}"
impact = "high"
registrant = "data-scientist"

[data]
source = "data/release.csv"
label = "hired"
favourable = "yes"
key = ["id"]
{lines}

[[sensitive_features]]
name = "sex"
levels = ["female", "male"]
reference = "male"

[audit]
decided_at = 2026-01-05
min_group_size = 30
min_events = 5

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8
"""


def registry_template(folder: Path) -> bytes:
    """The bytes of an empty MLflow database: making its tables takes seconds, copying them nothing."""
    from mlflow import MlflowClient

    MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    return (folder / "mlflow.db").read_bytes()


def table(rates: tuple[float, float], rows: int = 400) -> str:
    """CSV of `rows` women and as many men, half of each hired, predicted "yes" at the rates (women, men)."""
    lines = ["id,sex,hired,predicted"]
    for sex, rate in zip(("female", "male"), rates, strict=True):
        for number in range(rows):
            hired = "yes" if number % 2 else "no"
            lines.append(f"{sex[0]}{number},{sex},{hired},{'yes' if number < rate * rows else 'no'}")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Project:
    """A project in `folder`, which is the current folder. What is opened is opened once."""

    folder: Path

    @cached_property
    def settings(self) -> Settings:
        return read_settings(
            {"FAIRGATE_POLICY": "policy.toml", "MLFLOW_TRACKING_URI": f"sqlite:///{self.folder / 'mlflow.db'}"},
            self.folder,
        )

    @cached_property
    def desk(self) -> Desk:
        return open_desk(self.settings)

    @cached_property
    def registry(self) -> Registry:
        return open_registry(self.settings)

    @cached_property
    def client(self) -> Any:
        """MLflow's own client, as anybody can make one."""
        from mlflow import MlflowClient

        uri = self.settings.registry_uri
        return MlflowClient(tracking_uri=uri, registry_uri=uri)

    def write(self, path: str, text: str) -> Path:
        """Write a file below the project."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return target

    def register(
        self,
        name: str,
        *,
        lines: Iterable[str] = (PREDICTED, NEWER),
        described: str = "flavors: {}\n",
        files: Mapping[str, str] | None = None,
    ) -> str:
        """Register a model with a plan as the data scientist does; returns the version.

        `lines` go into the plan's [data], `described` into MLmodel, `files` beside it.
        """
        place = self.write_model(name, lines=lines, described=described, files=files)
        if name not in [model.name for model in self.client.search_registered_models()]:
            self.client.create_registered_model(name)
        return str(self.client.create_model_version(name, str(place)).version)

    def write_model(
        self,
        name: str,
        *,
        lines: Iterable[str] = (PREDICTED, NEWER),
        described: str = "flavors: {}\n",
        files: Mapping[str, str] | None = None,
    ) -> Path:
        """The folder of the next version, as `register` registers it."""
        plan = _PLAN.format(name=name, lines="\n".join(lines).format(name=name))
        number = len(list(self.folder.glob(f"models/{name}-*"))) + 1
        place = f"models/{name}-{number}"
        body = "".join(f"      {line}\n" for line in plan.splitlines())
        self.write(f"{place}/MLmodel", f"{described}metadata:\n  governance:\n    plan: |\n{body}")
        for path, text in (files or {"model.bin": f"weights of {name} {number}"}).items():
            self.write(f"{place}/{path}", text)
        return self.folder / place

    def ask(self, name: str, version: str, data: str | None = None) -> Answer:
        """Ask for the release, unattended."""
        return release_now(self.settings, Request(name, version, ALIAS, MACHINE, data))

    def approve(self, name: str, version: str, officers: Iterable[Person] = OFFICERS) -> None:
        """Every officer approves what stands there now."""
        for person in officers:
            case = open_case(self.desk, name, version, ALIAS)
            wish = Wish(
                person.functions[0],
                APPROVE,
                "The report was read in full.",
                case.shown(),
                "code",
                assurance=Assurance.SERVER_ATTESTED,
            )
            sign(self.desk, case, person, wish)

    def take_back(self, name: str, version: str) -> None:
        """The first officer withdraws the approvals."""
        withdraw(self.desk, open_case(self.desk, name, version, ALIAS), by(OFFICERS[0]), "New facts came up.")

    def make_live(self, name: str, **how: Any) -> LiveAlias:
        """Register a version, release it with two sign-offs, and return what is live."""
        version = self.register(name, **how)
        self.ask(name, version)
        self.approve(name, version)
        assert self.ask(name, version).word == "Released"
        return LiveAlias(name, ALIAS, version)

    def live(self, name: str) -> str | None:
        """The version that MLflow serves under the alias."""
        found = self.registry.alias(name, ALIAS)
        return found.version if found else None

    def move_outside(self, name: str, alias: str, version: str) -> None:
        """Point the alias past the gate, as who can write the database file can: the guard is dropped, then SQL."""
        sqlite_guard.remove(self.folder / "mlflow.db")
        with closing(sqlite3.connect(self.folder / "mlflow.db")) as database, database:
            row = ("default", name, alias, int(version))
            database.execute(
                "INSERT OR REPLACE INTO registered_model_aliases (workspace, name, alias, version) VALUES (?, ?, ?, ?)",
                row,
            )

    def entries(self, *kinds: PredicateType) -> list[Entry]:
        """The ledger's entries of these kinds (none named: all)."""
        return [item for item in self.desk.ledger.entries() if not kinds or item.statement.predicate_type in kinds]


def new_project(folder: Path, template: bytes, *, on_adverse: str = "stay") -> Project:
    """A project with an empty registry, three people, the default policy and even data to release on."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mlflow.db").write_bytes(template)
    default = policy_bytes(read_settings({}, folder))[1].decode()
    project = Project(folder)
    project.write("policy.toml", default.replace('on_adverse = "stay"', f'on_adverse = "{on_adverse}"'))
    project.write("data/release.csv", table(EVEN))
    for person in (SCIENTIST, *OFFICERS):
        enrol(project.desk, person, "a long enough password", None)
    return project
