"""Law as dated data: the rule packs of `audits/rules`, read strictly.

A pack says where a rule comes from, from when to when it is in force, what it asks for, and the parameters of what it
computes (`audits.ugesp`, `audits.ll144`). Its digest is the SHA-256 of its file, so that an audit names the very text
it was computed under. A repealed pack stays loadable: an old audit can be checked again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

from audits.toml_table import TomlTable, closest, is_number, load_toml, shown
from governance.digests import digest_bytes
from governance.errors import ConfigurationError

SEX, RACE = "sex", "race_ethnicity"

_HEAD = ("id", "version", "title", "jurisdiction", "citation", "in_force_from", "in_force_to", "status", "voluntary")
_KEYS = (*_HEAD, "source", "checked_on", "notes", "requirements", "adverse_impact", "impact_ratio")
_IMPACT = ("minimum_share", "leave_out_small", "justification", "features", SEX, RACE)
_ADVERSE = ("four_fifths", "minimum_share", "standard_deviations", "fisher_below_expected", "fisher_level", "features")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")

Aliases = tuple[tuple[str, tuple[str, ...]], ...]
"""What the rule calls it -> how plans and data call it."""


class Status(StrEnum):
    """What its publisher says of the rule; whether it is in force on a day follows from the pack's days."""

    IN_FORCE = "in force"
    ADOPTED = "adopted"
    REPEALED = "repealed"
    UNDER_CHALLENGE = "under challenge"


class State(StrEnum):
    """Whether a rule is in force on one day."""

    IN_FORCE = "in force"
    NOT_YET = "not yet in force"
    NO_MORE = "no more in force"


@dataclass(frozen=True, slots=True)
class RequiredStep:
    """Something that the rule asks for in words; `applies_from` where it has a day of its own."""

    reference: str
    text: str
    applies_from: date | None = None


@dataclass(frozen=True, slots=True)
class AdverseImpactRule:
    """What `audits.ugesp` computes with. Shares are fractions of 1; a test is two-sided."""

    four_fifths: Fraction
    minimum_share: Fraction
    standard_deviations: float
    fisher_below_expected: float
    fisher_level: float
    features: Aliases


@dataclass(frozen=True, slots=True)
class ImpactRatioRule:
    """What `audits.ll144` computes with. `justification` is published where `leave_out_small` is used."""

    minimum_share: Fraction
    leave_out_small: bool
    justification: str | None
    features: Aliases
    sex: Aliases
    race_ethnicity: Aliases

    def category(self, feature: str, level: str) -> str | None:
        """The rule's category for a level of `sex` or `race_ethnicity`, by name or spelling; None: it has none."""
        asked = level.strip().casefold()
        for name, spellings in self.sex if feature == SEX else self.race_ethnicity:
            if asked == name.casefold() or asked in map(str.casefold, spellings):
                return name
        return None

    def categories(self, feature: str) -> tuple[str, ...]:
        """The names of the rule's categories of `sex` or `race_ethnicity`, in its order."""
        return tuple(name for name, _ in (self.sex if feature == SEX else self.race_ethnicity))


@dataclass(frozen=True, slots=True)
class RulePack:
    """One rule. `in_force_from` and `in_force_to` are the first and the last day (None: no end is known).

    `voluntary` tells a framework from a law. `computes` is None where the rule asks for steps only.
    """

    id: str
    version: str
    title: str
    jurisdiction: str
    citation: str
    in_force_from: date
    in_force_to: date | None
    status: Status
    source: str
    checked_on: date
    digest: str
    requirements: tuple[RequiredStep, ...]
    computes: AdverseImpactRule | ImpactRatioRule | None = None
    voluntary: bool = False
    notes: tuple[str, ...] = ()


def state_on(pack: RulePack, day: date) -> State:
    """Is the rule in force on this day? Both ends of the pack's time belong to it."""
    if day < pack.in_force_from:
        return State.NOT_YET
    return State.NO_MORE if pack.in_force_to and day > pack.in_force_to else State.IN_FORCE


