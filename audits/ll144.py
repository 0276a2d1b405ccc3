"""Impact ratios as 6 RCNY 5-301 asks for them: sex, race/ethnicity, and both together. There is no pass threshold.

A category's selection rate (or scoring rate: the share strictly above the median of the full sample) over the highest
category's. Persons of unknown category are left out and counted. Categories and spellings come from the pack. A level
that is none of them is shown, but is never the highest: the rule compares with its own categories. A level that seems
to say that nothing is known ("Unknown") is refused, because it would be a category of persons that are none.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from audits.impact import NOTHING, Category, categories_of, decimals, highest, impact_ratio, large_enough, percent
from audits.levels import looks_unknown
from audits.plan import MEDIAN, AuditPlan
from audits.result import UNKNOWN, Cells, RuleTable
from audits.rule_packs import RACE, SEX, ImpactRatioRule, RulePack
from governance.errors import ConfigurationError

_LABELS = {SEX: "sex", RACE: "race/ethnicity"}


@dataclass(frozen=True, slots=True)
class CategoryImpact:
    """One category. `small`: below the rule's minimum share. `ratio` None: left out, or there is none."""

    category: Category
    small: bool
    left_out: bool
    ratio: Fraction | None


def impact_ratios(
    categories: Sequence[Category], rule: ImpactRatioRule, strange: Collection[Category] = ()
) -> tuple[CategoryImpact, ...]:
    """Every category over the highest of those that are not left out (6 RCNY 5-300, impact ratio).

    `strange` are no categories of the rule: none of them is the highest, so that their ratio may be above 1.
    """
    total = sum(item.n for item in categories)
    small = {item for item in categories if not large_enough(item, total, rule.minimum_share)}
    kept = [item for item in categories if not (rule.leave_out_small and item in small)]
    top = highest(item for item in kept if item not in strange)
    return tuple(
        CategoryImpact(item, item in small, item not in kept, impact_ratio(item, top) if item in kept else None)
        for item in categories
    )


def ll144_tables(
    cells: Cells,
    plan: AuditPlan,
    pack: RulePack,
    rule: ImpactRatioRule,
    class_cells: Mapping[str, Cells] | None = None,
) -> tuple[RuleTable, ...]:
    """The three tables, or three for every class that the tool assigns (`class_cells`: class -> cells of all rows).

    In `class_cells` a prediction is True where the tool assigned that class. Raises ConfigurationError where the plan
    has no feature, or more than one, that the pack knows as sex or as race/ethnicity, and where a level of it that is
    no category of the rule seems to say that nothing is known.
    """
    scored = plan.score is not None and plan.score.cutoff == MEDIAN
    for name in (SEX, RACE):
        _refuse_unknown(cells, pack, rule, name)
    named = {f"class {name}: ": cells_of for name, cells_of in (class_cells or {}).items()} or {"": cells}
    return tuple(
        _table(cells_of, _features(cells_of, pack, rule, wanted), prefix, rule, scored=scored)
        for prefix, cells_of in named.items()
        for wanted in ((SEX,), (RACE,), (RACE, SEX))
    )


def _features(cells: Cells, pack: RulePack, rule: ImpactRatioRule, wanted: Sequence[str]) -> dict[str, str]:
    """The plan's feature -> what the rule calls it."""
    known = dict(rule.features)
    return {_feature(cells, pack, name, known[name]): name for name in wanted}


def _refuse_unknown(cells: Cells, pack: RulePack, rule: ImpactRatioRule, name: str) -> None:
    feature = _feature(cells, pack, name, dict(rule.features)[name])
    meant = [item for item in _levels(cells, feature) if rule.category(name, item) is None and looks_unknown(item)]
    if meant:
        listed = json.dumps(meant, ensure_ascii=False)
        raise ConfigurationError(
            f"rule pack {pack.id} leaves out persons of unknown {_LABELS[name]}, and the feature {feature} has a level"
            f" {meant[0]!r}, which is no category of the rule: write unknown = {listed} at that feature of the plan, or"
            " merge the level into a category"
        )


def _feature(cells: Cells, pack: RulePack, name: str, aliases: Sequence[str]) -> str:
    wanted = {alias.casefold() for alias in (name, *aliases)}
    found = [feature for feature in cells.features if feature.casefold() in wanted]
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigurationError(
            f"rule pack {pack.id}: both {' and '.join(found)} are sensitive features of the plan, and the rule has one"
            f" feature {_LABELS[name]}: name the one that is meant {name}, and the other differently"
        )
    raise ConfigurationError(
        f"rule pack {pack.id} needs {_LABELS[name]}: name a sensitive feature of the plan {' or '.join(aliases)}"
        f" (the plan has: {', '.join(cells.features)})"
    )


