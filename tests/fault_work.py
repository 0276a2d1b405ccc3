"""What the processes of the fault tests do, and the one process that imports everything and forks them.

A forked worker starts in milliseconds instead of a second. It speaks over a socket that keeps messages whole: what
it has said before it is killed can be heard, and nothing of what it did not finish saying.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

from ledger_factory import ledger_at, now, sign_off

from governance.errors import FairgateError
from governance.evidence import EvidenceStore
from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.statement import Entry


class Talk:
    """One end of a worker's socket: JSON messages, each whole or not there. None: the other end is dead."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def say(self, **message: Any) -> None:
        self.end.send(json.dumps(message).encode())

    def hear(self) -> dict[str, Any] | None:
        try:
            data = self.end.recv(1 << 20)
        except ConnectionResetError:
            return None
        return json.loads(data) if data else None


def acknowledged(entry: Entry) -> dict[str, Any]:
    """What an append promised."""
    return {"seq": entry.seq, "leaf": entry.leaf_hash.hex()}


def told(act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the act answers; an error of Fairgate by its name and message; anything else is a crash."""
    try:
        return act()
    except FairgateError as error:
        return {"error": type(error).__name__, "message": str(error)}
    except Exception:  # noqa: BLE001 - as below
        return {"crash": traceback.format_exc()}


def ledger_of(folder: Path, url: str | None = None) -> SqlLedger:
    """The ledger of a folder, or the one at `url` with its keys in the folder."""
    return ledger_at(folder) if url is None else SqlLedger(url, open_keys(folder / "keys"), now)


def leave(ledger: SqlLedger) -> None:
    """Close the connections of this process. The last one of all to leave a SQLite file folds its log in."""
    ledger.database.engine.dispose()  # type: ignore[attr-defined]


def append_on(talk: Talk, folder: str, writer: int, url: str | None = None) -> None:
    """Append until killed; say each acknowledged entry. An error is said once, and the next append tries again."""
    ledger = ledger_of(Path(folder), url)
    for number in count(writer * 1_000_000):
        answer = told(partial(_append, ledger, number))
        talk.say(**answer)
        if "seq" not in answer:
            time.sleep(0.05)


def _append(ledger: SqlLedger, number: int) -> dict[str, Any]:
    return acknowledged(ledger.append(sign_off(number)))


def read_on(talk: Talk, folder: str) -> None:
    """Verify until killed; say each time what was amiss."""
    ledger = ledger_of(Path(folder))
    while True:
        report = verify_ledger(ledger)
        talk.say(size=report.size, problems=report.problems[:3])


def append_told(talk: Talk, folder: str, warm: bool, text: int = 0, close: bool = False) -> None:
    """Two appends once told to; `warm` opens the ledger and appends before. Says what each answered."""
    ledger = ledger_at(Path(folder)) if warm else None
    if ledger is not None:
        ledger.append(sign_off(1_000))
    talk.say(ready=True)
    talk.hear()
    for number in (1_001, 1_002):

        def act(number: int = number) -> dict[str, Any]:
            nonlocal ledger
            ledger = ledger or ledger_at(Path(folder))
            entry = ledger.append(sign_off(number, text="x" * text), idempotency_key=f"key-{number}")
            if close:
                leave(ledger)
            return acknowledged(entry)

        talk.say(**told(act))


def append_and_leave(talk: Talk, folder: str, turns: int, synchronous: str = "FULL") -> None:
    """Once told to, `turns` times: open the ledger, append twice, say each, and leave, which folds the log in."""
    talk.say(ready=True)
    talk.hear()
    for turn in range(turns):
        ledger = ledger_at(Path(folder))
        if synchronous != "FULL":
            with ledger.reading() as snapshot:  # the pool has one connection: the appends meet it again
                snapshot.connection.exec_driver_sql("ROLLBACK")
                snapshot.connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        for place in range(2):
            talk.say(**told(partial(_append, ledger, 500 + turn * 2 + place)))
        leave(ledger)


def put_told(talk: Talk, folder: str, size: int) -> None:
    """Keep `size` bytes of evidence twice once told to; says what each answered."""
    store = EvidenceStore(Path(folder))
    talk.say(ready=True)
    talk.hear()
    for _ in range(2):
        talk.say(**told(lambda: {"digest": store.put(b"e" * size)}))


WORK: dict[str, Callable[..., None]] = {
    work.__name__: work for work in (append_on, read_on, append_told, append_and_leave, put_told)
}


def _warm() -> None:
    """Import, and use once, everything that is imported on first use."""
    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_at(Path(folder))
        ledger.append(sign_off(1))
        assert verify_ledger(ledger).problems == ()
        leave(ledger)


def _die_with_parent() -> None:
    """Linux: be killed when the process that started this one ends, however it ends (prctl, PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _work(talk: Talk) -> None:
    order = talk.hear() or {}
    os.setpgid(0, order.pop("group", 0))
    talk.say(pid=os.getpid())
    try:
        WORK[order.pop("work")](talk, **order)
    except Exception:  # noqa: BLE001 - whatever it is, the test must hear of it
        talk.say(crash=traceback.format_exc())


def serve(address: str, modules: list[str]) -> None:
    """Fork a worker for each connection, until killed. `modules` add work of their own to WORK."""
    _die_with_parent()
    for module in modules:
        __import__(module).warm()
    _warm()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the workers: they leave no zombies
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    listener.listen(64)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while True:
        end, _ = listener.accept()
        if os.fork() == 0:
            _die_with_parent()
            listener.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            try:
                _work(Talk(end))
            finally:
                os._exit(0)  # nothing is closed or flushed on the way out: a worker ends as a killed one does
        end.close()


if __name__ == "__main__":
    import fault_work  # not __main__: modules that add work must meet the same WORK

    fault_work.serve(sys.argv[1], sys.argv[2:])
