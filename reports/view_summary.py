"""The plain-language summary as frozen values, ready to be printed; `reports.summary` makes it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing and who can give it, as sentences. status as in FindingRow."""

    title: str
    status: str
    reason: str
    who: tuple[str, ...]
    way_out: str | None


@dataclass(frozen=True, slots=True)
class Selected:
    """How many of each group of one feature were selected. `more` says how many groups are in the table only: never
    the reference, the highest or the lowest.
    """

    feature: str
    groups: tuple[str, ...]
    more: str

    @property
    def sentence(self) -> str:
        """All of it in one sentence: `Of 3,012 people ..., 934 were selected (31.0%); of ...`"""
        return f"Of {'; of '.join(self.groups)}.{f' {self.more}' if self.more else ''}"


@dataclass(frozen=True, slots=True)
class Measured:
    """One audit in plain words: who was selected, how many comparisons ended how, and the worst of them."""

    selected: tuple[Selected, ...] = ()
    tally: str = ""
    worst: tuple[str, ...] = ()

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of it as sentences."""
        return (*(item.sentence for item in self.selected), *((self.tally,) if self.tally else ()), *self.worst)


@dataclass(frozen=True, slots=True)
class Summary:
    """The plain-language summary: what was decided, measured, is missing, and cannot be concluded.

    `release` is the audit that the release rests on, `newer` the scheduled one since, `notes` are the audit's own on
    how the numbers came about. `brief` says the limits in short, counted where `limits` names each.
    """

    decided: tuple[str, ...]
    release: Measured
    missing_title: str
    missing: tuple[Missing, ...]
    limits: tuple[str, ...]
    monitored_title: str = ""
    newer: Measured = Measured()
    notes: tuple[str, ...] = ()
    brief: tuple[str, ...] = ()

    @property
    def measured(self) -> tuple[str, ...]:
        """What the release rests on, as sentences."""
        return self.release.sentences

    @property
    def monitored(self) -> tuple[str, ...]:
        """What the newest scheduled audit found, as sentences."""
        return self.newer.sentences
