"""The gate on a real ledger, real accounts and a real MLflow registry: random acts of people, machines and time.

After every act the answer of the gate is what `gate_oracle` works out from what was done, and what is live is what the
ledger says. `FAULTS=full` runs many more examples than `make test`.
"""

from __future__ import annotations

import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from gate_model import PEOPLE, POLICIES, TARGETS, conditions, evidence_of, policy_bytes, registration
from gate_oracle import BYTES, DELEGATION_DAYS, FUNCTIONS, VERSIONS, Act, Event, Question, excluded, expected
from governance_factory import ATTESTED, SECRET, Clock, mlflow_uri, subject_from
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from plea_factory import by, plea
from postgres_server import absent, postgres_server, run

from flows.reconciling import check_live, finish_approved
from flows.settings import read_settings
from governance.accounts import Accounts
from governance.adoption import approve_policy
from governance.case import Case, case_of
from governance.casefile import subject_of
from governance.charter_record import key_event
from governance.delegating import delegate
from governance.desk import Desk, use_policy
from governance.emergency import break_glass
from governance.enrolment import dismiss
from governance.errors import Exit, FairgateError
from governance.evidence import EvidenceStore
from governance.fulfilling import Fulfilment, fulfil
from governance.ledger.keys import open_keys
from governance.ledger.sql import SqlLedger
from governance.ledger.verify import verify_ledger
from governance.people import MACHINE, actor
from governance.registry.manifest import manifest_to_json
from governance.registry.mlflow_registry import MlflowRegistry
from governance.release import live_step, promote, record_hold
from governance.signoff import Wish, sign, withdraw
from governance.statement import Entry
from governance.subject import Subject
from governance.verification import verify

FULL = os.environ.get("FAULTS") == "full"
EXAMPLES, STEPS = (150, 40) if FULL else (5, 20)
EXITS = {"RELEASED": Exit.DONE, "HELD": Exit.HELD, "REFUSED": Exit.REFUSED}
SIGNERS, LABELS = st.sampled_from(["ann", "bob", "reg", "dee"]), st.sampled_from(["A1", "A1", "A1", "B1", "A2"])
ALIASES = st.sampled_from(["champion", "champion", "champion", "production"])

T = TypeVar("T")
Databases = Callable[[Path], tuple[str, str]]
"""Makes empty databases for a ledger and for accounts; returns their addresses."""