def _table(cells: Cells, features: Mapping[str, str], prefix: str, rule: ImpactRatioRule, *, scored: bool) -> RuleTable:
    found, unknown = categories_of(cells, tuple(features), _canonical(features, rule))
    order = [_levels_in_order(cells, feature, name, rule) for feature, name in features.items()]
    # As the rule prints it: all races of the first sex, then of the second.
    combinations = [levels[::-1] for levels in itertools.product(*reversed(order))]
    categories = [found.get(levels) or Category(levels, 0, 0) for levels in combinations]
    strange = [item for item in categories if _is_strange(item, features, rule)]
    impacts = impact_ratios(categories, rule, strange)
    title = " x ".join(_LABELS[name] for name in reversed(list(features.values())))
    counted, rate = ("above the median", "scoring rate") if scored else ("selected", "selection rate")
    return RuleTable(
        title=prefix + title,
        columns=(*(_LABELS[name] for name in features.values()), "persons", counted, rate, "impact ratio"),
        rows=tuple(_row(impact) for impact in impacts),
        notes=(
            *_how(cells, features, unknown, rule, scored=scored),
            *_small_notes(impacts, rule, strange),
        ),
    )


def _is_strange(item: Category, features: Mapping[str, str], rule: ImpactRatioRule) -> bool:
    return any(rule.category(name, level) is None for name, level in zip(features.values(), item.levels, strict=True))


def _canonical(features: Mapping[str, str], rule: ImpactRatioRule) -> Callable[[str, str], str]:
    return lambda feature, level: rule.category(features[feature], level) or level


def _levels(cells: Cells, feature: str) -> list[str]:
    position = cells.features.index(feature)
    return sorted({cell.levels[position] for cell in cells.cells} - {UNKNOWN})


def _levels_in_order(cells: Cells, feature: str, name: str, rule: ImpactRatioRule) -> list[str]:
    """The rule's categories, also those without a person, then the levels that are none of them."""
    return [*rule.categories(name), *(item for item in _levels(cells, feature) if rule.category(name, item) is None)]


def _row(impact: CategoryImpact) -> tuple[str, ...]:
    item = impact.category
    ratio = "left out" if impact.left_out and item.n else NOTHING
    if impact.ratio is not None:
        ratio = decimals(impact.ratio, 3, (Fraction(1),))
    return (*item.levels, f"{item.n:,}", f"{item.selected:,}", percent(item.rate), ratio)


def _how(cells: Cells, features: Mapping[str, str], unknown: int, rule: ImpactRatioRule, *, scored: bool) -> list[str]:
    labels = " or ".join(_LABELS[name] for name in features.values())
    notes = [f"{unknown:,} persons of unknown {labels} are not in this table."]
    if scored:
        notes.append(
            f"Scoring rate: the share of persons whose score is strictly above the median of the full sample"
            f" ({cells.row_count:,} persons, unknown ones included)."
        )
    for feature, name in features.items():
        notes += _spellings(feature, name, _levels(cells, feature), rule)
    return notes


def _spellings(feature: str, name: str, levels: Sequence[str], rule: ImpactRatioRule) -> list[str]:
    """Which levels are none of the rule's categories, and which were united in one of them."""
    notes = []
    if strange := [level for level in levels if rule.category(name, level) is None]:
        notes.append(
            f"No category of the rule, shown as they stand and never the highest: {feature} {', '.join(strange)}."
        )
    for category in rule.categories(name):
        united = [level for level in levels if rule.category(name, level) == category]
        if len(united) > 1:
            notes.append(f"{category} unites the levels {', '.join(united)}.")
    return notes


def _small_notes(impacts: Sequence[CategoryImpact], rule: ImpactRatioRule, strange: Collection[Category]) -> list[str]:
    share = f"{float(rule.minimum_share * 100):g} %"
    small = [impact for impact in impacts if impact.small and impact.category.n]
    notes = []
    if rule.leave_out_small and small:
        names = "; ".join(impact.category.name for impact in small)
        notes.append(f"Left out of the ratios: {names}. {rule.justification}")
    kept = [impact for impact in impacts if impact.ratio is not None]
    if all(item.category in strange or not item.category.n for item in impacts):
        notes.append("Nobody is in a category of the rule, so that there is no ratio: merge the levels into them.")
    elif not kept:
        notes.append("Nobody was selected in the categories that are compared: there is no ratio.")
    top = highest(impact.category for impact in kept if impact.category not in strange)
    if any(impact.category is top for impact in small if not impact.left_out) and top is not None:
        notes.append(
            f"The highest rate is that of a category below {share} of the persons ({top.name}: {top.selected} of"
            f" {top.n}), and every ratio depends on it: the rule lets such categories be left out, if justified."
        )
    return notes
