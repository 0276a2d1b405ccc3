"""Bad input gets one clear sentence with the way out and the exit code of the design, and never a release."""

from __future__ import annotations

import shutil
import socket
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from command_line import Project, Ran

pytestmark = pytest.mark.slow
SCRIPT = Path(__file__).parent / "scripts" / "register_small.py"
DEFAULT_POLICY = Path(__file__).parents[2] / "governance" / "policies" / "default.toml"
UNREACHABLE = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
PLAN = """\
[model]
name = "sound"
registrant = "data-scientist"

[data]
source = "data/people.csv"
label = "hired"
favourable = "yes"

[[sensitive_features]]
name = "sex"

[audit]
decided_at = 2026-11-01

[[bounds]]
metric = "selection_rate"
comparison = "ratio"
bound = 0.8
"""
PREDICTED = PLAN.replace("[[sens", 'prediction = "predicted"\n\n[[sens', 1)
PLANS = {
    "plan.toml": PLAN,
    "predicted.toml": PREDICTED,
    "typo.toml": PLAN.replace("decided_at", "decidedat").replace('"sound"', '"typo"'),
    "outside.toml": PLAN.replace("data/people.csv", "../elsewhere/people.csv").replace('"sound"', '"outside"'),
    "other.toml": PLAN.replace('"yes"', '"ja"'),
    "unfinished.toml": PLAN.replace('"yes"', '"<fill in: yes or no>"'),
    "broken.toml": "[model\nname = 1",
    "fails.toml": PLAN.replace('"sound"', '"fails"'),
    "nobody.toml": PLAN.replace('"sound"', '"nobody"').replace('registrant = "data-scientist"\n', ""),
}
REGISTERED = ("sound=plan.toml", "typo=typo.toml", "outside=outside.toml", "fails=fails.toml", "nobody=nobody.toml")
PEOPLE = [
    {
        "id": str(n),
        "sex": "female" if n % 2 else "male",
        "skill": str(n // 2 % 40 / 4),
        "hired": "yes" if n % 3 else "no",
    }
    for n in range(400)
]
Row = dict[str, str]


def _csv(change: Callable[[Row], Row] = dict, rows: int = len(PEOPLE)) -> str:
    changed = [change(dict(row)) for row in PEOPLE]
    return "\n".join([",".join(changed[0]), *(",".join(row.values()) for row in changed[:rows])]) + "\n"


def _without(column: str) -> Callable[[Row], Row]:
    return lambda row: {name: value for name, value in row.items() if name != column}


DATA = {
    "people.csv": _csv(),
    "no-sex.csv": _csv(_without("sex")),
    "no-label.csv": _csv(_without("hired")),
    "no-skill.csv": _csv(_without("skill")),
    "three.csv": _csv(lambda row: row | ({"hired": "maybe"} if row["id"] == "7" else {})),
    "empty.csv": _csv(rows=0),
    "nothing.csv": "",
    "women.csv": _csv(lambda row: row | {"sex": "female"}),
    "nulls.csv": _csv(lambda row: row | {"sex": ""}),
    "blank.csv": _csv(lambda row: row | {"predicted": "" if row["id"] == "7" else "yes"}),
    "scores.csv": _csv(lambda row: row | {"predicted": row["skill"]}),
    "garbage.parquet": "this is no Parquet file",
    "sheet.xlsx": "this is a sheet",
}


@dataclass(frozen=True, slots=True)
class Bad:
    """A command that cannot do what it is asked: how it must end, and words that must be said."""

    name: str
    command: str
    exit_code: int
    says: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)


def _gate(name: str, *says: str, plan: str = "plan.toml") -> Bad:
    """Data that the quality gate stops: nothing is measured."""
    command = f"audit --dry-run --plan {plan} --model saved/sound --data data/{name}"
    return Bad(f"data {name}", command, 12, (f"data/{name}", *says, "way out: correct the file"))


def _dry(name: str, exit_code: int, *says: str, options: str = "--model saved/sound") -> Bad:
    return Bad(name, f"audit --dry-run {options}", exit_code, says)


