"""Fifty readers and sixteen signers at the console at once: how long pages take, and whether anything fails.

    python benchmarks/console_load.py [--seconds 60] [--readers 50] [--signers 16] [--think 2] [--json]

The server is `fairgate serve` on a project with 50 models in a process of its own; the clients are two other
processes on the same machine, over loopback alone. Every reader and signer is a person of her own who signs in, opens
a page and reads it for `think` seconds on average (exponential, seeded) before the next. A signer opens a case that
waits, reads it, signs it with her password and a code, and opens the receipt. Prints a Markdown table, and the same
for a trivial FastAPI page in the same run: what of it is the framework, the machine and the clients.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlencode

from console_client import App, Client, hidden

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "benchmarks")]
os.environ.update(DO_NOT_TRACK="1", MLFLOW_DISABLE_TELEMETRY="true")

MODELS, VERSIONS = 50, 2
ALONE = 15
REASON = "The intervals exclude the bound; I read the whole report."


# --- what is opened ------------------------------------------------------------------------------------------------


def _case(page: str) -> Callable[[random.Random, int], str]:
    return lambda draw, _size: f"{page}?{_query(_model(draw.randrange(MODELS)), str(draw.randrange(VERSIONS) + 1))}"


PAGES: dict[str, Callable[[random.Random, int], str]] = {
    "/": lambda _draw, _size: "/",
    "/case": _case("/case"),
    "/case/verdicts": _case("/case/verdicts"),
    "/case/rates": _case("/case/rates"),
    "/case/record": _case("/case/record"),
    "/models": lambda _draw, _size: "/models",
    "/model": lambda draw, _size: f"/model?name={_model(draw.randrange(MODELS))}",
    "/history": lambda _draw, _size: f"/history?on={datetime.now(UTC).date()}",
    "/figures": lambda _draw, _size: "/figures",
    "/people": lambda _draw, _size: "/people",
    "/ledger": lambda _draw, _size: "/ledger",
    "/entry/N": lambda draw, size: f"/entry/{draw.randrange(size)}",
}
"""A page in the table: how its address is drawn. `size`: the entries of the ledger at the start."""


def _model(number: int) -> str:
    return f"hiring-{number:02}"


def _query(name: str, version: str) -> str:
    return urlencode({"name": name, "version": version, "alias": "champion"})


def make_project(folder: Path, readers: int, signers: int) -> tuple[int, dict[str, str]]:
    """50 models in two versions, audited and held, older ones signed by two officers.

    Gives the ledger's size, and the secret of each signer's authenticator app.
    """
    import report_factory as factory
    from console_factory import Ticking, project_desk

    from governance.case import open_case
    from governance.factors import confirm_code
    from governance.people import Person
    from governance.second_factor import code_at, new_secret, step_of

    people = [Person(_reader(n), f"Reader {n}", ("data-science",)) for n in range(readers)]
    people += [Person(_signer(n), f"Officer {n}", ("compliance", "model-risk")) for n in range(signers)]
    clock = Ticking(datetime.now(UTC) - timedelta(days=1))
    desk = project_desk(folder, clock, (*factory.PEOPLE, *people))
    for number in range(MODELS):
        for version in ("1", "2"):
            factory.record_case(desk, version, name=_model(number), audit=factory.audit_of("2"))
        for person, function in (("compliance-officer", "compliance"), ("risk-officer", "model-risk")):
            factory.put_signature(desk, open_case(desk, _model(number), "1", "champion"), person, function)
    secrets = {}
    for person in people[readers:]:
        made = new_secret(desk.accounts, person)
        clock.now += timedelta(seconds=40)
        confirm_code(desk, person, "password at the console", code_at(made.secret, step_of(clock.now)))
        secrets[person.id] = made.secret
    return desk.ledger.size(), secrets


def _reader(number: int) -> str:
    return f"reader-{number}"


def _signer(number: int) -> str:
    return f"officer-{number}"


# --- many clients --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """What one process of clients does. `paths` is the trivial page's, None where the console is opened."""

    port: int
    people: tuple[str, ...]
    seconds: float
    think: float
    size: int
    secrets: tuple[str, ...] = ()
    trivial: bool = False


