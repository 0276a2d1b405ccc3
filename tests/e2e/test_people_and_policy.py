"""People, keys, delegations, the policy and broken glass at the command line.

A process for each command takes seconds, so most run in this one; those that start Prefect have one of their own.
"""

from __future__ import annotations

import io
import os
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import command_line
import pytest
from command_line import Ran
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from project_factory import new_project, registry_template

from flows.cli import main
from governance.second_factor import STEP, code_at, step_of

COMPLIANCE, RISK, SCIENTIST = "compliance-officer", "risk-officer", "data-scientist"
PASSWORD = "a long enough password"
CASE = ("hiring", "1", "--alias", "champion")


@dataclass(frozen=True)
class Project:
    """The folder in which commands run; `process` runs one in a process of its own."""

    process: command_line.Project

    @property
    def folder(self) -> Path:
        return self.process.folder

    def fairgate(self, *arguments: str, **more: str) -> Ran:
        """Run `fairgate ARGUMENTS` in this process; keywords are further environment variables."""
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, chdir(self.folder):
            for name in [name for name in os.environ if name.startswith("FAIRGATE_")]:
                patch.delenv(name)
            for name, value in {**self.process.variables, **more}.items():
                patch.setenv(name, value)
            with redirect_stdout(out), redirect_stderr(err):
                code = main(arguments)
        return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Three people, and a version of a model that waits for two sign-offs."""
    template = registry_template(tmp_path_factory.mktemp("empty"))
    made = new_project(tmp_path_factory.mktemp("project"), template)
    made.register("hiring")
    assert made.ask("hiring", "1").word == "Held"
    made.write("credential", PASSWORD)
    variables = {
        "FAIRGATE_POLICY": "policy.toml",
        "FAIRGATE_CREDENTIAL_FILE": "credential",
        "MLFLOW_TRACKING_URI": made.settings.registry_uri,
    }
    return Project(command_line.Project(made.folder, variables))


def _refused(ran: Ran, *words: str) -> None:
    """Exit code 4 and one sentence that says what is wrong."""
    assert ran.exit_code == 4, ran.said
    assert ran.out == ""
    assert len(ran.err.strip().splitlines()) == 1
    assert all(word in ran.err for word in words), ran.err


def _key(folder: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
    (folder / "own.pem").write_bytes(private)
    (folder / "own.pub").write_bytes(public)
    return folder / "own.pem"


def _app(project: Project, person: str) -> str:
    """Set an authenticator app up at the command line; gives its secret. The code before the one of now is spent."""
    begun = project.fairgate("people", "totp", person, "--json")
    assert begun.exit_code == 0, begun.said
    secret = str(begun.document["secret"])
    assert begun.document["uri"].startswith(f"otpauth://totp/Fairgate:{person}?secret={secret}")
    for late in (True, False):
        gone = datetime.now(UTC).timestamp() % STEP
        if gone > STEP / 2:  # the code before the one of now is taken until the next one comes
            sleep(STEP - gone)
        confirmed = project.fairgate("people", "totp", person, "--confirm", _code(secret, -1))
        if confirmed.exit_code == 0 or not late:  # on a busy machine even half a step may pass before it is looked at
            break
    assert "has set up an authenticator app (ledger entry" in confirmed.out, confirmed.said
    return secret


def _code(secret: str, away: int = 0) -> str:
    return code_at(secret, step_of(datetime.now(UTC)) + away)


def test_who_shall_sign_is_added_by_an_officer(project: Project) -> None:
    new = ("people", "add", "new-officer", "--name", "New Officer", "--function", "compliance")
    _refused(project.fairgate(*new), "let a person who holds compliance or model-risk add her", "--by ID")
    _refused(project.fairgate(*new, "--by", SCIENTIST, "--by-credential-file", "credential"), "--by ID")
    added = project.fairgate(*new, "--by", RISK, "--by-credential-file", "credential", "--json")
    assert added.exit_code == 0, added.said
    assert added.document["person"]["id"] == "new-officer"
    gone = project.fairgate("people", "disable", "new-officer", "--json")
    assert gone.document["disabled"] == "new-officer"
    assert "(disabled)" in project.fairgate("people", "list").out


def test_two_persons_break_the_glass_and_it_is_told_wherever_the_version_is(project: Project) -> None:
    glass = ("break-glass", *CASE, "--hours", "2", "--reason", "the old model is down", "--as")
    _refused(project.fairgate(*glass, SCIENTIST), "registered this version")
    _refused(project.fairgate(*glass, COMPLIANCE), "the policy asks for server-attested", f"people totp {COMPLIANCE}")
    secrets = {person: _app(project, person) for person in (COMPLIANCE, RISK)}
    first = project.fairgate(*glass, COMPLIANCE, "--code", _code(secrets[COMPLIANCE]))
    assert "a second person must break the glass too" in first.out, first.said
    assert "a second person is needed" in project.fairgate("holds").out
    second = project.fairgate(*glass, RISK, "--json", "--code", _code(secrets[RISK])).document
    assert second["outcome"] == "RELEASED"
    assert second["emergency"]["until"]
    assert all(Path(item).is_file() for item in second["receipts"])
    assert project.process.fairgate("reconcile").exit_code == 0
    told = "BROKEN GLASS: the glass was broken by Compliance Officer (compliance) and Model Risk Officer"
    assert told in project.fairgate("verify", "models:/hiring@champion").out
    assert "BROKEN GLASS: hiring v1 as champion in local" in project.fairgate("holds").out
    report = project.fairgate("report", *CASE, "--format", "md", "--output", "-")
    assert "**Broken glass: the glass was broken by" in report.out
    for person, secret in secrets.items():
        removed = project.fairgate("people", "totp", person, "--remove", "--code", _code(secret, 1))
        assert removed.exit_code == 0, removed.said


def test_a_person_signs_with_a_key_of_her_own_and_gets_a_receipt(project: Project) -> None:
    _key(project.folder)
    sign = ("sign", *CASE, "--approve", "--reason", "The report was read.", "--key", "own.pem", "--as", COMPLIANCE)
    _refused(project.fairgate(*sign), "is not enrolled for Compliance Officer", "people enroll-key")
    enrolled = project.fairgate("people", "enroll-key", "--public", "own.pub", "--as", COMPLIANCE)
    assert enrolled.exit_code == 0, enrolled.said
    other = project.fairgate("people", "enroll-key", "--public", "own.pub", "--as", RISK)
    assert (other.exit_code, "belongs to one person for ever" in other.err) == (2, True)
    signed = project.fairgate(*sign)
    assert signed.exit_code == 0, signed.said
    assert "assurance user-key" in signed.out
    (line,) = [item for item in signed.out.splitlines() if "receipt: " in item]
    proof = line.split("receipt: ")[1].split(" and ")[0]
    checked = project.fairgate("ledger", "check-receipt", proof, "--compare")
    assert checked.exit_code == 0, checked.said
    assert "I approve the release of hiring v1 as champion in local" in checked.out


def test_a_delegation_is_given_listed_used_and_revoked(project: Project) -> None:
    helper = ("people", "add", "helper", "--name", "A Helper", "--function", "legal")
    assert project.fairgate(*helper).exit_code == 0
    give = ("delegate", "give", "model-risk", "--to", "helper", "--reason", "on leave", "--as", RISK, "--until")
    late = project.fairgate(*give, "2099-01-01")
    assert (late.exit_code, "90 days from now" in late.err) == (2, True)
    _refused(project.fairgate("delegate", "give", "compliance", *give[3:], "2099-01-01"), "she holds model-risk")
    end = f"{(datetime.now(UTC) + timedelta(days=30)).date()}"
    given = project.fairgate(*give, end, "--json")
    assert given.exit_code == 0, given.said
    assert "helper as model-risk for risk-officer" in project.fairgate("delegate", "list").out
    sign = ("sign", *CASE, "--approve", "--reason", "Read.", "--as", "helper")
    _refused(
        project.fairgate(*sign), "password would not count: the policy asks for server-attested", "people totp helper"
    )
    secret = _app(project, "helper")
    _refused(project.fairgate(*sign), "helper has an authenticator app: give its code too")
    _refused(project.fairgate(*sign, "--code", "000000"), "the password or the code is wrong")
    signed = project.fairgate(*sign, FAIRGATE_CODE=_code(secret))
    assert signed.exit_code == 0, signed.said
    assert "on behalf of risk-officer" in signed.out
    assert "on behalf of risk-officer" in project.fairgate("verify", "models:/hiring@champion").out
    assert "A Helper                     legal  [authenticator app]" in project.fairgate("people", "list").out
    back = ("delegate", "revoke", f"{given.document['entry']}", "--reason", "back", "--as", "helper", "--code")
    revoked = project.fairgate(*back, _code(secret, 1))
    assert revoked.exit_code == 0, revoked.said
    assert "Nobody signs for anybody else." in project.fairgate("delegate", "list").out


def test_two_persons_adopt_a_policy(project: Project) -> None:
    policy = (project.folder / "policy.toml").read_text(encoding="utf-8")
    project.process.write("next.toml", policy.replace('version = "1"', 'version = "2"'))
    following = {"FAIRGATE_POLICY": "next.toml"}
    shown = project.fairgate("policy", "show", **following)
    assert "NOT in force: default 2" in shown.out
    assert "fairgate policy approve" in shown.out
    refusal = ("sign", *CASE, "--refuse", "--function", "compliance", "--reason", "no", "--as", COMPLIANCE)
    _refused(project.fairgate(*refusal, **following), "is not in force, so nobody can sign under it")
    approve = ("policy", "approve", "--reason", "The bound is stricter.", "--json", "--as")
    denied = project.fairgate(*approve, SCIENTIST, **following)
    assert (denied.exit_code, denied.document["error"]) == (4, "NotAuthorizedError")
    alone = project.fairgate(*approve, COMPLIANCE, **following)
    assert (alone.exit_code, "her password alone is too little" in alone.document["message"]) == (4, True)
    own = (*approve, COMPLIANCE, "--key", "own.pem")
    assert project.fairgate(*own, **following).document["missing"] == 1
    again = project.fairgate(*own, **following)
    assert (again.exit_code, "another person is needed" in again.document["message"]) == (4, True)
    assert project.fairgate(*approve, RISK, **following).document["in_force"] is True
    assert "adopted by compliance-officer and risk-officer" in project.fairgate("policy", "show", **following).out
    examined = project.process.fairgate("doctor")
    assert "not the one that this project names" in examined.out


def test_who_lost_her_factor_is_let_in_by_another_signer(project: Project) -> None:
    reset = ("people", "totp", "helper", "--reset", "--as")
    _refused(project.fairgate(*reset, SCIENTIST), "it takes who holds compliance or model-risk")
    _refused(project.fairgate(*reset, RISK), "must show a second factor of her own")
    _refused(project.fairgate("people", "totp", "helper"), "give its code too")
    done = project.fairgate(*reset, COMPLIANCE, "--key", "own.pem")
    assert "lets A Helper (helper) set up a second factor anew" in done.out, done.said
    secret = _app(project, "helper")
    other = ("people", "enroll-key", "--public", "own.pub", "--as", "helper")
    _refused(project.fairgate(*other), "give its code too")
    removed = project.fairgate("people", "totp", "helper", "--remove", "--code", _code(secret))
    assert "has taken her authenticator app back" in removed.out, removed.said
    shown = project.fairgate("people", "totp", "helper")
    assert "It is shown this once." in shown.out
    assert "otpauth://totp/Fairgate:helper?secret=" in shown.out
    assert "\u2588" in shown.out, "a QR code in the terminal"