class Gate(RuleBasedStateMachine):
    """One installation, and the history that the oracle judges by."""

    _numbers = itertools.count()

    def __init__(self, databases: Databases, registry: MlflowRegistry) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="gate"))
        self.clock, self.registry, self.name = Clock(), registry, f"hiring-{next(self._numbers)}"
        ledger, accounts = databases(self.folder)
        self.desk = Desk(
            ledger=SqlLedger(ledger, open_keys(self.folder / "keys"), self.clock),
            evidence=EvidenceStore(self.folder / "evidence"),
            accounts=Accounts(accounts, self.clock),
            policy=POLICIES["P1"],
            policy_bytes=policy_bytes("P1"),
            environment="local",
            clock=self.clock,
        )
        for person in PEOPLE.values():
            self.desk.ledger.append(key_event("added", person, MACHINE))
            self.desk.accounts.add(person, SECRET)
        use_policy(self.desk, MACHINE)
        self.settings = read_settings({}, self.folder)
        self.past: tuple[Event, ...] = ()
        self.policy, self.outside = "P1", False
        self.subjects: dict[str, Subject] = {}
        self.disk = {"1": "A", "2": "A"}
        self._versions()

    def _versions(self) -> None:
        client = self._client()
        client.create_registered_model(self.name)
        for version, content in self.disk.items():
            place = self.folder / f"model-{version}"
            place.mkdir()
            (place / "MLmodel").write_bytes(b"flavors: {}\n")
            (place / "model.bin").write_bytes(content.encode())
            client.create_model_version(self.name, str(place))

    def _client(self) -> Any:
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.registry.uri, registry_uri=self.registry.uri)

    # --- what is done ---------------------------------------------------------------------------------------------

    @initialize(story=st.sampled_from(["nothing", "asked", "released", "released", "glass"]))
    def begin(self, story: str) -> None:
        if story != "nothing":
            self.register("reg", "A1")
            self.audit("reg", "A1", "r1")
        if story == "released":
            self.ask("reg", "A1", "champion")
            self.both_sign("A1", "champion")
            self.promote("A1", "champion")
        if story == "glass":
            self.glass("ann", "A1", "champion")
            self.glass("bob", "A1", "champion")

    @rule(who=st.sampled_from(["reg", "reg", "dee"]), label=LABELS)
    def register(self, who: str, label: str) -> None:
        found = self.registry.version(self.name, VERSIONS[label])
        if self.disk[VERSIONS[label]] != BYTES[label]:
            return  # nobody can register bytes that are not there
        manifest = self.registry.manifest(found)
        self.desk.evidence.put(manifest_to_json(manifest))
        self.subjects[label] = subject_from(found, manifest)
        act = Act("register", who, subject=label)
        self._done(act, self.desk.ledger.append(registration(self.subjects[label], act)))

    @rule(who=st.sampled_from(["reg", "reg", "dee"]), label=LABELS, kind=st.sampled_from(["r1", "r1", "r2", "adverse"]))
    def audit(self, who: str, label: str, kind: str) -> None:
        self._evidence(Act("audit", who, subject=label, detail=kind))

    @rule(label=LABELS, found=st.sampled_from(["quiet", "quiet", "adverse"]))
    def monitor(self, label: str, found: str) -> None:
        self._evidence(Act("monitor", subject=label, detail=found))

    def _evidence(self, act: Act) -> None:
        if act.subject in self.subjects:
            for statement in evidence_of(self.subjects[act.subject], self.desk.policy, act):
                entry = self.desk.ledger.append(statement)
            self._done(act, entry)

    @rule(who=SIGNERS, label=LABELS, alias=ALIASES)
    def ask(self, who: str, label: str, alias: str) -> None:
        if label in self.subjects:
            entry = record_hold(self.desk, self._case(label, alias), actor(PEOPLE[who]))
            self._done(Act("ask", who, subject=label, target=alias), entry)

    @rule(
        who=SIGNERS,
        label=LABELS,
        alias=ALIASES,
        function=st.sampled_from(["compliance", "model-risk"]),
        decision=st.sampled_from(["approve"] * 4 + ["refuse"]),
        terms=st.sampled_from(["", "", "dee", "ann"]),
    )
    def sign(self, who: str, label: str, alias: str, function: str, decision: str, terms: str = "") -> None:
        if label not in self.subjects or self._left(who):
            return
        case, act = self._case(label, alias), Act(decision, who, function, label, alias, terms=terms)
        wish = Wish(
            function,
            decision,
            "read",
            case.shown(),
            "password",
            assurance=ATTESTED,
            conditions=conditions(act, self.clock.now),
        )
        entry = self._tried(lambda: sign(self.desk, case, PEOPLE[who], wish))
        if entry is None:
            return
        behalf = entry.statement.body["on_behalf_of"]
        assert excluded(self.past, label).isdisjoint({who, behalf}), "who made it has signed it"
        assert function in FUNCTIONS[behalf or who], "a function that neither holds"
        self._done(replace(act, detail=f"for {behalf}" if behalf else ""), entry)

    @rule(label=LABELS, alias=ALIASES)
    def both_sign(self, label: str, alias: str) -> None:
        """Chance alone seldom brings the two together on one report."""
        self.sign("ann", label, alias, "compliance", "approve")
        self.sign("bob", label, alias, "model-risk", "approve")

    @rule(who=SIGNERS, label=LABELS, alias=ALIASES, giver=SIGNERS)
    def meet(self, who: str, label: str, alias: str, giver: str) -> None:
        if label not in self.subjects or self._left(who):
            return
        case = self._case(label, alias)
        given = [
            x for x in case.dossier.sign_offs if x.conditions and x.approver.id == giver and x.target == case.target
        ]
        if given:
            said = Fulfilment(given[-1].seq, 1, "seen", "password")
            entry = self._tried(lambda: fulfil(self.desk, case, PEOPLE[who], said))
            assert entry is None or who != given[-1].conditions[0].owner, "its owner alone says that it is met"
            behalf = entry.statement.body["on_behalf_of"] if entry else None
            self._done(Act("met", who, f"for {behalf}" if behalf else "", label, alias, giver), entry)

    @rule(label=LABELS, alias=ALIASES, who=st.sampled_from(["ann", "bob"]))
    def sign_on_terms(self, label: str, alias: str, who: str) -> None:
        """Chance alone seldom lets an approval on terms be given, and met."""
        self.sign("ann", label, alias, "compliance", "approve", "dee")
        self.sign("bob", label, alias, "model-risk", "approve", "dee")
        self.meet(who, label, alias, who)

    @rule(who=SIGNERS, label=LABELS, alias=ALIASES)
    def glass(self, who: str, label: str, alias: str) -> None:
        if label in self.subjects and not self._left(who):
            case = self._case(label, alias)
            entry = self._tried(lambda: break_glass(self.desk, case, PEOPLE[who], plea(72, "fire"))[0])
            self._done(Act("glass", who, subject=label, target=alias), entry)

    @rule(who=st.sampled_from(["ann", "bob"]), label=LABELS, alias=ALIASES)
    def withdraw(self, who: str, label: str, alias: str) -> None:
        if label in self.subjects and not self._left(who):
            case = self._case(label, alias)
            entry = self._tried(lambda: withdraw(self.desk, case, by(PEOPLE[who]), "seen too late")[-1])
            self._done(Act("withdraw", who, subject=label, target=alias, detail="all"), entry)

    @rule(who=st.sampled_from(["ann", "reg", "bob"]), function=st.sampled_from(["compliance", "model-risk"]))
    def delegate(self, who: str, function: str) -> None:
        if not self._left(who):
            until = self.clock.now + timedelta(days=DELEGATION_DAYS)
            given = self._tried(lambda: delegate(self.desk, PEOPLE[who], "dee", function, until, "holiday", "password"))
            self._done(Act("delegate", who, function, detail="dee"), given)

    @rule(policy=st.sampled_from(["P1", "P2"]))
    def configure(self, policy: str) -> None:
        self.policy = policy
        self.desk = replace(self.desk, policy=POLICIES[policy], policy_bytes=policy_bytes(policy))
        use_policy(self.desk, MACHINE)

    @rule(who=SIGNERS)
    def endorse(self, who: str) -> None:
        if not self._left(who):
            entry = self._tried(lambda: approve_policy(self.desk, PEOPLE[who], "read", "password")[0])
            self._done(Act("endorse", who, detail=self.policy), entry)

    @rule(who=st.sampled_from(["ann", "dee", "reg"]), dice=st.integers(0, 3))
    def disable(self, who: str, dice: int) -> None:
        if dice == 0 and not self._left(who):
            self._done(Act("disable", who), dismiss(self.desk, who, None))

    @rule(days=st.sampled_from([3, 3, 20]))
    def time_passes(self, days: int) -> None:
        self.clock.forward(days=days)

    @rule(content=st.sampled_from("AB"))
    def bytes_change(self, content: str) -> None:
        """Under version 1, and nobody is told."""
        (self.folder / "model-1" / "model.bin").write_bytes(content.encode())
        self.disk["1"] = content

    @rule(version=st.sampled_from("12"), alias=ALIASES)
    def alias_moved_outside(self, version: str, alias: str) -> None:
        self._client().set_registered_model_alias(self.name, alias, version)
        self.outside = True

    @rule(label=LABELS, alias=ALIASES)
    def promote(self, label: str, alias: str) -> None:
        if label not in self.subjects:
            return
        case = self._case(label, alias)
        wanted = self._expected(label, case) == "RELEASED" and self.disk[VERSIONS[label]] == BYTES[label]
        done = self._watched(lambda: self._tried(lambda: promote(self.desk, self.registry, case)))
        assert (done is not None) == wanted, f"{label} as {alias}: promoted {done is not None}, must be {wanted}"

    @rule()
    def reconcile(self) -> None:
        def both() -> None:
            finish_approved(self.settings, self.desk, self.registry)
            check_live(self.settings, self.desk, self.registry)

        self._watched(both)

    # --- what must hold -------------------------------------------------------------------------------------------

    @invariant()
    def the_gate_answers_what_the_oracle_answers(self) -> None:
        for label in self.subjects:
            for alias in TARGETS:
                case = self._case(label, alias)
                found, wanted = case.decision.outcome.value, self._expected(label, case)
                said = "; ".join(f"{item.requirement}: {item.reason}" for item in case.decision.missing())
                acts = " -> ".join(str(event.act) for event in self.past)
                assert found == wanted, f"{label} as {alias} is {found} ({said}), must be {wanted}: {acts}"

    @invariant()
    def verify_says_what_is(self) -> None:
        for alias in TARGETS:
            live = self.registry.alias(self.name, alias)
            promotion = live_step(self.desk, self.name, TARGETS[alias])
            assert verify(self.desk, self.registry, self.name, alias).exit_code is self._exit(alias, live, promotion)

    def _exit(self, alias: str, live: object, promotion: Entry | None) -> Exit:
        if live is None or promotion is None:
            return Exit.VERIFICATION_FAILED
        subject = subject_of(promotion.statement.body)
        label = next(label for label, known in self.subjects.items() if known == subject)
        same = getattr(live, "version", None) == VERSIONS[label] and self.disk[VERSIONS[label]] == BYTES[label]
        return EXITS[self._expected(label, self._case(label, alias))] if same else Exit.VERIFICATION_FAILED

    def teardown(self) -> None:
        ledger = self.desk.ledger
        assert isinstance(ledger, SqlLedger)
        report = verify_ledger(ledger)
        assert (report.problems, report.size) == ((), ledger.size())
        for alias in TARGETS:  # the next example shares the registry
            self._client().delete_registered_model_alias(self.name, alias)
        ledger.database.dispose()
        self.desk.accounts.database.dispose()
        shutil.rmtree(self.folder)

    # --- how ------------------------------------------------------------------------------------------------------

    def _case(self, label: str, alias: str) -> Case:
        return case_of(self.desk, self.subjects[label], TARGETS[alias])

    def _expected(self, label: str, case: Case) -> str:
        return expected(self.past, Question(label, case.target.alias, self.policy, case.dossier.now))

    def _left(self, who: str) -> bool:
        """Who was dismissed cannot log in."""
        return any(event.act.kind == "disable" and event.act.who == who for event in self.past)

    def _tried(self, act: Callable[[], Entry]) -> Entry | None:
        """The entry, None where Fairgate refuses the act and says why."""
        try:
            return act()
        except FairgateError as error:
            assert str(error).strip()
            return None

    def _done(self, act: Act, entry: Entry | None) -> None:
        if entry is not None:
            self.past = (*self.past, Event(act, entry.time, self.policy))

    def _watched(self, act: Callable[[], T]) -> T:
        """Whatever alias Fairgate moves points to what the ledger says is live."""
        before = {alias: self.registry.alias(self.name, alias) for alias in TARGETS}
        done = act()
        for alias, target in TARGETS.items():
            now, promotion = self.registry.alias(self.name, alias), live_step(self.desk, self.name, target)
            if now == before[alias]:
                continue
            version = subject_of(promotion.statement.body).version if promotion else None
            assert (now.version if now else None) == version, f"{alias} was moved to {now} without a promotion"
        return done


# --- SQLite and PostgreSQL -----------------------------------------------------------------------------------------


def _files(folder: Path) -> tuple[str, str]:
    return f"sqlite:///{folder / 'ledger.db'}", f"sqlite:///{folder / 'accounts.db'}"


class _Server:
    """A new database for the ledger and the accounts of every example."""

    def __init__(self, address: str) -> None:
        self.address, self.numbers = address, itertools.count()

    def __call__(self, _folder: Path) -> tuple[str, str]:
        name = f"gate{next(self.numbers)}"
        run(self.address, f"CREATE DATABASE {name}")
        one = self.address.replace("/postgres?", f"/{name}?")
        assert one != self.address
        return one, one


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> MlflowRegistry:
    return MlflowRegistry(mlflow_uri(tmp_path_factory.mktemp("mlflow")))


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    if request.param == "sqlite":
        yield _files
        return
    if (reason := absent()) is not None:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="fg-pg-"))  # pytest's own paths are too long for a socket
    try:
        with postgres_server(folder) as address:
            yield _Server(address)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_gate_keeps_its_rules_on_real_stores(databases: Databases, registry: MlflowRegistry) -> None:
    class Here(Gate):
        def __init__(self) -> None:
            super().__init__(databases, registry)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
