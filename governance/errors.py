"""Every error of Fairgate, and nothing else. Any room may import this leaf.

    FairgateError
    |- ConfigurationError 2      plan, policy, suite, settings, usage: file, field, value, way out
    |  `- UnknownCaseError       nobody has asked for this release
    |- MeasurementError 3        missing column, empty data, scoring failed
    |  `- DisagreementError      two libraries give two numbers for one measure
    |- SignOffRefusedError 4     this person may not give this sign-off
    |  |- StaleEvidenceError     what the signer saw has moved
    |  |- NotAuthorizedError     wrong credential, or no function that the policy asks for
    |  |- SeparationOfDutiesError
    |  `- AlreadyDecidedError
    |- LedgerError 5
    |  `- LedgerTamperedError    never retried, always loud
    |- ServiceError 6            registry, database or Prefect unreachable: the only family that is retried
    `- ReleaseHeldError 10       raised only by the thin layer over `decide`; carries the Decision

The default message of an error is its docstring. `exit_code` is what the command line ends with.
"""

from __future__ import annotations

import inspect
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from governance.decide import Decision


class Exit(IntEnum):
    """How a command ends. 1 is a crash and never used on purpose."""

    DONE = 0
    CONFIGURATION = 2
    MEASUREMENT = 3
    SIGN_OFF_REFUSED = 4
    LEDGER = 5
    SERVICE = 6
    HELD = 10
    REFUSED = 11
    DATA_QUALITY = 12
    ADVERSE = 13
    VERIFICATION_FAILED = 14


class FairgateError(Exception):
    """Fairgate could not go on."""

    exit_code: Exit = Exit.CONFIGURATION

    def __init__(self, message: str | None = None) -> None:
        """`message` says what is wrong, where, and the way out; without it the docstring speaks."""
        super().__init__(message or inspect.cleandoc(type(self).__doc__ or ""))


class ConfigurationError(FairgateError):
    """A plan, a policy, a suite, a setting or the usage of a command is wrong."""

    exit_code = Exit.CONFIGURATION


class UnknownCaseError(ConfigurationError):
    """Nobody has asked for this release. `about` says so without the command that would ask."""

    def __init__(self, about: str, way_out: str) -> None:
        """`way_out` is for who types commands."""
        super().__init__(f"{about}; {way_out}")
        self.about = about


class MeasurementError(FairgateError):
    """The measurement could not be made."""

    exit_code = Exit.MEASUREMENT


class DisagreementError(MeasurementError):
    """Two libraries give different numbers for the same measure: neither is reported."""


class SignOffRefusedError(FairgateError):
    """This sign-off cannot be given."""

    exit_code = Exit.SIGN_OFF_REFUSED


class StaleEvidenceError(SignOffRefusedError):
    """The evidence has moved since the signer saw it."""


class NotAuthorizedError(SignOffRefusedError):
    """The credential is wrong, or the person has no function that the policy asks for."""


class SeparationOfDutiesError(SignOffRefusedError):
    """Who registered a version or asked for its release cannot sign it off."""


class AlreadyDecidedError(SignOffRefusedError):
    """This person has already decided on this evidence, or a refusal stands."""


class LedgerError(FairgateError):
    """The ledger could not be read or written."""

    exit_code = Exit.LEDGER


class LedgerTamperedError(LedgerError):
    """The ledger does not hold what it once acknowledged."""


class ServiceError(FairgateError):
    """A service (registry, database, Prefect) is unreachable; trying again later may help."""

    exit_code = Exit.SERVICE


class ReleaseHeldError(FairgateError):
    """The release is held; the decision says what is missing and who can give it."""

    exit_code = Exit.HELD

    def __init__(self, decision: Decision, message: str | None = None) -> None:
        """`decision` is what `governance.decide.decide` answered."""
        super().__init__(message)
        self.decision = decision
