"""What every ledger must be after its writers or its server were killed."""

from __future__ import annotations

import random
import time
from typing import Any

from fault_counts import Tally
from fault_processes import Worker
from fault_work import leave
from ledger_factory import sign_off

from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger


def judged(tally: Tally, ledger: SqlLedger, said: list[dict[str, Any]], where: str) -> None:
    """Every acknowledged entry is there and is the only one in its place, the ledger verifies, and it goes on."""
    try:
        problems = verify_ledger(ledger).problems
        entries = list(ledger.entries())
        again = ledger.append(sign_off(0)).seq
    finally:
        leave(ledger)
    found = {entry.seq: entry.leaf_hash.hex() for entry in entries}
    promised = [item for item in said if "seq" in item]
    wrong = [item for item in said if "seq" not in item]
    lost = [item for item in promised if found.get(item["seq"]) != item["leaf"]]
    gap = sorted(found) != list(range(len(found)))
    forks = len(promised) - len({item["seq"] for item in promised})
    tally.acknowledged += len(promised)
    tally.lost += len(lost)
    tally.damaged += bool(problems) or gap
    if problems or lost or wrong or gap or forks or again != len(found):
        tally.amiss.append(f"{where}: {problems} lost {lost} gap {gap} forks {forks} {wrong} next {again}")


def some_time(dice: random.Random, writers: list[Worker], seconds: float) -> None:
    """A random moment, during which everything that is said is heard."""
    until = time.monotonic() + dice.uniform(0, seconds)
    while time.monotonic() < until:
        for writer in writers:
            writer.hear_what_is_there()
        time.sleep(0.0005)
