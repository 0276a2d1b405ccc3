"""The drafted plan: what is guessed parses, what is not guessed is refused by name."""

from __future__ import annotations

import re
import tomllib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.plan_draft import draft_plan
from audits.plan_file import read_plan
from audits.table import ColumnSummary
from governance.errors import ConfigurationError

TODAY = date(2026, 11, 1)


def texts(name: str, *values: str, nulls: int = 0) -> ColumnSummary:
    return ColumnSummary(name, "VARCHAR", len(values), nulls, None, None, values)


def numbers(name: str, low: float, high: float, *, distinct: int = 60, kind: str = "BIGINT") -> ColumnSummary:
    return ColumnSummary(name, kind, distinct, 0, low, high, ())


ID = ColumnSummary("applicant_id", "VARCHAR", 2_000, 0, None, None, ())
HIRING = (
    ID,
    texts("Sex", "female", "male"),
    numbers("age", 18, 70),
    texts("department", "it", "sales", nulls=3),
    numbers("wage", 0.5, 9.25, kind="DOUBLE"),
    texts("hired", "no", "yes"),
)
INPUTS = ("department", "wage")


def draft(columns: tuple[ColumnSummary, ...] = HIRING, **more: object) -> str:
    given = {"signature_inputs": INPUTS, "source": "data/applicants.parquet", "today": TODAY, **more}
    return draft_plan("hiring", columns, **given)  # type: ignore[arg-type]


