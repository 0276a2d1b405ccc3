"""The worked examples printed in 6 RCNY 5-301: facts, typed here so that no test on them is skipped.

Their file form below is that of ../shared/data/ll144_rule_tables, against which the typing is tested.
"""

from __future__ import annotations

H, W, B, P, A, N, T = (
    *("Hispanic or Latino", "White", "Black or African American", "Native Hawaiian or Pacific Islander"),
    *("Asian", "Native American or Alaska Native", "Two or More Races"),
)
RACES = (H, W, B, P, A, N, T)
# 6 RCNY 5-301(b), example of selection: (persons, selected, printed ratio)
SELECTION_SEX = {"Male": (1390, 667, "1.00"), "Female": (1181, 555, "0.979")}
SELECTION_RACE = {
    **{H: (408, 204, "0.97"), W: (797, 412, "1.00"), B: (390, 170, "0.84"), P: (119, 52, "0.85")},
    **{A: (616, 302, "0.95"), N: (41, 18, "0.85"), T: (213, 96, "0.87")},
}
SELECTION_BOTH = {
    "Male": (
        *((205, 90, "0.841"), (412, 215, "1.000"), (226, 95, "0.806"), (87, 37, "0.815"), (321, 167, "0.997")),
        *((24, 11, "0.878"), (115, 52, "0.866")),
    ),
    "Female": (
        *((190, 82, "0.827"), (385, 197, "0.981"), (164, 75, "0.876"), (32, 15, "0.898"), (295, 135, "0.877")),
        *((17, 7, "0.789"), (98, 44, "0.860")),
    ),
}
# 6 RCNY 5-301(c), example of scoring: (persons, above the median = round(printed rate * persons), printed ratio)
SCORING_SEX = {"Male": (92, 50, "1.00"), "Female": (76, 34, "0.82")}
SCORING_RACE = {
    **{H: (28, 18, "1.00"), W: (40, 15, "0.58"), B: (32, 16, "0.78"), P: (8, 5, "0.97"), A: (24, 10, "0.65")},
    **{N: (16, 10, "0.97"), T: (20, 10, "0.78")},
}
SCORING_BOTH = {
    "Male": (
        *((16, 12, "1.00"), (20, 7, "0.47"), (20, 10, "0.67"), (4, 3, "1.00"), (12, 7, "0.78"), (8, 5, "0.83")),
        (12, 6, "0.67"),
    ),
    "Female": (
        *((12, 6, "0.67"), (20, 8, "0.53"), (12, 6, "0.67"), (4, 2, "0.67"), (12, 3, "0.33"), (8, 5, "0.83")),
        (8, 4, "0.67"),
    ),
}


def selection_csv() -> str:
    """The example of selection as a published table, rates printed as the rule prints them."""
    lines = ["table,race_ethnicity,sex,applicants,selected,printed_selection_rate,printed_impact_ratio"]
    lines += [f"sex,,{sex},{n},{k},{k / n:.0%},{ratio}" for sex, (n, k, ratio) in SELECTION_SEX.items()]
    lines += [f"race_ethnicity,{race},,{n},{k},{k / n:.0%},{ratio}" for race, (n, k, ratio) in SELECTION_RACE.items()]
    lines += [
        f"intersectional,{race},{sex},{n},{k},{k / n:.1%},{ratio}"
        for sex, rows in SELECTION_BOTH.items()
        for race, (n, k, ratio) in zip(RACES, rows, strict=True)
    ]
    return "\n".join(lines) + "\n"
