"""The gate in the registry's own call: an alias moves after a RELEASED decision on the bytes as they are, or never.

It knows no registry product. Whoever guards one hands it a `Shelf`, and turns its errors into refusals.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol
from urllib.parse import urlencode

from governance.case import Case, case_of
from governance.casefile import step_of, subject_of, target_in
from governance.decide import DecisionOutcome
from governance.desk import Desk, free_aliases
from governance.errors import ConfigurationError, FairgateError, ReleaseHeldError, ServiceError
from governance.explanation import refusal
from governance.ledger.one_reading import OneReading
from governance.people import Actor
from governance.registry.acting import who_acts
from governance.registry.grants import Grants
from governance.registry.port import RegisteredVersion, subject_from
from governance.release import begun_intent, live_step, promote, record_demotion, released, steps_of
from governance.standing import last_known, live_of, standing_of
from governance.statement import PredicateType
from governance.subject import Manifest, Target

RESERVED = "governance."
WAIT_SECONDS = 30.0
# An equal call beside this one is done by then; Fairgate's own release, which holds the lock meanwhile, loses no more.
PATIENCE_SECONDS = 0.5
GRANT_FOR = timedelta(minutes=1)
_FRESH = timedelta(seconds=30)
_KEPT = 2_000
_logger = logging.getLogger(__name__)

Lock = Callable[[str, Target, float], AbstractContextManager[None]]
"""The lock of a model's target, waited for so many seconds; raises ServiceError where somebody else holds it."""


class Shelf(Protocol):
    """What the gate needs of the store that it guards."""

    def version(self, name: str, version: str) -> RegisteredVersion:
        """The registered version."""
        ...

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        """The version that an alias points to, None where the alias is not set."""
        ...

    def manifest(self, version: RegisteredVersion) -> Manifest:
        """Digests of the bytes that the store would serve now."""
        ...


@dataclass(frozen=True, slots=True)
class Move:
    """An alias, the version that it is to point to, and who asks."""

    name: str
    alias: str
    version: str
    by: Actor


