"""What a person says when she breaks the glass, proved with a password and a code."""

from __future__ import annotations

from governance.emergency import Plea
from governance.policy import Assurance

PROVED = "password and code at the command line"


def plea(hours: int, reason: str) -> Plea:
    """As at the command line, with both."""
    return Plea(hours, reason, PROVED, Assurance.SERVER_ATTESTED)
