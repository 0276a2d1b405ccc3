"""The signature block of a paper: printed name, time in UTC and meaning of each signature, and who is still needed.

21 CFR 11.50 asks for the three on every signed record, also in print. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from reports.view import ReleaseView, SignOffRow
from reports.view_summary import Missing


@dataclass(frozen=True, slots=True)
class SignatureBlock:
    """`signed` are all signatures, each with its standing; `open` is what still waits for people, with who can give it.

    `said` is a sentence where nobody has signed, or where nobody needs to any more; `bound` is what each signature is
    bound to, empty without one.
    """

    signed: tuple[SignOffRow, ...]
    open: tuple[Missing, ...]
    said: str
    bound: str = ""


BOUND = (
    "Each person signed for the digests of the model files, the audit report, the audited data, the data validation "
    "and the policy that stood there at the time of signing, never for this file: it says as of when it was written, "
    "so each file written of the same case has a digest of its own. A signature counts while what it is bound to is "
    "what stands above."
)


def signature_block(view: ReleaseView) -> SignatureBlock:
    """The block of this report."""
    waits = tuple(item for item in view.summary.missing if item.who)
    said = "" if view.sign_offs else "Nobody has signed."
    if not waits and view.outcome == "HELD":
        said = f"{said} No signature is missing: what holds it stands under the requirements.".strip()
    return SignatureBlock(view.sign_offs, waits, said, BOUND if view.sign_offs else "")
