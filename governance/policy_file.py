"""Read a policy from TOML: strict keys, strict types, and a sentence with the way out for every mistake."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from typing import Any, TypeVar

from audits.model_formats import FORMATS
from governance.digests import digest_bytes
from governance.errors import ConfigurationError
from governance.policy import (
    Assurance,
    OnAdverse,
    OnIncident,
    Policy,
    Raci,
    RequiredBound,
    Requirement,
    Tier,
    TierRules,
)
from governance.sections import SECTIONS

MAX_BYTES = 256 * 1024
MAX_DAYS = 3_650
MAX_BREAK_GLASS_HOURS = 72
_WHOLE_NUMBERS = ("sign_off_valid_days", "max_audit_age_days", "withdraw_window_days", "min_group_size", "min_events")
_DATES, _CHOICES = ("valid_from", "valid_until"), ("floor", "on_adverse", "on_incident")
_HEAD = ("name", "version", *_DATES, *_CHOICES, "free_aliases", "untrusted_formats", "whole_evidence")
_Word = TypeVar("_Word", bound=StrEnum)


def read_policy(data: bytes, *, name: str = "policy.toml") -> Policy:
    """The policy in these TOML bytes; its digest is theirs. Raises ConfigurationError."""
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{name} has {len(data):,} bytes; a policy has at most {MAX_BYTES:,}")
    try:
        document = tomllib.loads(data.decode("utf-8"))
    except RecursionError as error:
        raise ConfigurationError(f"{name} nests its values too deeply: write a flatter file") from error
    except ValueError as error:  # not UTF-8, not TOML, or a number with more digits than Python reads
        raise ConfigurationError(f"{name} is not valid TOML: {error}") from error
    reader = _Reader(name)
    return reader.policy(document, digest_bytes(data))


class _Reader:
    """Reads tables of one file; holds nothing but the file's name, for messages."""

    def __init__(self, file: str) -> None:
        self.file = file

    def policy(self, document: Mapping[str, Any], digest: str) -> Policy:
        self.known(document, "the file", ("policy", "models", "tiers", "raci"))
        head = self.table(document, "policy")
        self.known(head, "[policy]", _HEAD)
        since, until = self.day(head, "valid_from"), self.day(head, "valid_until")
        if since and until and until < since:
            raise ConfigurationError(f"{self.file}: [policy] valid_until {until} is before valid_from {since}")
        tiers = self.tiers(self.table(document, "tiers"))
        return Policy(
            name=self.text(head, "policy", "name"),
            version=self.text(head, "policy", "version"),
            digest=digest,
            tiers=tiers,
            floor=self.word(Tier, head.get("floor", "high"), "[policy] floor"),
            models=tuple(
                (pattern, self.word(Tier, tier, f"[models] {pattern}"))
                for pattern, tier in self.table(document, "models", optional=True).items()
            ),
            free_aliases=self.texts(head, "policy", "free_aliases"),
            on_adverse=self.word(OnAdverse, head.get("on_adverse", "stay"), "[policy] on_adverse"),
            on_incident=self.word(OnIncident, head.get("on_incident", "stay"), "[policy] on_incident"),
            untrusted_formats=self.known_texts(head, "policy", "untrusted_formats", tuple(FORMATS)),
            raci=tuple(self.raci(item) for item in self.listed(document, "raci")),
            valid_from=since,
            valid_until=until,
            whole_evidence=self.readers(head, tiers),
        )

    def tiers(self, document: Mapping[str, Any]) -> tuple[tuple[Tier, TierRules], ...]:
        tiers = tuple((self.word(Tier, key, "[tiers]"), self.rules(key, document)) for key in document)
        if not tiers:
            raise ConfigurationError(f"{self.file}: no tier is defined; add a table such as [tiers.high]")
        return tiers

    def rules(self, tier: str, document: Mapping[str, Any]) -> TierRules:
        where = f"tiers.{tier}"
        table = self.table(document, tier)
        self.known(table, f"[{where}]", tuple(field.name for field in fields(TierRules)))
        requirements = tuple(
            self.word(Requirement, item, f"[{where}] requirements") for item in self.texts(table, where, "requirements")
        )
        if not requirements:
            known = ", ".join(Requirement)
            raise ConfigurationError(f"{self.file}: [{where}] has no requirement; list at least one of: {known}")
        if tier == Tier.HIGH and Requirement.SIGN_OFF not in requirements:
            raise ConfigurationError(
                f"{self.file}: [{where}] needs the requirement 'sign-off' and a quorum: "
                f"only people release a high-impact version"
            )
        quorum = self.texts(table, where, "quorum")
        if (Requirement.SIGN_OFF in requirements) != bool(quorum):
            raise ConfigurationError(
                f"{self.file}: [{where}] needs both the requirement 'sign-off' and a quorum of functions, or neither"
            )
        bounds = tuple(self.bound(item, where) for item in self.listed(table, "required_bounds"))
        return TierRules(
            requirements=requirements,
            quorum=quorum,
            assurance=self.word(Assurance, table.get("assurance", "server-attested"), f"[{where}] assurance"),
            required_bounds=bounds,
            required_features=self.texts(table, where, "required_features"),
            must_open=self.known_texts(table, where, "must_open", SECTIONS),
            **self.numbers(table, where),
        )

    def numbers(self, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key in _WHOLE_NUMBERS:
            if key in table:
                value = table[key]
                if type(value) is not int or value < 1:
                    raise self.wrong(f"[{where}] {key}", value, "a whole number of at least 1")
                if key.endswith("_days") and value > MAX_DAYS:
                    raise self.wrong(f"[{where}] {key}", value, f"at most {MAX_DAYS:,} days")
                found[key] = value
        if "break_glass_hours" in table:
            value = table["break_glass_hours"]
            if type(value) is not int or not 0 <= value <= MAX_BREAK_GLASS_HOURS:
                wanted = f"whole hours from 0 (never) to {MAX_BREAK_GLASS_HOURS}"
                raise self.wrong(f"[{where}] break_glass_hours", value, wanted)
            found["break_glass_hours"] = value
        for key in ("min_confidence", "max_confidence"):
            if key in table:
                value = table[key]
                if type(value) is not float or not 0.5 < value < 1:
                    raise self.wrong(f"[{where}] {key}", value, "a number between 0.5 and 1")
                found[key] = value
        return found

    def bound(self, table: Any, where: str) -> RequiredBound:
        self.known(table, f"[{where}] required_bounds", ("metric", "comparison", "limit"))
        limit = table.get("limit")
        if type(limit) not in (int, float) or not 0 <= limit <= 1:
            raise self.wrong(f"[{where}] required_bounds limit", limit, "a number from 0 to 1")
        comparison = self.text(table, where, "comparison")
        if comparison not in ("ratio", "difference"):
            raise self.wrong(f"[{where}] required_bounds comparison", comparison, "ratio or difference")
        return RequiredBound(self.text(table, where, "metric"), comparison, float(limit))

    def raci(self, table: Any) -> Raci:
        keys = ("responsible", "accountable", "consulted", "informed")
        self.known(table, "[[raci]]", ("activity", *keys))
        return Raci(self.text(table, "raci", "activity"), *(self.texts(table, "raci", key) for key in keys))

    def known(self, table: Any, where: str, keys: tuple[str, ...]) -> None:
        if not isinstance(table, Mapping):
            raise self.wrong(where, table, "a table")
        for key in table:
            if key not in keys:
                close = get_close_matches(key, keys, n=1)
                hint = f"did you mean {close[0]!r}?" if close else f"known keys: {', '.join(keys)}"
                raise ConfigurationError(f"{self.file}: {where} has the unknown key {key!r}; {hint}")

    def table(self, document: Mapping[str, Any], key: str, *, optional: bool = False) -> Mapping[str, Any]:
        value = document.get(key, {} if optional else None)
        if not isinstance(value, Mapping):
            raise ConfigurationError(f"{self.file}: the table [{key}] is missing")
        return value

    def listed(self, document: Mapping[str, Any], key: str) -> list[Any]:
        value = document.get(key, [])
        if not isinstance(value, list):
            raise self.wrong(key, value, "a list of tables")
        return value

    def text(self, table: Mapping[str, Any], where: str, key: str) -> str:
        value = table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(f"[{where}] {key}", value, "a text")
        return value

    def texts(self, table: Mapping[str, Any], where: str, key: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.wrong(f"[{where}] {key}", value, "a list of texts")
        return tuple(value)

    def known_texts(self, table: Mapping[str, Any], where: str, key: str, known: tuple[str, ...]) -> tuple[str, ...]:
        found = self.texts(table, where, key)
        for name in found:
            if name not in known:
                raise self.wrong(f"[{where}] {key}", name, f"only names of these: {', '.join(known)}")
        return found

    def readers(self, head: Mapping[str, Any], tiers: tuple[tuple[Tier, TierRules], ...]) -> tuple[str, ...] | None:
        """Who reads small counts. Nobody signs what she may not read, so every function that signs is among them."""
        if "whole_evidence" not in head:
            return None
        named = self.texts(head, "policy", "whole_evidence")
        blind = sorted({function for _, rules in tiers for function in rules.quorum} - set(named))
        if blind:
            wanted = f"every function that signs, so {', '.join(blind)} as well"
            raise self.wrong("[policy] whole_evidence", head["whole_evidence"], wanted)
        return named

    def day(self, table: Mapping[str, Any], key: str) -> date | None:
        value = table.get(key)
        if value is not None and type(value) is not date:
            raise self.wrong(f"[policy] {key}", value, "a date such as 2026-01-31")
        return value

    def word(self, words: type[_Word], value: Any, where: str) -> _Word:
        try:
            return words(value)
        except ValueError as error:
            raise self.wrong(where, value, f"one of: {', '.join(words)}") from error

    def wrong(self, where: str, value: Any, wanted: str) -> ConfigurationError:
        found = "is missing" if value is None else f"is {value!r}"
        return ConfigurationError(f"{self.file}: {where} {found}; write {wanted}")
