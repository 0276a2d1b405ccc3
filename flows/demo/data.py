"""Applicants for the demo, drawn from a documented process with fixed seeds: `python -m flows.demo.data [PROJECT]`.

Merit does not depend on sex or on the ethnic group; a career gap does depend on sex. Three processes decide:
`HISTORY` (people who held a gap against applicants), `PANEL` (a panel that judges merit alone) and `NEW_VENDOR`
(the same panel, but an assessment that gives women fewer points). docs/demo-data.md has the formulas and the rates.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KEY, LABEL = "applicant_id", "hired"
SENSITIVE = ("sex", "ethnicity")
SHARES = {"female": 0.5, "male": 0.5}
GROUPS = {"group A": 0.5, "group B": 0.3, "group C": 0.2}
QUALIFICATIONS = ("certificate", "degree", "postgraduate")
DEPARTMENTS = ("engineering", "operations", "sales")
HAS_GAP = {"female": 0.60, "male": 0.15}
TRAINING, APPLICANTS = "training.parquet", "applicants.parquet"
NEWER = "incoming/2026-06.parquet"


@dataclass(frozen=True, slots=True)
class Process:
    """Who decides and how. `gap_penalty` in units of merit per year of career gap, `bar` the merit asked for.

    `lost_points` are the assessment points (of 100) that the new vendor's test takes from women: the file shows the
    lowered points, the decision rests on the true ones.
    """

    name: str
    seed: int
    rows: int
    gap_penalty: float
    bar: float
    lost_points: float = 0.0


HISTORY = Process("history", seed=20230701, rows=8_000, gap_penalty=1.0, bar=0.0)
PANEL = Process("panel", seed=20260115, rows=8_000, gap_penalty=0.0, bar=0.5)
NEW_VENDOR = Process("new vendor", seed=20260601, rows=8_000, gap_penalty=0.0, bar=0.5, lost_points=8.0)


def draw(process: Process, rows: int | None = None) -> pd.DataFrame:
    """`rows` applicants (default: the process's own number) in random order, one row each, by the process.

    Columns: applicant_id, sex, ethnicity, qualification, years_experience (0-30), assessment (0-100),
    career_gap_years (0-8), department, hired (yes or no).
    """
    import numpy as np
    import pandas as pd

    generator = np.random.default_rng(process.seed)
    total = process.rows if rows is None else rows
    parts = [_group(process, generator, sex, ethnicity, n) for sex, ethnicity, n in _sizes(total)]
    order = generator.permutation(sum(map(len, parts)))
    table = pd.concat(parts, ignore_index=True).iloc[order].reset_index(drop=True)
    table.insert(0, KEY, [f"{process.name[0].upper()}{number:07d}" for number in range(1, len(table) + 1)])
    return table


def _sizes(rows: int) -> Iterator[tuple[str, str, int]]:
    for sex, share in SHARES.items():
        for ethnicity, part in GROUPS.items():
            yield sex, ethnicity, round(rows * share * part)


def _group(process: Process, generator: np.random.Generator, sex: str, ethnicity: str, n: int) -> pd.DataFrame:
    """n applicants of one group. Each ingredient is spread evenly over its distribution (Latin hypercube sampling),
    so that groups differ by what the process does to them and hardly by chance.
    """
    import numpy as np
    import pandas as pd

    ability, learning, luck, experience, judgement = (_normal(generator, n) for _ in range(5))
    gap = np.where(_uniform(generator, n) < HAS_GAP[sex], 0.5 - 1.5 * np.log(_uniform(generator, n)), 0.0)
    gap = np.minimum(gap, 8).round(1)
    level = np.digitize(ability + learning, [-0.7, 0.9])
    years = np.clip(8 + 4 * experience, 0, 30).round(1)
    points = np.clip(60 + 10 * ability + 5 * luck, 0, 100).round(1)
    merit = (points - 60) / 10 + 0.6 * (level - 1) + 0.1 * (years - 8)
    hired = merit - process.gap_penalty * gap + 0.6 * judgement > process.bar
    lost = process.lost_points if sex == "female" else 0.0
    return pd.DataFrame(
        {
            "sex": sex,
            "ethnicity": ethnicity,
            "qualification": np.array(QUALIFICATIONS)[level],
            "years_experience": years,
            "assessment": np.maximum(points - lost, 0).round(1),
            "career_gap_years": gap,
            "department": generator.choice(DEPARTMENTS, n),
            LABEL: np.where(hired, "yes", "no"),
        }
    )


def _uniform(generator: np.random.Generator, n: int) -> Any:
    """n values in (0, 1], one in each n-th of it, in random order."""
    return (generator.permutation(n) + 1 - generator.random(n)) / n


def _normal(generator: np.random.Generator, n: int) -> Any:
    from scipy.special import ndtri

    # (0, 1] -> (0, 1): the normal distribution has no last value.
    return ndtri(_uniform(generator, n) * (1 - 1e-12))


def broken(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What goes wrong with files, each alone and (`everything`) together."""
    cases = {"missing_column": _without_column, "nulls": _with_nulls, "unseen_category": _with_unseen_category}
    found = {name: spoil(table) for name, spoil in cases.items()}
    return {**found, "everything": _without_column(_with_nulls(_with_unseen_category(table)))}


def _without_column(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="assessment")


def _with_nulls(table: pd.DataFrame) -> pd.DataFrame:
    """Every 20th sex and every 25th label is empty."""
    return table.assign(
        sex=table["sex"].where(table.index % 20 != 0),
        hired=table[LABEL].where(table.index % 25 != 0),
    )


def _with_unseen_category(table: pd.DataFrame) -> pd.DataFrame:
    """Every 50th applicant is in a department that did not exist."""
    return table.assign(department=table["department"].where(table.index % 50 != 0, "robotics"))


def write_project(project: Path) -> tuple[Path, ...]:
    """Write `plan.toml` and, below `data/`, the training data, the release's audit data and the broken files.

    Returns the paths. Writing twice gives the same bytes.
    """
    applicants = draw(PANEL)
    tables = {TRAINING: draw(HISTORY), APPLICANTS: applicants}
    tables |= {f"broken/{name}.parquet": table for name, table in broken(applicants).items()}
    return (write_plan(project), *(_write(table, project / "data" / name) for name, table in tables.items()))


def write_plan(project: Path) -> Path:
    """Copy the demo's audit plan to `project`/plan.toml."""
    project.mkdir(parents=True, exist_ok=True)
    path = project / "plan.toml"
    path.write_bytes(files("flows.demo").joinpath("plan.toml").read_bytes())
    return path


def write_newer(project: Path) -> Path:
    """Write the newer data, in which the disparity has come back, below `data/incoming/`; returns the path."""
    return _write(draw(NEW_VENDOR), project / "data" / NEWER)


def _write(table: pd.DataFrame, path: Path) -> Path:
    """Beside first, then renamed: a reader finds the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    table.to_parquet(beside, index=False)
    return beside.replace(path)


def main(arguments: list[str]) -> None:
    """Write the plan and all data into the project folder named first (default: the current one)."""
    project = Path(arguments[0] if arguments else ".")
    for path in (*write_project(project), write_newer(project)):
        sys.stdout.write(f"wrote {path}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