GATE = (
    _gate("no-sex.csv", "of sex: the column is missing"),
    _gate("no-label.csv", "of hired: the column is missing"),
    _gate("no-skill.csv", "of skill: the column is missing"),
    _gate("three.csv", "of hired: 3 values; required: exactly two values"),
    _gate("empty.csv", "0 rows; required: at least 100 rows"),
    _gate("nothing.csv", "0 rows; required: at least 100 rows"),
    _gate("women.csv", "of sex: one group only; required: at least two groups"),
    _gate("nulls.csv", "of sex: no group: every value is missing"),
    _gate("blank.csv", "of predicted: 1 of 400 rows without a value", plan="predicted.toml"),
    _gate("people.csv", "of hired: 0 favourable labels", plan="other.toml"),
)
AS = "--as data-scientist --credential-file data-scientist.credential"
ERRORS = (
    _dry("missing file", 3, "no data file data/nope.csv", "--data", options="--model saved/sound --data data/nope.csv"),
    _dry(
        "no Parquet",
        3,
        "garbage.parquet",
        "give another file",
        options="--model saved/sound --data data/garbage.parquet",
    ),
    _dry("unknown kind", 3, "sheet.xlsx", ".parquet nor .csv", options="--model saved/sound --data data/sheet.xlsx"),
    _dry(
        "data outside",
        2,
        "'../people.csv' is outside",
        "FAIRGATE_DATA",
        options="--model saved/sound --data ../people.csv",
    ),
    _dry(
        "plan outside", 2, "people.csv' is outside", "FAIRGATE_DATA", options="--model saved/sound --plan outside.toml"
    ),
    _dry("no plan", 2, "nope.toml cannot be read", "fairgate init", options="--model saved/sound --plan nope.toml"),
    _dry("unknown key", 2, "typo.toml: [audit]", "'decidedat'; did you mean 'decided_at'?", options="--plan typo.toml"),
    _dry("unfinished plan", 2, "[data] favourable still holds", "yes or no", options="--plan unfinished.toml"),
    _dry("no TOML", 2, "broken.toml is not valid TOML", options="--plan broken.toml"),
    _dry("no model given", 2, "--model FOLDER", options=""),
    _dry("no model there", 3, "saved/none holds no model", "MLmodel", options="--model saved/none"),
    _dry(
        "model fails on a row", 3, "failed on row 78 (counted from 0)", "9.75", "correct", options="--model saved/fails"
    ),
    _dry("NaN predictions", 3, "30 of 400 predictions are missing", "must answer", options="--model saved/blanks"),
    _dry(
        "scores in a column", 3, "scores.csv", "cut its scores", options="--plan predicted.toml --data data/scores.csv"
    ),
    Bad("draft from nothing", "init sound --data data/empty.csv --output new.toml", 3, ("data/empty.csv has no rows",)),
    Bad("plan is there", "init sound --data data/people.csv", 2, ("plan.toml exists already", "--force")),
    Bad("unknown model", f"register unheard 1 {AS}", 2, ("no registered model 'unheard'", "known: 'fails'")),
    Bad("unknown version", f"register sound 7 {AS}", 2, ("'sound'", "no version '7'", "newest is version 1")),
    Bad("no plan in the model", f"register planless 1 {AS}", 2, ("planless v1 carries no audit plan", "fairgate init")),
    Bad("bad plan in the model", f"register typo 1 {AS}", 2, ("the plan of typo v1", "did you mean 'decided_at'?")),
    Bad("unreachable", f"register sound 1 {AS}", 6, ("http://127.0.0.1:9", "Connection refused", "later"), UNREACHABLE),
    Bad(
        "no registry here",
        f"register sound 1 {AS}",
        2,
        ("no registry at", "absent.db", "MLFLOW_REGISTRY_URI"),
        {"MLFLOW_TRACKING_URI": "sqlite:///absent.db"},
    ),
    Bad(
        "wrong password",
        "register sound 1 --as data-scientist --credential-file plan.toml",
        4,
        ("the id or the password is wrong",),
    ),
    Bad("unknown person", f"register sound 1 {AS.replace('--as data', '--as other')}", 4, ("the id or the password",)),
    Bad("no terminal", "register sound 1 --as data-scientist", 2, ("no terminal", "--credential-file")),
    Bad("nobody acts", "register sound 1", 2, ("say who you are", "--as YOUR-ID")),
    Bad(
        "no credential file",
        "register sound 1 --as data-scientist --credential-file nope",
        2,
        ("nope cannot be read: No such file", "correct --credential-file"),
    ),
    Bad(
        "policy without a requirement",
        "holds",
        2,
        ("policy.toml: [tiers.minimal] has no requirement", "list at least one of"),
        {"FAIRGATE_POLICY": "policy.toml"},
    ),
    Bad("no policy", "holds", 2, ("FAIRGATE_POLICY", "nope.toml", "cannot be read"), {"FAIRGATE_POLICY": "nope.toml"}),
    Bad("no port", "holds", 2, ("FAIRGATE_CONSOLE_PORT is 'x'", "1 to 65535"), {"FAIRGATE_CONSOLE_PORT": "x"}),
    Bad(
        "nothing to sign",
        f"sign sound 1 --alias champion --approve --reason read {AS}",
        2,
        ("fairgate release sound 1",),
    ),
    Bad("approve and refuse", f"sign sound 1 --alias champion --reason read {AS}", 2, ("--approve or --refuse",)),
    Bad("not an alias", "verify sound", 2, ("'sound' is not a live alias", "models:/NAME@ALIAS")),
    Bad("missing option", "release sound 1", 2, ("--alias", "fairgate release --help")),
    Bad("unknown command", "realese sound 1", 2, ("'realese'", "fairgate --help")),
)
RELEASES = (
    Bad("model fails on a row", "fails", 3, ("failed on row 78",)),
    Bad("plan outside", "outside", 2, ("people.csv' is outside the data folders",)),
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with bad plans, bad data, and small models that go wrong."""
    project = Project(tmp_path_factory.mktemp("bad"))
    for name, text in PLANS.items():
        project.write(name, text)
    for name, text in DATA.items():
        project.write(f"data/{name}", text)
    lines = DEFAULT_POLICY.read_text().splitlines()
    none = ["requirements = []" if line.startswith("requirements") else line for line in lines]
    project.write("policy.toml", "\n".join(none))
    project.python(SCRIPT, "sound", "fails", "blanks", "--", *REGISTERED, "planless=")
    project.person("data-scientist", "data-science")
    return project


@pytest.fixture(scope="module", autouse=True)
def locked(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Ran]]:
    """A command in a copy of the project with a locked ledger: it waits half a minute, so it starts first."""
    folder = tmp_path_factory.mktemp("locked") / "project"
    shutil.copytree(project.folder, folder)
    ledger = folder / ".fairgate" / "ledger.db"
    with sqlite3.connect(ledger, isolation_level=None, check_same_thread=False) as lock, ThreadPoolExecutor(1) as pool:
        lock.execute("BEGIN EXCLUSIVE")
        command = f"register sound 1 {AS} --json"
        yield pool.submit(Project(folder).fairgate, *command.split(), FAIRGATE_LEDGER=f"sqlite:///{ledger}")
    lock.close()


@pytest.mark.parametrize("bad", GATE, ids=lambda bad: bad.name)
def test_data_is_stopped_before_it_is_measured(project: Project, bad: Bad) -> None:
    told, written = both(project, bad)
    assert_ended(project, told, bad)
    assert_words(told.out, bad)
    assert told.out.startswith("data quality of data/")
    document = written.document
    assert document["exit_code"] == written.exit_code == 12
    assert document["validation"]["outcome"] == "block"
    assert document["validation"]["failed"]
    assert document["audit"] is None


@pytest.mark.parametrize("bad", ERRORS, ids=lambda bad: bad.name)
def test_one_sentence_says_what_is_wrong_and_the_way_out(project: Project, bad: Bad) -> None:
    told, written = both(project, bad)
    assert_ended(project, told, bad)
    (line,) = (line for line in told.err.splitlines() if not line.startswith("  "))
    assert line.startswith("fairgate: ")
    assert_words(line, bad)
    assert told.out == ""
    document = written.document
    assert set(document) == {"error", "message", "exit_code"}
    assert document["exit_code"] == written.exit_code == bad.exit_code
    assert_words(document["message"], bad)
    assert written.err == ""


@pytest.mark.parametrize("bad", RELEASES, ids=lambda bad: bad.name)
def test_a_release_that_cannot_be_decided_is_none(project: Project, bad: Bad) -> None:
    ran = project.fairgate("release", bad.command, "1", "--alias", "champion", "--json", **bad.variables)
    assert_ended(project, ran, bad)
    assert_words(ran.document["message"], bad)
    assert ran.err == ""


def test_a_version_that_nobody_answers_for_is_held(project: Project) -> None:
    ran = project.fairgate("release", "nobody", "1", "--alias", "champion", "--json")
    assert ran.exit_code == 10, ran.said
    (finding,) = (item for item in ran.document["findings"] if item["requirement"] == "registrant-known")
    assert finding["status"] != "met"
    assert "fairgate register" in finding["way_out"]
    assert ran.err == ""
    assert aliases(project) == []


def test_a_release_on_bad_data_says_so_and_leaves_the_alias(project: Project) -> None:
    ran = project.fairgate("release", "sound", "1", "--alias", "champion", "--data", "data/three.csv")
    assert ran.exit_code == 12, ran.said
    assert "STOPPED by data quality" in ran.out
    assert "data quality of data/three.csv" in ran.out
    assert aliases(project) == []


@pytest.mark.parametrize("command", ["serve", "schedule"])
def test_a_port_that_is_taken(project: Project, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = project.fairgate(command, "--port", str(port))
    assert ran.exit_code == 2, ran.said
    assert f"fairgate: port {port} is in use; choose another with --port" in ran.err
    assert "Traceback" not in ran.said


def test_a_locked_ledger_is_told_after_waiting(locked: Future[Ran]) -> None:
    ran = locked.result(timeout=120)
    assert ran.exit_code == 6, ran.said
    assert ran.document["error"] == "ServiceError"
    assert "locked" in ran.document["message"]
    assert "try again" in ran.document["message"]


def test_nothing_was_released(project: Project) -> None:
    assert aliases(project) == []
    entries = project.fairgate("ledger", "show", "--json").document["entries"]
    kinds = {entry["statement"]["predicate_type"] for entry in entries}
    assert kinds
    assert not any("promotion" in kind for kind in kinds)
    assert project.fairgate("ledger", "verify").exit_code == 0


def both(project: Project, bad: Bad) -> tuple[Ran, Ran]:
    """The command for a person and for a script, side by side."""
    with ThreadPoolExecutor(2) as pool:
        forms = (bad.command.split(), [*bad.command.split(), "--json"])
        told, written = pool.map(lambda form: project.fairgate(*form, **bad.variables), forms)
    return told, written


def assert_ended(project: Project, ran: Ran, bad: Bad) -> None:
    """The exit code, no traceback, and no alias that moved."""
    assert ran.exit_code == bad.exit_code, ran.said
    assert "Traceback" not in ran.said
    assert not (project.folder / ".fairgate" / "crash.log").exists()
    assert aliases(project) == []


def assert_words(said: str, bad: Bad) -> None:
    """Every word that must be said."""
    assert [words for words in bad.says if words not in said] == [], said


def aliases(project: Project) -> list[tuple[str, str]]:
    """What MLflow serves, read past every library."""
    with sqlite3.connect(project.folder / "mlflow.db") as database:
        found = database.execute("SELECT name, alias FROM registered_model_aliases").fetchall()
    database.close()
    return found
