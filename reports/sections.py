"""The sections of the evidence, in the order in which they are read. Console pages and the report print the same."""

from __future__ import annotations

from dataclasses import dataclass

from governance.sections import SECTIONS as NAMES


@dataclass(frozen=True, slots=True)
class Section:
    """One section: `key` names it in addresses and in the record of reading, `about` says what it tells."""

    key: str
    title: str
    about: str


SECTIONS = (
    Section("summary", "Summary", "What was decided, what was measured and what is missing, in plain words."),
    Section("verdicts", "Verdicts", "Each requirement and each comparison, its verdict and the reason."),
    Section("rates", "Group rates", "How often each group is selected, and how well the model does for it."),
    Section(
        "intersections", "Intersections", "Groups of two or more features at once, which single features can hide."
    ),
    Section(
        "stratified", "Within strata", "What is left of a disparity among people who are alike in another feature."
    ),
    Section("quality", "Data quality", "Whether the data that was measured passed the checks of its suite."),
    Section("model-card", "Model card", "What the model is, who answers for it, and what nobody has said of it."),
    Section("changes", "What changed", "This version beside the last one that was released here."),
    Section("limits", "Limits", "What cannot be concluded from these data, and how the numbers came about."),
    Section("record", "The record", "Signatures, digests and facts: what proves all this."),
)

KEYS = NAMES


def section_of(key: str) -> Section:
    """The section with this key. Raises KeyError."""
    return {section.key: section for section in SECTIONS}[key]


def around(key: str) -> tuple[Section | None, Section | None]:
    """The sections before and after this one, None at the ends."""
    at = KEYS.index(key)
    return (SECTIONS[at - 1] if at else None), (SECTIONS[at + 1] if at + 1 < len(SECTIONS) else None)