Found = tuple[list[tuple[str, float]], list[str]]


def crowd(plan: Plan) -> Found:
    """Everybody of the plan at once, in this process: (label, seconds) of each answer, and what failed."""
    return asyncio.run(_crowd(plan))


async def _crowd(plan: Plan) -> Found:
    clients = [Client(plan.port) for _ in plan.people]
    if not plan.trivial:
        await asyncio.gather(*(client.login(who) for client, who in zip(clients, plan.people, strict=True)))
    end = time.perf_counter() + plan.seconds
    each = _signs if plan.secrets else _reads
    await asyncio.gather(*(each(plan, client, number, end) for number, client in enumerate(clients)))
    return [item for client in clients for item in client.times], [item for client in clients for item in client.errors]


async def _reads(plan: Plan, client: Client, number: int, end: float) -> None:
    draw = random.Random(number)
    await asyncio.sleep(draw.random() * plan.think)
    while time.perf_counter() < end:
        label = draw.choice(sorted(PAGES))
        path = "/trivial" if plan.trivial else PAGES[label](draw, plan.size)
        await client.send("trivial" if plan.trivial else label, path)
        await _think(draw, plan.think)


async def _signs(plan: Plan, client: Client, number: int, end: float) -> None:
    """Case after case: read it, sign it, open the receipt. A code counts once, so one person signs every 30 seconds."""
    draw, app = random.Random(1_000 + number), App(plan.secrets[number])
    await asyncio.sleep(draw.random() * plan.think * 2)
    for step in range(MODELS):
        case = _query(_model((number * 3 + step) % MODELS), "2")
        await client.send("/case", f"/case?{case}")
        await _think(draw, plan.think)
        code = await app.code(end)
        if code is None or time.perf_counter() > end:
            return
        text = (await client.send("/case/sign", f"/case/sign?{case}")).text
        start = text.find('action="/sign"')
        if start < 0:
            client.errors.append(f"no form at /case/sign?{case}")
            continue
        answer = await client.send("sign", "/sign", {**_filled(text[start:]), "code": code}, expect=303)
        where = dict(answer.headers).get("location")
        if where:
            await client.send("receipt", where)
        await _think(draw, plan.think)


def _filled(form: str) -> dict[str, str]:
    import report_factory as factory

    function = re.search(r'<option value="([^"]+)"', form[form.index('name="function"') :])
    typed = {"decision": "approve", "reason": REASON, "password": factory.SECRET}
    return {**hidden(form), **typed, "function": function[1] if function else ""}


async def _think(draw: random.Random, mean: float) -> None:
    if mean:
        await asyncio.sleep(min(draw.expovariate(1 / mean), 5 * mean))


# --- the run -------------------------------------------------------------------------------------------------------


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--signers", type=int, default=16)
    parser.add_argument("--think", type=float, default=2, help="seconds between two pages of one person, on average")
    parser.add_argument("--json", action="store_true", help="print the figures instead of the table")
    options = parser.parse_args()
    if not (0 < options.seconds <= 600 and 0 < options.readers <= 200 and 0 <= options.signers <= 64):
        parser.error("at most 600 seconds, 200 readers and 64 signers")
    with tempfile.TemporaryDirectory() as folder:
        found = measure(Path(folder), options)
    print(json.dumps(found, indent=1) if options.json else table(found))
    sys.exit(1 if found["errors"] else 0)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, object]:
    """The console alone and under load, and the trivial page under the same load."""
    from console_factory import served_by_command

    size, secrets = make_project(folder, options.readers, options.signers)
    readers = tuple(_reader(n) for n in range(options.readers))
    signers = tuple(_signer(n) for n in range(options.signers))
    with served_by_command(folder) as (url, pid):
        port = int(url.rpartition(":")[2])
        alone = asyncio.run(_alone(port, size))
        before = _cpu(pid)
        plans = [Plan(port, readers, options.seconds, options.think, size)]
        apps = tuple(secrets[person] for person in signers)
        plans += [Plan(port, signers, options.seconds, options.think, size, apps)] if signers else []
        begun = time.perf_counter()
        times, errors = together(plans)
        wall, cpu = time.perf_counter() - begun, _cpu(pid) - before
    trivial_alone, trivial_times, trivial_errors = _trivial(folder, options, readers)
    return {
        "entries": size, "wall": wall, "cpu": cpu, "argon2": _argon2(), "alone": alone | trivial_alone,
        "times": times + trivial_times, "errors": errors + trivial_errors,
    }  # fmt: skip


