"""Rows and favourable labels per level: cuts, merges, declared levels, and what is said of small groups."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from expectations.groups import (
    cut_labels,
    declared_levels,
    group_sizes,
    in_words,
    is_favourable,
    known_values,
    too_small,
)
from expectations.result import GroupColumn


def _sizes(values: list[object], good: list[bool], feature: GroupColumn) -> dict[str, tuple[int, int]]:
    kind = "float64" if feature.cuts else "str"
    return group_sizes(pd.Series(values, dtype=kind), np.array(good), feature)


def test_rows_and_favourable_labels_are_counted_by_level() -> None:
    found = _sizes(["f", "m", "m", "m"], [True, False, True, True], GroupColumn("sex", "sex"))
    assert found == {"f": (1, 1), "m": (3, 2)}


def test_a_row_without_a_value_is_in_no_level() -> None:
    assert _sizes(["f", None, "m"], [True, True, False], GroupColumn("sex", "sex")) == {"f": (1, 1), "m": (1, 0)}


def test_nothing_but_nulls_makes_no_level() -> None:
    assert _sizes([None, None], [True, False], GroupColumn("sex", "sex")) == {}
    assert _sizes([None, None], [True, False], GroupColumn("age", "age", cuts=(25.0,))) == {}


def test_the_lower_end_belongs_to_the_level_that_it_opens() -> None:
    feature = GroupColumn("age", "age", cuts=(25.0, 40.0), labels=("young", "middle", "old"))
    found = _sizes([24.9, 25, 39, 40, None], [True, True, False, False, True], feature)
    assert found == {"young": (1, 1), "old": (1, 0), "middle": (2, 1)}


def test_cuts_without_labels_are_named_as_the_audit_names_them() -> None:
    from audits.levels import cut_labels as of_the_audit

    assert cut_labels((25.0, 40.5)) == of_the_audit((25.0, 40.5)) == ("<25", "25-<40.5", ">=40.5")


def test_merged_values_are_one_level() -> None:
    feature = GroupColumn("sex", "status", merge=(("female", ("A92",)), ("male", ("A91", "A93"))))
    found = _sizes(["A92", "A91", "A93", "A99"], [True, True, True, False], feature)
    assert found == {"female": (1, 1), "A99": (1, 0), "male": (2, 2)}


@pytest.mark.parametrize(
    ("value", "declared", "same"),
    [("1", "1.0", True), ("true", "True", True), ("yes", "Yes", False), ("0", "1", False), (">50K", ">50K", True)],
)
def test_which_label_is_favourable(value: str, declared: str, same: bool) -> None:
    assert is_favourable(pd.Series([value, None], dtype="str"), declared).tolist() == [same, False]


def test_a_declared_level_that_does_not_occur_has_nobody() -> None:
    assert too_small({"f": 40, "m": 50}, ("f", "m", "x"), 30) == {"x": 0}
    assert too_small({"f": 30}, ("f",), 30) == {}
    assert too_small({"f": 29}, (), 30) == {"f": 29}


def test_only_declared_levels_are_named() -> None:
    said = in_words({"Secret": 2, "f": 3, "Hidden": 4}, ("f", "m"), "rows")
    assert said == "f has 3 rows; 2 groups that the plan does not name have 2 to 4 rows"


def test_many_small_groups_are_counted_and_not_listed() -> None:
    small = {f"g{number}": number for number in range(9)}
    said = in_words(small, tuple(small), "rows")
    assert "5 more declared groups" in said
    assert "g8" not in said


def test_the_values_that_make_declared_levels() -> None:
    merged = GroupColumn("sex", "s", merge=(("female", ("A92",)),), levels=("female", "A91"))
    assert known_values(merged) == ("A92", "female", "A91")
    assert known_values(GroupColumn("sex", "s")) == ()
    assert known_values(GroupColumn("age", "a", cuts=(25.0,), levels=("<25", ">=25"))) == ()
    assert declared_levels(GroupColumn("age", "a", cuts=(25.0,))) == ("<25", ">=25")
    assert declared_levels(GroupColumn("sex", "s", merge=(("female", ("A92",)),))) == ("female",)
