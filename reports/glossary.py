"""The field's terms explained where they first stand in a section: a button that opens a note, without a script.

The note is an element with the attribute `popover`: a key, a tap or a click opens it, Escape closes it, and where a
browser does not know the attribute, and on paper, all notes stand at the end of their section.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup, escape

TERMS: Mapping[str, tuple[str, str]] = {
    "selected": (
        "Selected",
        "The model predicts the outcome that the plan names as favourable, or puts the person above the cutoff."
        " One row of the data counts as one person.",
    ),
    "selection rate": ("Selection rate", "Of all people of a group, the share that was selected."),
    "interval": (
        "Interval",
        "The range within which the true value plausibly lies, given how many people were measured. The fewer people,"
        " the wider. It allows for chance alone, not for data that describe the wrong people.",
    ),
    "disparity": ("Disparity", "How far a measure of one group lies from the same measure of another one."),
    "impact ratio": (
        "Impact ratio",
        "The selection rate of a group divided by that of its reference group: 1 is no difference, 0.5 means selected"
        " half as often.",
    ),
    "reference group": (
        "Reference group",
        "The group that others are compared with: the one that the plan names, else the one with the highest rate.",
    ),
    "bound": (
        "Bound",
        "The limit that the plan declared before anything was measured. A bound says what is acceptable here; it is"
        " no limit of the law.",
    ),
    "verdict": ("Verdict", "What these data allow to say of one comparison, in five fixed words."),
    "adjusted p": (
        "Adjusted p",
        "How probable so large a difference would be by chance alone, were there none, with allowance for how many"
        " comparisons were made.",
    ),
    "intersection": (
        "Intersection",
        "A group by two features or more at once, such as women of one age band. It can be worse off while each of its"
        " features alone looks well.",
    ),
    "control feature": (
        "Control feature",
        "A feature within whose levels people are compared, so that like is compared with like.",
    ),
    "suppressed": (
        "Suppressed",
        "A number that is not shown, because it is small or would let a small one be computed.",
    ),
    "too few": (
        "Too few",
        "The group has fewer people, or fewer of them selected, than the plan asks for. It is shown, and compared with"
        " nobody.",
    ),
    "digest": (
        "Digest",
        "A fingerprint (SHA-256) of exact bytes: if one letter of a file changes, its digest is another one.",
    ),
    "sign-off": (
        "Sign-off",
        "A person's recorded decision, bound by digest to all that was shown to her: whatever changes later is not"
        " covered by it.",
    ),
    "requirement": ("Requirement", "Something that the policy asks for before a version may be released."),
    "expectation": (
        "Expectation",
        "One check of the data: what must hold, how much is tolerated, and how serious it is.",
    ),
    "plan": (
        "Plan",
        "What will be measured, with its bounds, fixed and recorded before the measurement. It travels with the model.",
    ),
}


@dataclass(slots=True)
class Words:
    """The terms of one section on one page, as they are met. `said` are those explained so far, by their meaning."""

    section: str
    said: dict[str, tuple[str, str]] = field(default_factory=dict)

    def term(self, key: str, text: str = "") -> Markup:
        """A term of the table, explained at its first use; `text` is how it reads here. Raises KeyError."""
        label, meaning = TERMS[key]
        return self.say(text or label, meaning, label)

    def say(self, text: str, meaning: str, label: str = "") -> Markup:
        """`text`, explained where `meaning` is met for the first time; plain where it is empty or was said."""
        if not meaning or meaning in self.said:
            return escape(text)
        ident = f"word-{self.section}-{len(self.said)}"
        self.said[meaning] = ident, label or text
        return Markup('<dfn><button type="button" class="term" popovertarget="{}">{}</button></dfn>').format(
            ident, text
        )

    @property
    def notes(self) -> tuple[tuple[str, str, str], ...]:
        """(id, label, meaning) of every term that was explained so far."""
        return tuple((ident, label, meaning) for meaning, (ident, label) in self.said.items())
