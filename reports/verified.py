"""What uploaded files prove, in words: under which key, against which checkpoint, and what they do not prove. Pure.

`governance.ledger.examined` looked at the files; here the ledger of today is asked whether it still holds what they
show.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from governance.ledger.examined import BUNDLE, EXPORT, RECEIPT, Examined, Seen, Sent
from governance.ledger.port import Ledger
from governance.ledger.tree import leaf_hash
from reports.ledger_search import entry_at
from reports.words import count, moment, one_line, printable

SHOWN = 60
"""So many other files are listed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One receipt, export or bundle. tone: met, unmet or unknown. `alarm`: the ledger of today does not hold what it
    shows. A bundle is no `proof`: nobody signs its manifest.
    """

    title: str
    tone: str
    label: str
    proves: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    alarm: bool = False
    limits: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    entry: int | None = None
    proof: bool = True


@dataclass(frozen=True, slots=True)
class FileRow:
    """Another file of the upload, and who names its digest: in what was sent, and in the ledger of this console."""

    name: str
    digest: str
    sent: str
    here: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an upload. tone: released (it holds), held (there is nothing to say), refused (it does not)."""

    headline: str
    tone: str
    checked: tuple[Checked, ...]
    files: tuple[FileRow, ...]
    more_files: int
    problems: tuple[str, ...]


def answer(examined: Examined, ledger: Ledger, own_key: str | None, log_key: str) -> Answer:
    """The answer in words. `own_key` is this console's log key, `log_key` the one that the files were checked under."""
    ours = own_key is not None and own_key == log_key
    checked = tuple(_checked(item, ledger, ours=ours) for item in examined.seen)
    files = tuple(_file(item, ledger) for item in examined.others[:SHOWN])
    headline, tone = _headline(checked, files, examined.problems)
    more = max(0, len(examined.others) - SHOWN)
    return Answer(headline, tone, checked, files, more, tuple(printable(text, 400) for text in examined.problems))


def _headline(checked: tuple[Checked, ...], files: tuple[FileRow, ...], problems: tuple[str, ...]) -> tuple[str, str]:
    if any(item.alarm for item in checked):
        return (
            "The ledger of this console does not hold what these files prove. Tell whoever is accountable.",
            "refused",
        )
    if any(item.tone == "unmet" for item in checked):
        return "Not verified", "refused"
    if problems:
        return "This could not be looked at", "held"
    if not checked:
        known = any(item.here for item in files)
        return ("Files that the ledger names" if known else "Nothing here can be verified"), "held"
    if not any(item.proof for item in checked):
        return "Compared, but nothing in it is proved: it holds no receipt and no export", "held"
    if any(not item.proof and item.tone == "unknown" for item in checked):
        return "Verified in part: what this bundle keeps back could not be compared", "held"
    if any(item.tone == "unknown" for item in checked):
        return "It holds in itself, under a key that this console does not vouch for", "held"
    return "Verified", "released"


def _checked(item: Seen, ledger: Ledger, *, ours: bool) -> Checked:
    title = f"{_TITLES[item.kind]}: {printable(item.name)}"
    if item.problems:
        problems = tuple(printable(text, 500) for text in item.problems)
        return Checked(title, "unmet", "not verified", problems=problems, facts=_facts(item))
    if item.kind == BUNDLE:
        tone, label = ("met", "compared") if item.whole else ("unknown", "compared in part")
        limits = (*(f"Not compared: {printable(text, 400)}." for text in item.not_compared), *_BUNDLE_LIMITS)
        return Checked(title, tone, label, _bundled(item), limits=limits, facts=_facts(item), proof=False)
    believed = item.whose == "given"
    differs = tuple(_differences(item, ledger)) if ours and believed else ()
    label = "verified" if believed else "holds in itself"
    return Checked(
        title=title,
        tone="unmet" if differs else "met" if believed else "unknown",
        label="the ledger differs" if differs else label,
        proves=(*_proves(item), *(_still(item, ledger) if ours and believed and not differs else ())),
        problems=differs,
        alarm=bool(differs),
        limits=tuple(_limits(item, ours=ours)),
        facts=_facts(item),
        entry=item.seq if ours and believed and not differs else None,
    )


_TITLES = {RECEIPT: "Receipt", EXPORT: "Export of a ledger", BUNDLE: "Evidence bundle"}
_BUNDLE_LIMITS = (
    "Who made it: nobody signs a manifest. What proves an entry is its receipt; what proves the evidence is the entry "
    "that names its digest, in the list of files below.",
)