@dataclass(frozen=True)
class Gatekeeper:
    """Answers for one registry. `desk` is asked for at each call: settings and policy may change under it.

    `console` tells the address of the console; `grants` the second lock of a database that has one.
    """

    desk: Callable[[], Desk]
    lock: Lock
    console: Callable[[], str]
    grants: Grants | None = None
    _known: dict[tuple[str, ...], dict[str, str]] = field(default_factory=dict)
    _free: dict[tuple[int, str], tuple[str, ...]] = field(default_factory=dict)

    def free_aliases(self) -> tuple[str, ...]:
        """The aliases that the policy in force lets move without a release; none where that cannot be read."""
        try:
            desk = self.desk()
            key = desk.ledger.size(), desk.policy.digest  # a ledger that only grows says the same at the same size
            if key not in self._free:
                self._free.clear()
                self._free[key] = free_aliases(desk)
            return self._free[key]
        except Exception as error:  # noqa: BLE001 - whatever is broken, nothing is free for that
            _logger.warning("every alias is governed, because the policy in force cannot be read: %s", error)
            return ()

    def move(self, shelf: Shelf, wish: Move, act: Callable[[], None]) -> None:
        """Call `act`, which moves the alias, if the release of the version's bytes stands; record it as a release.

        Raises ReleaseHeldError with the whole explanation where it does not stand, and the errors of whatever
        cannot be read: then nothing moves either.
        """
        desk = self._reading()
        door = _Door(shelf, wish, act, self.grants, desk)
        case = case_of(desk, subject_from(door.found, door.manifest(door.found)), Target(desk.environment, wish.alias))
        if case.decision.outcome is not DecisionOutcome.RELEASED:
            known = last_known(desk, wish.name, case.subject.version)
            raise ReleaseHeldError(case.decision, refusal(case, known.digest if known else None, self._page(case)))
        if _recorded_live(desk, case):
            door.set_alias(wish.name, wish.alias, wish.version)  # put back to where the ledger says that it is
            return
        if who_acts() is not None and begun_intent(desk, case) is not None:
            door.set_alias(wish.name, wish.alias, wish.version)  # Fairgate's own release, which records it itself
            return
        with ExitStack() as held:
            try:
                held.enter_context(self.lock(wish.name, case.target, PATIENCE_SECONDS))
            except ServiceError:
                if begun_intent(desk, case) is not None:
                    _let_through(door, wish)  # the same, from another process
                    return
                held.enter_context(self.lock(wish.name, case.target, WAIT_SECONDS))
            promote(desk, door, case, wish.by)

    def withdrawn(self, name: str, alias: str, by: Actor, version: str | None = None) -> None:
        """Record that whoever asked takes what is live out of this alias; call it before the alias is deleted.

        `version`: only where this one is live. Never raises: withdrawing must always be possible, and what could not
        be recorded is seen by the reconciler.
        """
        try:
            desk = self.desk()
            live = live_step(desk, name, Target(desk.environment, alias))
            if live is None or version not in (None, subject_of(live.statement.body).version):
                return
            case = case_of(desk, subject_of(live.statement.body), Target(desk.environment, alias))
            record_demotion(desk, case, f"withdrawn in the registry by {by.name}", by)
        except Exception as error:  # noqa: BLE001 - whatever is broken, the alias must come down
            _logger.warning("%s of %s is withdrawn, but the ledger could not record it: %s", alias, name, error)

    def refuse_live(self, what: str, name: str, aliases: tuple[str, ...], version: str | None = None) -> None:
        """Raise ConfigurationError where something governed is live under this name (or this version of it).

        `aliases` are those that the registry shows; what the ledger calls live counts as well.
        """
        desk, governed = self.desk(), set(aliases) - set(self.free_aliases())
        for entry in released(desk):
            subject = subject_of(entry.statement.body)
            if subject.name == name and version in (None, subject.version):
                governed.add(target_in(entry.statement.body).alias)
        if governed:
            named = ", ".join(sorted(governed))
            raise ConfigurationError(
                f"Fairgate did not {what}: {name}{f' v{version}' if version else ''} is live as {named}, and what was "
                f"signed must not change its name or vanish under it. Withdraw first: delete the alias {named}"
            )

    def version_tags(self, name: str, version: str, created_at: int) -> dict[str, str]:
        """The reserved tags of a version, as they are. `created_at`: ms since the epoch, by the registry.

        Never raises: what cannot be read is said in the state.
        """
        key = ("version", name, version, str(created_at))
        return self._told(key, lambda desk: _version_tags(desk, name, version, created_at))

    def model_tags(self, name: str, aliases: dict[str, str]) -> dict[str, str]:
        """The reserved tags of a registered model with these aliases (alias -> version), as `version_tags`."""
        key = ("model", name, *(f"{alias}={version}" for alias, version in sorted(aliases.items())))
        return self._told(key, lambda desk: {RESERVED + "state": live_of(desk, name, aliases)})

    def _reading(self) -> Desk:
        """The desk for one call: it reads and verifies each entry once."""
        desk = self.desk()
        return replace(desk, ledger=OneReading(desk.ledger))

    def _told(self, key: tuple[str, ...], tell: Callable[[Desk], dict[str, str]]) -> dict[str, str]:
        try:
            desk = self._reading()
            moment = str(int(desk.clock().timestamp() // _FRESH.total_seconds()))
            full = (*key, str(desk.ledger.size()), desk.policy.digest, moment)
            if full not in self._known:
                if len(self._known) >= _KEPT:
                    self._known.clear()
                self._known[full] = tell(desk)
            return self._known[full]
        except Exception as error:  # noqa: BLE001 - a registry that cannot be read for want of a ledger helps nobody
            return {RESERVED + "state": f"unknown: {_first_line(error)}"}

    def _page(self, case: Case) -> str:
        query = {"name": case.subject.name, "version": case.subject.version, "alias": case.target.alias}
        return f"{self.console()}/case?{urlencode(query)}"


class _Door:
    """The shelf during one move: its bytes are hashed once, and setting the alias is what was asked for."""

    def __init__(self, shelf: Shelf, wish: Move, act: Callable[[], None], grants: Grants | None, desk: Desk) -> None:
        self._shelf, self._wish, self._act, self._grants, self._desk = shelf, wish, act, grants, desk
        self.found = shelf.version(wish.name, wish.version)
        self._manifest: Manifest | None = None

    def version(self, _name: str, _version: str) -> RegisteredVersion:
        return self.found

    def alias(self, name: str, alias: str) -> RegisteredVersion | None:
        return self._shelf.alias(name, alias)

    def manifest(self, version: RegisteredVersion) -> Manifest:
        if self._manifest is None:
            self._manifest = self._shelf.manifest(version)
        return self._manifest

    def set_alias(self, name: str, alias: str, version: str) -> None:
        if self._grants is not None:
            self._grants.give(name, alias, version, self._desk.clock() + GRANT_FOR)
        self._act()


def _let_through(door: _Door, wish: Move) -> None:
    """Move the alias for who has recorded the intent; that an equal call was faster is as good."""
    try:
        door.set_alias(wish.name, wish.alias, wish.version)
    except Exception:
        live = door.alias(wish.name, wish.alias)
        if live is None or live.version != wish.version:
            raise


def _recorded_live(desk: Desk, case: Case) -> bool:
    """Whether the newest step of the target is the promotion of these bytes: nothing began or ended since."""
    newest = steps_of(desk, case.subject.name, case.target)[-1:]
    return [(entry.statement.predicate_type, step_of(entry).version, step_of(entry).digest) for entry in newest] == [
        (PredicateType.PROMOTION, case.subject.version, case.subject.digest)
    ]


def _version_tags(desk: Desk, name: str, version: str, created_at: int) -> dict[str, str]:
    found = standing_of(desk, name, version, created_at)
    tags = {"state": found.state, "digest": found.digest or "", "signed_by": ", ".join(found.signed_by)}
    tags["break_glass"] = found.emergency or ""
    if found.entry is not None:
        tags["ledger_entry"] = str(found.entry)
    return {RESERVED + key: value for key, value in tags.items() if value}


def _first_line(error: Exception) -> str:
    text = str(error) if isinstance(error, FairgateError) else f"{type(error).__name__}: {error}"
    return text.splitlines()[0][:300] if text else type(error).__name__
