"""What most tests of acts of people begin with: a desk on a real ledger, and a case that waits for two sign-offs."""

from __future__ import annotations

from pathlib import Path

import governance_factory as factory
import pytest
from governance_factory import Clock, FakeRegistry

from governance.case import Case
from governance.desk import Desk


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry() -> FakeRegistry:
    return factory.fake_registry()


@pytest.fixture
def desk(tmp_path: Path, clock: Clock) -> Desk:
    return factory.new_desk(tmp_path, clock)


@pytest.fixture
def case(desk: Desk, registry: FakeRegistry) -> Case:
    return factory.held_case(desk, registry)