def _bundled(item: Seen) -> tuple[str, ...]:
    """What was compared and agrees, for the release that the manifest names."""
    return (
        f"It says that it is of: {one_line(item.says, 200)}",
        *(f"Compared, and they agree: {printable(text, 400)}." for text in item.compared),
    )


def _proves(item: Seen) -> Iterator[str]:
    if item.kind == RECEIPT:
        yield (
            f"Exactly these bytes stood as entry {item.seq} in the ledger when it had {count(item.size)} entries: "
            f"the signed checkpoint has them."
        )
        if not item.says:
            yield "What the entry says was kept back: the bundle is for publication and lists its leaf hash alone."
            return
        when = moment(datetime.fromisoformat(item.time))
        yield f"The entry says: {printable(item.actor)}, {when}: “{one_line(item.says, 500)}”"
        return
    yield f"Each of its {count(item.size)} entries is signed by the attestation key that the file names, at its place."
    yield "No entry between the first and the last was dropped, added or changed, and time never goes back."
    if item.size:
        yield f"Their tree has the root {item.root}, which the log key signed."


def _still(item: Seen, ledger: Ledger) -> tuple[str, ...]:
    """What the ledger of this console adds: it has the same entries, and how many came since."""
    since = ledger.size() - item.size
    later = f"{count(since)} entr{'y' if since == 1 else 'ies'} came since" if since else "nothing came since"
    return (f"The ledger of this console still holds all of it, unchanged, as its first {count(item.size)}; {later}.",)


def _differences(item: Seen, ledger: Ledger) -> Iterator[str]:
    """Where the ledger of today is not the one that the log key signed then: a rolled back or rewritten ledger."""
    size = ledger.size()
    if size < item.size:
        yield (
            f"The log key signed {count(item.size)} entries, and this console's ledger has {count(size)}: "
            f"entries {size} to {item.size - 1} are gone. It was rolled back, or is a copy of an earlier time."
        )
        return
    if item.seq is not None:
        entry = entry_at(ledger, item.seq)
        if entry is None or leaf_hash(entry.envelope).hex() != item.leaf:
            yield f"Entry {item.seq} of this console's ledger is not that of the receipt: it was changed or replaced."
    last = entry_at(ledger, item.size - 1) if item.size else None
    if item.size and (last is None or last.root.hex() != item.root):
        yield f"The first {count(item.size)} entries of this console's ledger are not those that the log key signed."


def _limits(item: Seen, *, ours: bool) -> Iterator[str]:
    if item.whose == "file":
        yield (
            "Whose ledger it is: the file was checked under the key that it names itself, and that key is not the one "
            "asked for. Bring the log key of that ledger from whoever runs it, and check again."
        )
    elif ours:
        yield (
            "That this console tells the truth about its log key. Who doubts it checks the same files elsewhere, with "
            "a key that was kept elsewhere: fairgate ledger check-receipt, or verify_export.py, needs nothing of this "
            "machine."
        )
    else:
        yield "Whose key you brought: it is taken as you gave it. It is not the log key of this console's ledger."
    if item.kind == RECEIPT:
        yield "That the decision still counts: later entries can withdraw, refuse or replace it."
        yield "That what the entry says is true; only that it was recorded so, by whom the server said it was."
    else:
        yield "That nothing came after its last entry: newer entries can have been left out of the file."
        yield "That the attestation key is the right one: the file brings it along."
    yield "That the server's clock was right."


def _facts(item: Seen) -> tuple[tuple[str, str], ...]:
    named = tuple((f"Names {printable(name)}", digest) for name, digest in item.digests)
    said = (
        ("Log key", printable(item.log_key, 300)),
        ("Checkpoint", f"{count(item.size)} entries, root {item.root}" if item.root else ""),
        ("Leaf hash", item.leaf),
    )
    return (*((name, value) for name, value in said if value), *named)


def _file(item: Sent, ledger: Ledger) -> FileRow:
    found = [
        (subject.name, entry.seq)
        for entry in ledger.entries(digest=item.digest)
        for subject in entry.statement.subjects
        if subject.digest == item.digest
    ]
    return FileRow(printable(item.name), item.digest, _named(item.named), _named(found))


def _named(found: tuple[tuple[str, int], ...] | list[tuple[str, int]]) -> str:
    """`audit-report of entry 11 and 2 more`; empty where nobody names it."""
    if not found:
        return ""
    name, seq = found[0]
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{printable(name)} of entry {seq}{more}"
