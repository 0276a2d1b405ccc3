"""Look at everything that Fairgate stands on, and say what is wrong and the way out. Each check is a value."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version

from flows.settings import Settings
from flows.ungated import gate
from flows.wiring import open_desk, open_ledger, open_registry, utc_now
from governance.case import asked
from governance.delegating import standing
from governance.desk import charter_of, free_aliases
from governance.errors import Exit, FairgateError
from governance.release import released
from reports.nights import missed, missed_at, nights

# An unpinned resolve gives a stack that looks fine and runs no schedule: see docs/dependencies.md.
PINS = {
    "fastapi": ">=0.139,<0.149",
    "sqlalchemy": ">=2.0,<2.1",
    "marshmallow": ">=3.18,<4",
    "mlflow": ">=3.17,<3.18",
    "great-expectations": ">=1.24,<1.25",
    "prefect": ">=3.8,<3.9",
    "fairlearn": "==0.15.0",
    "aif360": "==0.6.1",
}
MIN_FREE_BYTES = 1_000_000_000
ENDS_SOON = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Checkup:
    """One thing that was looked at. `code` is DONE where it is well."""

    what: str
    code: Exit
    detail: str


def examine(settings: Settings) -> tuple[Checkup, ...]:
    """Every check, in the order in which things depend on each other. A check that fails says why; none stops."""
    checks: tuple[tuple[str, Callable[[Settings], tuple[Exit, str]]], ...] = (
        ("pins", _pins),
        ("disk", _disk),
        ("hostile models", _models),
        ("policy and people", _people),
        ("policy in force", _policy),
        ("people in the ledger", _recorded),
        ("emergencies", _emergencies),
        ("delegations", _delegations),
        ("ledger", _ledger),
        ("registry", _registry),
        ("gate", gate),
        ("PostgreSQL", _postgres),
        ("Prefect", _prefect),
        ("night runs", _nights),
        ("notifications", _notifications),
    )
    return tuple(_looked(what, check, settings) for what, check in checks)


def _looked(what: str, check: Callable[[Settings], tuple[Exit, str]], settings: Settings) -> Checkup:
    try:
        code, detail = check(settings)
    except FairgateError as error:
        return Checkup(what, error.exit_code, str(error))
    except Exception as error:  # noqa: BLE001 - a check that crashes is a finding, not the end of the examination
        return Checkup(what, Exit.SERVICE, f"{type(error).__name__}: {error}")
    return Checkup(what, code, detail)


def _pins(_settings: Settings) -> tuple[Exit, str]:
    from packaging.specifiers import SpecifierSet

    wrong = []
    for name, wanted in PINS.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "missing"
        if found == "missing" or found not in SpecifierSet(wanted):
            wrong.append(f"{name} is {found}, needs {wanted}")
    if wrong:
        return Exit.CONFIGURATION, "; ".join(wrong) + "; install requirements.txt into an environment of its own"
    return Exit.DONE, f"{len(PINS)} libraries are at versions that work together"


def _disk(settings: Settings) -> tuple[Exit, str]:
    free = shutil.disk_usage(settings.project).free
    detail = f"{free / 1e9:.1f} GB free at {settings.project}"
    return (Exit.DONE, detail) if free >= MIN_FREE_BYTES else (Exit.LEDGER, f"only {detail}: appends may fail")


def _models(settings: Settings) -> tuple[Exit, str]:
    """What holds a model that is scored here. Formats that the policy does not trust need a sandbox that holds."""
    from audits.sandbox import LEFT_OPEN, sandbox

    found = sandbox()
    can = "; ".join((*found.missing(), LEFT_OPEN))
    detail = f"scored with {found.told()}. A model can still {can}"
    untrusted = open_desk(settings).policy.untrusted_formats
    if found.holds():
        return Exit.DONE, detail
    if untrusted:
        return Exit.CONFIGURATION, f"{detail}. Models of these formats are not scored here: {', '.join(untrusted)}"
    return Exit.DONE, f"{detail}. The policy names no untrusted_formats: score models of your own only"


def _people(settings: Settings) -> tuple[Exit, str]:
    desk = open_desk(settings)
    people = desk.accounts.people()
    needed = {function for _, rules in desk.policy.tiers for function in rules.quorum}
    nobody = sorted(function for function in needed if not any(person.has(function) for person in people))
    if nobody:
        way_out = "fairgate people add ID --name NAME --function FUNCTION"
        return Exit.CONFIGURATION, f"nobody can sign as {', '.join(nobody)}: {way_out}"
    if not desk.policy.in_force(utc_now().date()):
        return Exit.CONFIGURATION, f"policy {desk.policy.name} {desk.policy.version} is not in force today"
    return Exit.DONE, f"policy {desk.policy.name} {desk.policy.version}; {len(people)} people"


def _policy(settings: Settings) -> tuple[Exit, str]:
    desk = open_desk(settings)
    charter = charter_of(desk)
    adopted = charter.adopted()
    if adopted is None:
        return Exit.DONE, "none yet: the first one is adopted by its use"
    named = f"{adopted.name} {adopted.version} ({adopted.digest[:19]})"
    if adopted.digest != desk.policy.digest:
        way_out = "fairgate policy approve, by two persons, or name the other one in FAIRGATE_POLICY"
        return Exit.CONFIGURATION, f"{named} is in force, not the one that this project names: {way_out}"
    return Exit.DONE, f"{named}, adopted by {' and '.join(adopted.by) or 'its first use'}"


def _recorded(settings: Settings) -> tuple[Exit, str]:
    desk = open_desk(settings)
    charter = charter_of(desk)
    known = {person.id for person in charter.people}
    strangers = sorted(person.id for person in desk.accounts.people() if person.id not in known)
    if strangers:
        way_out = "add them again with their name, functions and password: fairgate people add"
        return Exit.CONFIGURATION, f"unknown to the ledger, so they sign nothing: {', '.join(strangers)}; {way_out}"
    keys = sum(not key.revoked for key in charter.keys)
    return Exit.DONE, f"{len(known)} people, {keys} keys of their own"


def _emergencies(settings: Settings) -> tuple[Exit, str]:
    broken = [case for case in asked(open_desk(settings)) if case.decision.emergency]
    if broken:
        return Exit.HELD, "; ".join(f"{case.subject} as {case.target}: {case.decision.emergency}" for case in broken)
    return Exit.DONE, "no glass is broken"


def _delegations(settings: Settings) -> tuple[Exit, str]:
    desk = open_desk(settings)
    found = standing(desk)
    soon = [item for item in found if item.until - desk.clock() < ENDS_SOON]
    words = [f"{x.delegate} as {x.function} for {x.delegator}, until {x.until:%Y-%m-%d %H:%M} UTC" for x in soon]
    ends = f"; ending soon: {'; '.join(words)}" if words else ""
    return Exit.DONE, f"{len(found)} hold{ends}"


def _ledger(settings: Settings) -> tuple[Exit, str]:
    from governance.ledger.verify import verify_ledger

    report = verify_ledger(open_ledger(settings))
    if report.problems:
        return Exit.LEDGER, "; ".join(report.problems[:3])
    return Exit.DONE, f"{report.size:,} entries, every byte as acknowledged"


def _registry(settings: Settings) -> tuple[Exit, str]:
    gone = _triggers_gone(settings)  # before the registry is opened, which puts them back
    registry = open_registry(settings)
    live = registry.live_aliases()
    detail = f"{registry.uri} answers; {len(live)} live aliases"
    if gone:
        detail += f"; the triggers that guard it were gone or changed ({', '.join(gone[:3])}) and are put back: "
        return Exit.VERIFICATION_FAILED, detail + "look with `fairgate reconcile` whether an alias moved meanwhile"
    return Exit.DONE, detail


def _triggers_gone(settings: Settings) -> tuple[str, ...]:
    """Triggers of a SQLite registry that a ledger with releases should have found there."""
    from governance.registry.sqlite_file import sqlite_path
    from governance.registry.sqlite_guard import missing_guard

    path, desk = sqlite_path(settings.registry_uri), open_desk(settings)
    if path is None or not path.is_file() or not released(desk):
        return ()
    return missing_guard(path, free_aliases(desk))


def _postgres(settings: Settings) -> tuple[Exit, str]:
    from flows.granting import examined, is_postgres

    if not (is_postgres(settings.ledger_url) and is_postgres(settings.registry_uri)):
        return Exit.DONE, "ledger and registry are not both there: roles and triggers do not apply"
    problems = [problem for held in examined(settings) for problem in held.problems]
    if problems:
        return Exit.VERIFICATION_FAILED, "; ".join(problems[:3]) + "; see: fairgate db grant --check"
    return Exit.DONE, "MLflow's role moves no alias without a grant, and has no power over the guard"


def _prefect(settings: Settings) -> tuple[Exit, str]:
    from flows.prefect_env import configure, running_server

    configure(settings)
    url = running_server(settings)
    if url:
        return Exit.DONE, f"the project's own server answers at {url}"
    return Exit.DONE, "no schedule is being served; commands start Prefect for themselves (fairgate schedule serves it)"


_WORKED = {Exit.DONE, Exit.HELD, Exit.REFUSED, Exit.DATA_QUALITY, Exit.ADVERSE}
"""How a night may end that did its work, whatever it found. The house is not well where the last one could not."""


def _nights(settings: Settings) -> tuple[Exit, str]:
    desk = open_desk(settings)
    if missed_at(desk) is None:
        return Exit.DONE, "none has ended yet, so none can be missed; try one by hand: fairgate nightly"
    gaps = missed(desk, utc_now())
    if gaps:
        return Exit.SERVICE, "; ".join(gaps)
    last = nights(desk)[0]
    told = f"no night was missed; the last one, {last.time}, ended: {last.word} (ledger entry {last.seq})"
    return (Exit.DONE if last.exit_code in _WORKED else Exit.SERVICE), told


def _notifications(settings: Settings) -> tuple[Exit, str]:
    """Whether the file of channels can be used, and which channels failed last time. Nothing is sent."""
    from flows.notify_file import read_channels
    from flows.notifying import kept_problems
    from flows.telling import UNUSABLE, usable

    if settings.notify is None:
        return Exit.DONE, "nobody is told of anything: FAIRGATE_NOTIFY names no file of channels"
    channels = read_channels(settings.notify).channels
    wrong = [f"channel {item.name}: {UNUSABLE}" for item in channels if not usable(item.url)]
    if wrong:
        return Exit.CONFIGURATION, "; ".join(wrong)
    failed = [f"channel {name}: {row.problem}, {row.failures} tries" for name, row in kept_problems(settings)]
    if failed:
        return Exit.SERVICE, "; ".join(failed) + "; what they missed waits, try: fairgate notify"
    return Exit.DONE, f"{len(channels)} channels, the last news of each went out"
