"""What was live, for people: who put it there, on what evidence, how it ended. Made from `governance.history`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from governance.history import Act, End, Reign
from governance.people import Person
from reports.models import kind_label
from reports.view import DigestRow
from reports.words import moment, one_line, printable

Links = Callable[[str, str, str], str]
"""The address of a case: name, version, alias."""

NONE = "none recorded"
COLUMNS = (
    "model",
    "version",
    "environment",
    "alias",
    "live from (UTC)",
    "live until (UTC)",
    "promotion entry",
    "promoted by",
    "impact tier",
    "emergency",
    "signed by",
    "model digest",
    "audit entry",
    "audit report digest",
    "data digest",
    "data validation digest",
    "policy",
    "policy digest",
    "end entry",
    "ended by",
    "how it ended",
    "incidents",
)


@dataclass(frozen=True, slots=True)
class ActRow:
    """A person's act: a signature, broken glass, a withdrawal or a refusal."""

    seq: int
    kind: str
    who: str
    function: str
    behalf: str
    time: str
    reason: str
    authentication: str


@dataclass(frozen=True, slots=True)
class ReignRow:
    """One version live in one target. `until` and `end` are empty while it is."""

    model: str
    raw: str
    version: str
    target: str
    since: str
    until: str
    seq: int
    by: str
    tier: str
    emergency: bool
    acts: tuple[ActRow, ...]
    digests: tuple[DigestRow, ...]
    audit: int | None
    policy: str
    end: str
    end_seq: int | None
    end_acts: tuple[ActRow, ...]
    incidents: tuple[tuple[int, str], ...]
    link: str | None


def reign_row(reign: Reign, people: Iterable[Person], links: Links, environment: str) -> ReignRow:
    """The reign for a page. The case is linked where it is of this console's `environment`."""
    names = {person.id: person.name for person in people}
    here = reign.target.environment == environment
    return ReignRow(
        model=printable(reign.name),
        raw=reign.name,
        version=printable(reign.version),
        target=printable(reign.target),
        since=moment(reign.since),
        until=moment(reign.end.time) if reign.end else "",
        seq=reign.seq,
        by=printable(reign.by.name),
        tier=printable(reign.tier or "not recorded"),
        emergency=reign.broken_glass,
        acts=tuple(_act(item, names) for item in reign.acts),
        digests=_digests(reign),
        audit=reign.grounds.audit,
        policy=printable(reign.policy_name or "not named in the ledger"),
        end=_end(reign.end) if reign.end else "",
        end_seq=reign.end.seq if reign.end else None,
        end_acts=tuple(_act(item, names) for item in reign.end.acts) if reign.end else (),
        incidents=tuple((item.seq, f"{moment(item.time)}: {one_line(item.what, 300)}") for item in reign.incidents),
        link=links(reign.name, reign.version, reign.target.alias) if here else None,
    )


def document(reign: Reign) -> dict[str, object]:
    """The reign as a script gets it, here and from `fairgate history --json`."""
    return {**{name: getattr(reign, name) for name in Reign.__slots__}, "broken_glass": reign.broken_glass}


def csv_rows(reigns: Iterable[Reign]) -> tuple[tuple[str, ...], ...]:
    """A head, and one line for each reign."""
    return (COLUMNS, *(_csv_row(item) for item in reigns))


def _act(act: Act, names: dict[str, str]) -> ActRow:
    return ActRow(
        seq=act.seq,
        kind=kind_label(act.kind),
        who=printable(act.actor.name),
        function=printable(act.function or ""),
        behalf=printable(names.get(act.on_behalf_of, act.on_behalf_of)) if act.on_behalf_of else "",
        time=moment(act.time),
        reason=one_line(act.reason or "", 1_000),
        authentication=printable(act.authentication or ""),
    )


def _digests(reign: Reign) -> tuple[DigestRow, ...]:
    grounds = reign.grounds
    return (
        DigestRow("Model files", reign.digest or NONE),
        DigestRow("Audit report", grounds.report or NONE),
        DigestRow("Audited data", grounds.data or NONE),
        DigestRow("Data validation", grounds.validation or NONE),
        DigestRow("Audit plan", grounds.plan or NONE),
        DigestRow("Policy", reign.policy or NONE),
    )


def _end(end: End) -> str:
    """`Demotion by A: reason; version 1 took over`."""
    back = f"; version {printable(end.back_to)} took over" if end.back_to and end.kind == "demotion" else ""
    return f"{kind_label(end.kind)} by {printable(end.actor.name)}: {one_line(end.reason, 600)}{back}"


def _csv_row(reign: Reign) -> tuple[str, ...]:
    grounds, end = reign.grounds, reign.end
    signed = "; ".join(
        f"{act.actor.name} ({act.kind}, {act.function or '-'}, {moment(act.time)})" for act in reign.acts
    )
    return (
        reign.name,
        reign.version,
        reign.target.environment,
        reign.target.alias,
        moment(reign.since),
        moment(end.time) if end else "",
        f"{reign.seq}",
        reign.by.name,
        reign.tier or "",
        "yes" if reign.broken_glass else "no",
        signed,
        reign.digest,
        "" if grounds.audit is None else f"{grounds.audit}",
        grounds.report or "",
        grounds.data or "",
        grounds.validation or "",
        reign.policy_name or "",
        reign.policy or "",
        f"{end.seq}" if end else "",
        end.actor.name if end else "",
        f"{end.kind}: {end.reason}" if end else "still live",
        f"{len(reign.incidents)}",
    )
