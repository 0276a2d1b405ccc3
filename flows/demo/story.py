"""The demo's story as data: who does what, with which public command, and how it must end."""

from __future__ import annotations

from dataclasses import dataclass

from governance.errors import Exit


@dataclass(frozen=True, slots=True)
class Character:
    """Someone in the story, with a credential of their own."""

    id: str
    name: str
    function: str


SCIENTIST = Character("data-scientist", "Data Scientist", "data-science")
COMPLIANCE = Character("compliance-officer", "Compliance Officer", "compliance")
RISK = Character("risk-officer", "Model Risk Officer", "model-risk")
RISK_KEY = "credentials/risk-officer.key"
CHARACTERS = (SCIENTIST, COMPLIANCE, RISK)


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `command` follows `fairgate`; a python module's arguments where it starts with `-m`.

    `stage` names something that happens off the command line (see `stage.py`) instead of a command.
    `says` are words that the output must hold.
    """

    scene: str
    tells: str
    command: tuple[str, ...] = ()
    stage: str | None = None
    by: Character | None = None
    exit_code: Exit = Exit.DONE
    says: tuple[str, ...] = ()


def _release(version: str, **more: object) -> tuple[str, ...]:
    extra = [str(item) for key, value in more.items() for item in (f"--{key}", value)]
    return ("release", "hiring", version, "--alias", "champion", *extra)


def _approve(reason: str, key: str | None = None) -> tuple[str, ...]:
    own = ("--key", key) if key else ()
    return ("sign", "hiring", "2", "--alias", "champion", "--approve", "--reason", reason, *own)


ACTS: tuple[Act, ...] = (
    Act(
        "a",
        "A data scientist trains a model and registers it with plain MLflow; its audit plan travels with it.",
        ("-m", "flows.demo.models", "v1"),
        says=("registered hiring version 1",),
    ),
    Act(
        "b",
        "Its release is asked for. The data passes, the audit finds a disparity, the impact is high: held.",
        _release("1"),
        by=SCIENTIST,
        exit_code=Exit.HELD,
        says=("HELD", "sex=female against sex=male", "who can give it", "Compliance Officer"),
    ),
    Act(
        "b",
        "In a hurry, the data scientist tries to move the alias with plain MLflow. MLflow itself says what is missing.",
        ("-m", "flows.demo.shortcut", "1"),
        by=SCIENTIST,
        says=("MLflow answers PERMISSION_DENIED", "Fairgate did not move the alias champion", "who can give it"),
    ),
    Act(
        "c",
        "A compliance officer opens the evidence in the console and refuses, with a reason.",
        stage="refuse in the console",
        by=COMPLIANCE,
        says=("refused: ", "receipt: /entry/"),
    ),
    Act(
        "c",
        "Asked again, the gate gives the same answer: a refusal is final for these bytes.",
        _release("1"),
        by=SCIENTIST,
        exit_code=Exit.REFUSED,
        says=("REFUSED",),
    ),
    Act(
        "d",
        "The data scientist registers version 2: without the career gap, reweighed with AIF360.",
        ("-m", "flows.demo.models", "v2"),
        says=("registered hiring version 2",),
    ),
    Act(
        "d",
        "Its release is asked for. No adverse disparity is measured: only people are missing.",
        _release("2"),
        by=SCIENTIST,
        exit_code=Exit.HELD,
        says=("HELD", "sign-off is missing from: compliance, model-risk"),
    ),
    Act(
        "e",
        "The data scientist tries to approve. Whoever registered a version cannot sign it off.",
        _approve("It looks good to me."),
        by=SCIENTIST,
        exit_code=Exit.SIGN_OFF_REFUSED,
        says=("registered this version",),
    ),
    Act(
        "e",
        "The compliance officer approves: password, and a code of her authenticator app.",
        _approve("Every bound of the plan is met on the applicants' data; the report was read in full."),
        by=COMPLIANCE,
        says=("I approve the release of hiring v2", "assurance server-attested"),
    ),
    Act(
        "e",
        "The model risk officer approves, in the second function that the policy asks for, with a key of her own.",
        _approve("The career gap is out of the model; data quality and intervals were checked.", RISK_KEY),
        by=RISK,
        says=("I approve the release of hiring v2", "assurance user-key"),
    ),
    Act(
        "f",
        "The reconciler, which runs every minute, finishes what people approved: the alias moves.",
        ("reconcile",),
        says=("hiring champion (v2): released",),
    ),
    Act(
        "f",
        "Anyone can verify what is live: by whom it was signed, on what evidence, until when.",
        ("verify", "models:/hiring@champion"),
        says=("VERIFIED", "Compliance Officer as compliance", "Model Risk Officer as model-risk", "until"),
    ),
    Act("g", "One byte of the registered model is changed on disk.", stage="change one byte"),
    Act(
        "g",
        "The verification says which file.",
        ("verify", "models:/hiring@champion"),
        exit_code=Exit.VERIFICATION_FAILED,
        says=("NOT VERIFIED", "changed: model.skops"),
    ),
    Act("g", "The byte is restored.", stage="restore the byte"),
    Act("g", "It verifies again.", ("verify", "models:/hiring@champion"), says=("VERIFIED",)),
    Act(
        "h",
        "Somebody asks for a release on a broken file: a missing column, nulls, an unseen category.",
        _release("2", data="data/broken/everything.parquet"),
        by=SCIENTIST,
        exit_code=Exit.DATA_QUALITY,
        says=("STOPPED by data quality",),
    ),
    Act("i", "Months pass. A new vendor scores assessments, and newer applicants arrive.", stage="newer data arrives"),
    Act(
        "i",
        "The scheduled audit looks at what is live. The disparity has come back.",
        ("nightly",),
        exit_code=Exit.ADVERSE,
        says=("adverse", "the hold is open again", "stay at version 2"),
    ),
    Act(
        "i",
        "The live version is unchanged, but its hold is open: people must decide.",
        ("verify", "models:/hiring@champion"),
        exit_code=Exit.HELD,
        says=("UNCHANGED, BUT HELD NOW", "monitoring-clear"),
    ),
    Act("i", "All of it is on record, every byte as it was acknowledged.", ("ledger", "verify"), says=("VERIFIED",)),
)
