"""docs/metrics.md names every metric that there is, with the source and the library call that the code names."""

from __future__ import annotations

from pathlib import Path

from audits.composite import COMPOSITES
from audits.metrics import METRICS, WORST_CASES, Better
from audits.share import Row

DOCUMENT = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
LINES = {line.split("`")[1]: line for line in DOCUMENT.splitlines() if line.startswith("| `")}
ROWS = [Row(outcome, prediction, 1, 1, 1) for outcome in (True, False) for prediction in (True, False)]


def test_the_catalogue_names_every_metric_and_no_other() -> None:
    assert list(LINES) == [*METRICS, *COMPOSITES]


def test_source_and_library_call_are_those_of_the_code() -> None:
    for name, metric in METRICS.items():
        _, call = metric.source.split("; ") if "; " in metric.source else ("", metric.source)
        assert call.replace(", pos_label=0", "").rpartition(".")[2] in LINES[name]


def test_events_are_part_of_the_denominator_and_complements_share_it() -> None:
    kinds = {name: metric.share(ROWS) for name, metric in METRICS.items()}
    assert all(0 < share.events < share.n for share in kinds.values())
    for one, other in (("true_positive_rate", "false_negative_rate"), ("false_positive_rate", "true_negative_rate")):
        for row in ROWS:
            first, second = METRICS[one].share([row]), METRICS[other].share([row])
            assert first.n == second.n == first.events + second.events


def test_what_is_better_is_said_where_it_is_not_evident() -> None:
    better = {name: metric.better for name, metric in METRICS.items()}
    assert {name for name, end in better.items() if end is Better.LOWER} == {"false_negative_rate"}
    assert {name for name, end in better.items() if end is Better.HIGHER} == {
        "selection_rate",
        "true_positive_rate",
        "accuracy",
    }
    assert {metric for metrics in WORST_CASES.values() for metric in metrics} <= METRICS.keys()
