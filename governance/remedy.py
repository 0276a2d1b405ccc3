"""The ways out of what is missing: as the command that a shell takes, and in words for who reads pages. Pure.

The record and the command line have the command. Who reads pages may have no shell: she is told what she can do on a
page herself, or who does it and which command to send.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from governance.dossier import Dossier


@dataclass(frozen=True, slots=True)
class WayOut:
    """One way out in its two forms. `shell` is what the record keeps, `page` what pages and reports print."""

    shell: str
    page: str


def audited_again(dossier: Dossier) -> WayOut:
    """Ask for the release (again): it validates the data and audits the version."""
    command = _command("release", dossier, "--alias", dossier.target.alias)
    done = "whoever builds the model asks for its release again, which checks the data and audits the version"
    return WayOut(command, f"{done}. {_SEND}{command}")


def data_mended(dossier: Dossier) -> WayOut:
    """Mend the data, and ask again."""
    command = audited_again(dossier).shell
    done = "whoever answers for the data mends them, then whoever builds the model asks for its release again"
    return WayOut(f"mend the data, then {command}", f"{done}. {_SEND}{command}")


def registered(dossier: Dossier) -> WayOut:
    """Who registered the version says so."""
    command = _command("register", dossier, "--as", "YOUR-ID")
    done = "whoever registered this version says so under her own name, and can then not sign it"
    return WayOut(command, f"{done}. {_SEND}{command}")


def signed(dossier: Dossier) -> WayOut:
    """Somebody who may sign signs."""
    command = _command("sign", dossier, "--alias", dossier.target.alias, "--as", "ID")
    return WayOut(command, "who may sign does so in the console, on the page of the decision")


ADOPTED = WayOut(
    "fairgate policy approve --reason WHY --as ID, by two persons",
    "two persons who may sign approve this policy in the console, on the page Policies",
)


def ways_out(dossier: Dossier) -> tuple[WayOut, ...]:
    """Every way out that is a command, for this version and target."""
    return (audited_again(dossier), data_mended(dossier), registered(dossier), signed(dossier), ADOPTED)


_SEND = "The command to send: "


def _command(verb: str, dossier: Dossier, *options: str) -> str:
    """A command that can be pasted: names come from the registry and may hold anything."""
    return shlex.join(("fairgate", verb, dossier.subject.name, dossier.subject.version, *options))