def requirements_on(pack: RulePack, day: date) -> tuple[RequiredStep, ...]:
    """What the rule asks for on this day; () where it is not in force then."""
    if state_on(pack, day) is not State.IN_FORCE:
        return ()
    return tuple(item for item in pack.requirements if item.applies_from is None or item.applies_from <= day)


def packs(folder: Path | None = None) -> tuple[RulePack, ...]:
    """Every pack, repealed ones included, by id. `folder` None: those that ship. Raises ConfigurationError."""
    return tuple(load_pack(name, folder) for name in pack_ids(folder))


def pack_ids(folder: Path | None = None) -> tuple[str, ...]:
    """The ids of the packs in `folder`, sorted, without reading them."""
    return tuple(sorted(item.name.removesuffix(".toml") for item in _root(folder).iterdir() if _is_pack(item.name)))


def load_pack(pack_id: str, folder: Path | None = None) -> RulePack:
    """The pack with this id. Raises ConfigurationError: no such pack, or a file with a mistake."""
    known = pack_ids(folder)
    if pack_id not in known:
        hint = closest(pack_id, known, "known rule packs")
        raise ConfigurationError(f"there is no rule pack {shown(repr(pack_id))}; {hint}")
    pack = read_pack(_root(folder).joinpath(f"{pack_id}.toml").read_bytes(), name=f"{pack_id}.toml")
    if pack.id != pack_id:
        raise ConfigurationError(f"{pack_id}.toml: id is {pack.id!r}; write the file's own name, {pack_id!r}")
    return pack


def read_pack(data: bytes, *, name: str = "pack.toml") -> RulePack:
    """The pack in these TOML bytes; its digest is theirs. Raises ConfigurationError."""
    table = TomlTable(name, "the pack", load_toml(data, name), _KEYS)
    pack = RulePack(
        id=_id(table),
        version=table.text("version", 'a text such as "1"'),
        title=table.text("title", "a title"),
        jurisdiction=table.text("jurisdiction", "whose rule it is"),
        citation=table.text("citation", "where the rule stands"),
        in_force_from=table.day("in_force_from", "a date such as 2023-07-05"),
        in_force_to=_optional_day(table, "in_force_to"),
        status=Status(table.word("status", [status.value for status in Status])),
        source=table.text("source", "where its text was read"),
        checked_on=table.day("checked_on", "the date on which the source was read"),
        digest=digest_bytes(data),
        requirements=_requirements(table),
        computes=_computes(table),
        voluntary=_flag(table, "voluntary"),
        notes=table.texts("notes", "a list of texts"),
    )
    _refuse_contradictions(table, pack)
    return pack


def _refuse_contradictions(table: TomlTable, pack: RulePack) -> None:
    if pack.in_force_to and pack.in_force_to < pack.in_force_from:
        raise table.error(f"in_force_to {pack.in_force_to} is before in_force_from {pack.in_force_from}")
    if pack.status is Status.REPEALED and pack.in_force_to is None:
        raise table.error("status is 'repealed' without in_force_to; write the last day on which it was in force")
    if pack.status is Status.IN_FORCE and pack.in_force_to:
        raise table.error("status is 'in force' with in_force_to; write 'repealed', or remove the last day")
    if pack.computes is None and not pack.requirements:
        raise table.error("the pack computes nothing and asks for nothing; add a table [[requirements]]")


def _id(table: TomlTable) -> str:
    text = table.text("id", "the file's name without .toml")
    if not _ID.fullmatch(text):
        raise table.wrong("id", text, "lower-case letters, digits and single hyphens")
    return text


def _requirements(table: TomlTable) -> tuple[RequiredStep, ...]:
    wanted = "a list of tables with reference and text"
    items = table.listed("requirements", wanted) if "requirements" in table.content else []
    keys = ("reference", "text", "applies_from")
    found = [TomlTable(table.file, f"[[requirements]] {at}", item, keys) for at, item in enumerate(items, 1)]
    return tuple(
        RequiredStep(
            reference=item.text("reference", "where it stands"),
            text=item.text("text", "what is asked for"),
            applies_from=_optional_day(item, "applies_from"),
        )
        for item in found
    )


