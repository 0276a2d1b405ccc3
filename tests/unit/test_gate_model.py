"""The gate keeps its rules in every history of a small world; and where one rule is taken out, that is found."""

from __future__ import annotations

import pytest
from gate_faults import FAULTS, Fault, seed
from gate_model import Scene, answers, check, graph_of, opening
from gate_oracle import Act
from gate_scenes import ASKED, GLASS, REGISTER, RELEASED, SCENES

CHAMPION = ("A1", "champion")


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_the_rules_hold_in_every_history(scene: Scene) -> None:
    violation = check(graph_of(scene))
    assert violation is None, str(violation)


def test_many_states_are_explored() -> None:
    sizes = {scene.name: len(graph_of(scene).states) for scene in SCENES}
    distinct = {world.key() for scene in SCENES for world in graph_of(scene).states}
    assert len(distinct) > 10_000, sizes


def test_release_refusal_and_emergency_are_reached() -> None:
    """Rules that never let anything happen would be kept too."""
    for acts, outcome in (
        (RELEASED, "RELEASED"),
        ((REGISTER, *GLASS), "RELEASED"),
        ((*RELEASED, Act("refuse", "bob", "model-risk")), "REFUSED"),
        (ASKED, "HELD"),
    ):
        world = opening()
        for act in acts:
            world = world.after(act)
        assert answers(world) == {CHAMPION: outcome}


def test_every_scene_holds_every_outcome() -> None:
    """The first states by outcome: a scene in which nothing is ever released would show nothing."""
    for scene in SCENES:
        found = {outcome for world in graph_of(scene).states[:2_000] for outcome in answers(world).values()}
        assert {"HELD", "RELEASED"} <= found, scene.name
        if any(act.kind == "refuse" for act in scene.menu):
            assert "REFUSED" in found, scene.name


# --- seeded faults -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.words.replace(" ", "-"))
def test_a_rule_that_is_taken_out_is_found(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = graph_of(fault.scene)
    seed(fault, monkeypatch)
    violation = check(graph, twice=False)
    assert violation is not None, f"nobody sees that {fault.words}"
    assert violation.trace in {world.trace() for world in graph.states}