def together(plans: Sequence[Plan]) -> Found:
    """Each plan in a process of its own, all at once."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(len(plans), mp_context=context) as pool:
        found = list(pool.map(crowd, plans))
    return [item for times, _ in found for item in times], [item for _, errors in found for item in errors]


async def _alone(port: int, size: int) -> dict[str, float]:
    """Median seconds of each page with nobody else there."""
    client, draw = Client(port), random.Random(7)
    await client.login(_reader(0))
    for _ in range(ALONE):
        for label, path in PAGES.items():
            await client.send(label, path(draw, size))
    if client.errors:
        raise RuntimeError(client.errors[0])
    return {label: statistics.median(t for name, t in client.times if name == label) for label in PAGES}


def _trivial(
    folder: Path, options: argparse.Namespace, readers: tuple[str, ...]
) -> tuple[dict[str, float], list[tuple[str, float]], list[str]]:
    from console_factory import served_by_command

    with served_by_command(folder, (str(Path(__file__).with_name("trivial_page.py")),)) as (url, _):
        port = int(url.rpartition(":")[2])
        client = Client(port)
        alone = statistics.median(asyncio.run(_many(client)))
        times, errors = together([Plan(port, readers, min(options.seconds, 20), options.think, 0, trivial=True)])
    return {"trivial": alone}, times, errors


async def _many(client: Client) -> list[float]:
    for _ in range(100):
        await client.send("trivial", "/trivial")
    return [seconds for _, seconds in client.times]


def _argon2() -> float:
    """Processor seconds of one check of a password, as the accounts do it."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher()
    stored = hasher.hash("correct horse battery staple")
    begun = time.process_time()
    for _ in range(5):
        hasher.verify(stored, "correct horse battery staple")
    return (time.process_time() - begun) / 5


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table(found: dict) -> str:
    """The figures as Markdown."""
    by_label: dict[str, list[float]] = {}
    for label, seconds in found["times"]:
        by_label.setdefault(label, []).append(seconds * 1_000)
    lines = ["| what | answers | alone p50 ms | p50 ms | p95 ms | max ms |", "|---|---|---|---|---|---|"]
    lines += [_row(label, values, found["alone"].get(label)) for label, values in sorted(by_label.items())]
    pages = [value for label, values in by_label.items() if label in (*PAGES, "/case/sign") for value in values]
    lines.append(_row("**all pages**", pages, None))
    trivial = _p95(by_label["trivial"])
    signs, asked = len(by_label.get("sign", [])), len(by_label.get("sign", [])) + len(by_label.get("sign in", []))
    argon = found["argon2"] * asked
    lines += [
        "",
        f"{found['entries']} ledger entries at the start, {os.cpu_count()} cores; errors: {len(found['errors'])}",
        f"pages p95 {_p95(pages):.0f} ms, {_p95(pages) / trivial:.1f} times the trivial page's {trivial:.1f} ms",
        f"{len(pages) / found['wall']:.1f} pages/s, {signs / found['wall']:.2f} signs/s over {found['wall']:.0f} s",
        f"server: {found['cpu']:.1f} s of processor time ({found['cpu'] / found['wall']:.2f} cores); argon2 "
        f"{found['argon2'] * 1_000:.0f} ms each, {asked} times = {argon / found['cpu']:.0%} of it",
        *sorted(set(found["errors"]))[:10],
    ]
    return "\n".join(lines)


def _row(label: str, values: list[float], alone: float | None) -> str:
    single = f"{alone * 1_000:.1f}" if alone else ""
    p50, p95 = statistics.median(values), _p95(values)
    return f"| {label} | {len(values)} | {single} | {p50:.0f} | {p95:.0f} | {max(values):.0f} |"


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, -(-len(values) * 95 // 100) - 1)]


if __name__ == "__main__":
    main()
