"""What uploaded files prove, in words: under which key, against which checkpoint, and what they do not prove. Pure.

`governance.ledger.examined` looked at the files; here the ledger of today is asked whether it still holds what they
show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from governance.ledger.examined import BUNDLE, EXPORT, RECEIPT, Examined, Seen, Sent
from governance.ledger.port import Ledger
from governance.ledger.tree import leaf_hash
from reports.ledger_search import entry_at
from reports.words import count, listed, moment, one_line, printable

SHOWN = 60
"""So many other files are listed."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One receipt, export or bundle. tone: met, unmet or unknown. `alarm`: the ledger of today does not hold what it
    shows. A bundle is no `proof`: nobody signs its manifest. `said` is what stands in it, `proves` and `limits` what
    holds of its `kind`.
    """

    kind: str
    title: str
    tone: str
    label: str
    said: tuple[str, ...] = ()
    proves: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    alarm: bool = False
    limits: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    entry: int | None = None
    proof: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """All that was sent of one kind: how many of them hold, and once what each proves and does not prove."""

    title: str
    tone: str
    label: str
    proves: tuple[str, ...]
    limits: tuple[str, ...]
    checked: tuple[Checked, ...]


@dataclass(frozen=True, slots=True)
class FileRow:
    """Another file of the upload, and who names its digest: in what was sent, and in the ledger of this console."""

    name: str
    digest: str
    sent: str
    here: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to an upload. tone: released (it holds), held (there is nothing to say), refused (it does not).

    `said` is the answer in one sentence: what was looked at, of which decision, and how many hold.
    """

    headline: str
    tone: str
    said: str
    groups: tuple[Group, ...]
    files: tuple[FileRow, ...]
    more_files: int
    problems: tuple[str, ...]


def answer(examined: Examined, ledger: Ledger, own_key: str | None, log_key: str, now: datetime) -> Answer:
    """The answer in words, at `now`. `own_key` is this console's log key, `log_key` that of the check."""
    ours = own_key is not None and own_key == log_key
    checked = tuple(_checked(item, ledger, ours=ours) for item in examined.seen)
    files = tuple(_file(item, ledger) for item in examined.others[:SHOWN])
    headline, tone = _headline(checked, files, examined.problems)
    more = max(0, len(examined.others) - SHOWN)
    groups = tuple(_group(kind, [item for item in checked if item.kind == kind]) for kind in _kinds(checked))
    problems = tuple(printable(text, 400) for text in examined.problems)
    return Answer(headline, tone, _in_short(examined.seen, groups, now), groups, files, more, problems)


def _kinds(checked: tuple[Checked, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item.kind for item in checked))


def _group(kind: str, checked: list[Checked]) -> Group:
    """Of several, how many hold, and what any of them proves and does not; of one, its own title and label."""
    tone = next((tone for tone in ("unmet", "unknown") if any(item.tone == tone for item in checked)), "met")
    title, label = checked[0].title, checked[0].label
    if len(checked) > 1:
        holds = [item.label for item in checked if item.tone != "unmet"]
        title, label = _SEVERAL[kind], f"{len(holds)} of {len(checked)} {holds[0] if holds else 'verified'}"
    return Group(title, tone, label, _once(x.proves for x in checked), _once(x.limits for x in checked), tuple(checked))


def _once(found: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for each in found for text in each))


def _in_short(seen: tuple[Seen, ...], groups: tuple[Group, ...], now: datetime) -> str:
    """`Of credit v2 as champion: 8 of 8 receipts hold. The newest, entry 14: ... Looked at on ...`; empty for none."""
    if not groups:
        return ""
    titles = listed(tuple(one_line(item.says, 200) for item in seen if item.kind == BUNDLE and item.says))
    proofs = [group for group in groups if group.checked[0].proof]
    held = listed(tuple(f"{_held(group)} of {_number(group)} hold{_ends(group)}" for group in proofs))
    what = ": ".join(part for part in (f"Of {titles}" if titles else "", held or "no receipt and no export") if part)
    return f"{what[:1].upper()}{what[1:]}. {_newest(seen)}Looked at on {moment(now)}."


def _held(group: Group) -> int:
    return sum(item.tone != "unmet" for item in group.checked)


def _number(group: Group) -> str:
    kind, number = group.checked[0].kind, len(group.checked)
    return f"{number} {kind}{'' if number == 1 else 's'}"


def _ends(group: Group) -> str:
    return "s" if len(group.checked) == 1 else ""


def _newest(seen: tuple[Seen, ...]) -> str:
    """What the newest entry says whose receipt holds, by whom and when; empty where no receipt shows one."""
    shown = [item for item in seen if item.kind == RECEIPT and item.says and not item.problems]
    if not shown:
        return ""
    newest = max(shown, key=lambda item: item.seq or 0)
    which = f"Entry {newest.seq}" if len(shown) == 1 else f"The newest, entry {newest.seq},"
    return f"{which} says: {_entry_words(newest)}. "


def _entry_words(item: Seen) -> str:
    when = moment(datetime.fromisoformat(item.time))
    return f"{printable(item.actor)}, {when}: “{one_line(item.says, 500)}”"


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
        return Checked(item.kind, title, "unmet", "not verified", problems=problems, facts=_facts(item))
    if item.kind == BUNDLE:
        tone, label = ("met", "compared") if item.whole else ("unknown", "compared in part")
        agree = tuple(f"Compared, and they agree: {printable(text, 400)}." for text in item.compared)
        limits = (*(f"Not compared: {printable(text, 400)}." for text in item.not_compared), *_BUNDLE_LIMITS)
        said = (f"It says that it is of: {one_line(item.says, 200)}",)
        return Checked(item.kind, title, tone, label, said, agree, limits=limits, facts=_facts(item), proof=False)
    believed = item.whose == "given"
    differs = tuple(_differences(item, ledger)) if ours and believed else ()
    label = "verified" if believed else "holds in itself"
    return Checked(
        kind=item.kind,
        title=title,
        said=tuple(_says(item)),
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
_SEVERAL = {RECEIPT: "Receipts", EXPORT: "Exports of a ledger", BUNDLE: "Evidence bundles"}
_BUNDLE_LIMITS = (
    "Who made it: nobody signs a manifest. What proves an entry is its receipt; what proves the evidence is the entry "
    "that names its digest, in the list of files below.",
)


def _says(item: Seen) -> Iterator[str]:
    """What this one holds: of a receipt its entry, of an export how many and their root."""
    if item.kind == RECEIPT:
        yield f"Entry {item.seq} of a ledger that had {count(item.size)} entries then."
        if item.says:
            yield f"The entry says: {_entry_words(item)}"
        else:
            yield "What the entry says was kept back: the bundle is for publication and lists its leaf hash alone."
    elif item.size:
        yield f"{count(item.size)} entries, whose tree has the root {item.root}."


def _proves(item: Seen) -> Iterator[str]:
    if item.kind == RECEIPT:
        what = "Exactly these bytes" if item.says else "Bytes with exactly this leaf hash"
        yield f"{what} stood as that entry in the ledger at that time: the signed checkpoint has them."
        return
    yield f"Each of its {count(item.size)} entries is signed by the attestation key that the file names, at its place."
    yield "No entry between the first and the last was dropped, added or changed, and time never goes back."
    if item.size:
        yield "The log key signed the root of their tree."


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