def _computes(table: TomlTable) -> AdverseImpactRule | ImpactRatioRule | None:
    kinds: dict[str, Callable[[TomlTable], AdverseImpactRule | ImpactRatioRule]] = {
        "adverse_impact": _adverse_impact,
        "impact_ratio": _impact_ratio,
    }
    present = [name for name in kinds if name in table.content]
    if len(present) > 1:
        raise table.error(f"the pack has {' and '.join(f'[{name}]' for name in present)}; one pack computes one rule")
    return kinds[present[0]](table) if present else None


def _adverse_impact(parent: TomlTable) -> AdverseImpactRule:
    table = TomlTable(parent.file, "[adverse_impact]", parent.content["adverse_impact"], _ADVERSE)
    return AdverseImpactRule(
        four_fifths=_share(table, "four_fifths"),
        minimum_share=_share(table, "minimum_share"),
        standard_deviations=table.number("standard_deviations", None, "a number above 0", _positive),
        fisher_below_expected=table.number("fisher_below_expected", None, "a number above 0", _positive),
        fisher_level=float(_share(table, "fisher_level")),
        features=_features(table),
    )


def _impact_ratio(parent: TomlTable) -> ImpactRatioRule:
    table = TomlTable(parent.file, "[impact_ratio]", parent.content["impact_ratio"], _IMPACT)
    left_out = _flag(table, "leave_out_small")
    justification = table.optional_text("justification", "why small categories are left out of the ratios")
    if left_out != (justification is not None):
        raise table.error("[impact_ratio] needs both leave_out_small = true and a justification, or neither")
    return ImpactRatioRule(
        minimum_share=_share(table, "minimum_share"),
        leave_out_small=left_out,
        justification=justification,
        features=_features(table),
        sex=_aliases(table, SEX),
        race_ethnicity=_aliases(table, RACE),
    )


def _features(table: TomlTable) -> Aliases:
    found = _aliases(table, "features")
    if {name for name, _ in found} != {SEX, RACE}:
        raise table.error(f"{table.where} features must name {SEX} and {RACE}, each with a list of feature names")
    return found


def _aliases(table: TomlTable, key: str) -> Aliases:
    """A table of lists of texts; no text may mean two things."""
    content: Mapping[str, Any] = table.table(key)
    if not content:
        raise table.wrong(key, None, 'a table such as { "Female" = ["f", "woman"] }')
    inner = TomlTable(table.file, f"{table.where[:-1]}.{key}]", content, tuple(content))
    found = tuple((name, () if content[name] == [] else inner.texts(name, "a list of texts")) for name in content)
    seen: dict[str, str] = {}
    for name, spellings in found:
        for text in {name.casefold(), *map(str.casefold, spellings)}:
            if seen.setdefault(text, name) != name:
                raise inner.error(f"{inner.where} {text!r} means both {seen[text]!r} and {name!r}; write it once")
    return found


def _share(table: TomlTable, key: str) -> Fraction:
    """A share above 0 and below 1, exactly as written: 0.8 is 4/5."""
    return Fraction(str(table.number(key, None, "a number above 0 and below 1, such as 0.8", lambda x: 0 < x < 1)))


def _positive(value: float) -> bool:
    return is_number(value) and value > 0


def _optional_day(table: TomlTable, key: str) -> date | None:
    return table.day(key, "a date such as 2026-01-31") if key in table.content else None


def _flag(table: TomlTable, key: str) -> bool:
    value = table.content.get(key, False)
    if not isinstance(value, bool):
        raise table.wrong(key, value, "true or false")
    return value


def _root(folder: Path | None) -> Any:
    return files("audits").joinpath("rules") if folder is None else folder


def _is_pack(name: str) -> bool:
    return name.endswith(".toml") and _ID.fullmatch(name.removesuffix(".toml")) is not None