def refusal(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_plan(text.encode())
    return str(caught.value)


def test_a_draft_has_no_empty_tables_and_marks_every_guess() -> None:
    plain = draft(
        (numbers("wage", 0.0, 9.0), texts("hired", "no", "yes"), texts("sex", "f", "m")), signature_inputs=("wage",)
    )
    assert "[quality.ranges]" in plain
    assert "[quality.categories]" not in plain
    only_text = draft(
        (texts("team", "a", "b"), texts("hired", "no", "yes"), texts("sex", "f", "m")), signature_inputs=("team",)
    )
    assert "[quality.ranges]" not in only_text
    assert "[quality.categories]" in only_text
    for text in (plain, only_text):
        assert read_plan(text.encode()).label == "hired"
        for key in ("newer", "registrant", "label", "impact"):
            assert "CHECK" in next(line for line in text.splitlines() if line.removeprefix("# ").startswith(f"{key} ="))


def test_a_draft_with_every_guess_made_is_a_plan() -> None:
    plan = read_plan(draft().encode())
    assert (plan.model, plan.label, plan.favourable, plan.decided_at) == ("hiring", "hired", "yes", TODAY)
    assert plan.key == ("applicant_id",)
    assert [feature.name for feature in plan.sensitive_features] == ["Sex", "age"]
    assert plan.sensitive_features[0].levels == ("female", "male")
    assert plan.sensitive_features[1].cuts == (40.0,)
    assert plan.intersections == (("Sex", "age"),)
    assert plan.quality.nullable == ("department",)
    assert plan.quality.categories == (("department", ("it", "sales")),)
    assert plan.quality.ranges == ()


def test_every_guess_is_marked_and_ranges_wait_for_a_person() -> None:
    lines = draft().splitlines()
    for guess in (
        "label =",
        "favourable =",
        "key =",
        "levels =",
        "cuts =",
        "intersections =",
        "nullable =",
        "decided_at =",
    ):
        assert [line for line in lines if line.startswith(guess) and "# CHECK" in line], guess
    assert '# "wage" = [0.5, 9.25]' in lines


def test_a_wage_is_no_age_and_a_page_is_none() -> None:
    plan = read_plan(draft((*HIRING, numbers("page", 0, 90), numbers("usage", 0, 90))).encode())
    assert [feature.name for feature in plan.sensitive_features] == ["Sex", "age"]


@pytest.mark.parametrize(
    "name",
    [
        "gender",
        "Race",
        "raceEthnicity",
        "marital-status",
        "religion",
        "HasDisability",
        "personal_status",
        "nationality",
    ],
)
def test_sensitive_names_are_found(name: str) -> None:
    plan = read_plan(draft((texts(name, "a", "b", "c"), texts("hired", "no", "yes"))).encode())
    assert [feature.column for feature in plan.sensitive_features] == [name]


def test_two_possible_labels_leave_a_placeholder_that_names_them() -> None:
    columns = (HIRING[1], texts("alpha", "no", "yes"), texts("beta", "no", "yes"))
    text = draft(columns)
    assert "still holds the placeholder '<fill in: one of alpha, beta>'" in refusal(text)
    assert "favourable still holds" in refusal(re.sub(r"(?m)^label = .*", 'label = "alpha"', text))
    fixed = re.sub(r"(?m)^favourable = .*", 'favourable = "yes"', re.sub(r"(?m)^label = .*", 'label = "alpha"', text))
    assert read_plan(fixed.encode()).label == "alpha"


def test_an_input_of_the_model_is_no_label() -> None:
    assert "placeholder" in refusal(draft((HIRING[1], texts("hired", "no", "yes")), signature_inputs=("hired",)))


def test_a_label_that_is_given_wins_and_a_wrong_one_is_named() -> None:
    columns = (*HIRING, texts("kept", "no", "yes"))
    assert read_plan(draft(columns, label="kept").encode()).label == "kept"
    with pytest.raises(ConfigurationError, match=r"--label 'hird' is no column of the data; did you mean 'hired'\?"):
        draft(label="hird")


@pytest.mark.parametrize(
    ("label", "favourable"),
    [
        (texts("income", "<=50K", ">50K"), ">50K"),
        (texts("hired", "0", "1"), "1"),
        (texts("approved", "false", "true"), "true"),
        (texts("credit", "1", "2"), None),
        (texts("default", "no", "yes"), None),
        (texts("two_year_recid", "0", "1"), None),
        (texts("hired", "red", "blue"), None),
    ],
    ids=lambda item: getattr(item, "name", item),
)
def test_the_favourable_value_is_guessed_only_where_it_is_plain(label: ColumnSummary, favourable: str | None) -> None:
    text = draft((HIRING[1], label))
    if favourable is None:
        assert f"favourable still holds the placeholder '<fill in: {label.values[0]} or {label.values[1]}>'" in refusal(
            text
        )
    else:
        assert read_plan(text.encode()).favourable == favourable


def test_no_sensitive_column_leaves_a_placeholder() -> None:
    assert "[[sensitive_features]] 1 name still holds the placeholder" in refusal(draft(HIRING[-3:]))


def test_an_age_that_forty_does_not_cut_leaves_a_placeholder() -> None:
    assert "cuts is '<fill in: [25, 60]" in refusal(draft((numbers("age", 50, 90), HIRING[-1])))


def test_a_column_with_too_many_values_is_only_a_comment() -> None:
    many = ColumnSummary("national_origin", "VARCHAR", 120, 0, None, None, ())
    plan = read_plan(draft((many, *HIRING)).encode())
    assert "national_origin" not in [feature.name for feature in plan.sensitive_features]
    assert '# name = "national_origin"' in draft((many, *HIRING))


def test_sex_and_race_are_intersected_first() -> None:
    plan = read_plan(draft((numbers("age", 18, 70), texts("race", "a", "b"), *HIRING[1:2], HIRING[-1])).encode())
    assert plan.intersections == (("Sex", "race"),)


COLUMNS = st.lists(
    st.builds(
        lambda name, values, nulls: ColumnSummary(name, "VARCHAR", len(values), nulls, None, None, tuple(values)),
        st.text(min_size=1, max_size=12) | st.sampled_from(["sex", "race", "id", "label", 'a"b', "a\nb", "# x"]),
        st.lists(st.text(max_size=10), max_size=4, unique=True),
        st.integers(0, 3),
    ),
    max_size=6,
    unique_by=lambda column: column.name,
)


@given(columns=COLUMNS, model=st.text(max_size=20), source=st.text(max_size=20))
@settings(deadline=None)
def test_any_columns_give_toml_that_is_a_plan_or_is_refused_with_a_sentence(
    columns: list[ColumnSummary], model: str, source: str
) -> None:
    text = draft_plan(model, columns, source=source, today=TODAY)
    tomllib.loads(text)
    try:
        read_plan(text.encode())
    except ConfigurationError as error:
        assert str(error).isprintable()
