"""The [data] table of a plan: which column is what, and whether these roles go together."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

from audits.plan import MEDIAN, JoinedFile, Ranking, Score, Task
from audits.toml_table import TomlTable, is_number

KEYS = (
    *("source", "label", "favourable", "newer", "prediction", "key", "owner"),
    *("task", "score", "score_range", "cutoff", "weight", "rank", "query", "top"),
)
"""What [data] may hold."""

JOINED_KEYS = ("source", "key")
"""What [sensitive_data] may hold."""

_FAVOURABLE = "the value of the label that is the good outcome for a person"
_RANGE = "[lowest, highest] of the score, such as [0, 1]"
_SELECTED = "selected"


@dataclass(frozen=True, slots=True)
class Data:
    """What [data] says; the names are those of `audits.plan.AuditPlan`."""

    task: Task
    label: str | None
    favourable: str
    prediction: str | None
    score: Score | None
    ranking: Ranking | None
    weight: str | None

    def roles(self) -> dict[str, str]:
        """Column -> the key that names it."""
        named = {
            "label": self.label,
            "prediction": self.prediction,
            "score": self.score.column if self.score else None,
            "weight": self.weight,
            "rank": self.ranking.rank if self.ranking else None,
        }
        return {column: key for key, column in named.items() if column is not None}


def read_data(table: TomlTable) -> Data:
    """The roles of the columns. Raises ConfigurationError for what is missing, wrong or contradicts itself."""
    task = Task(table.word("task", [word.value for word in Task], Task.BINARY.value))
    label = table.optional_text("label", "the column that holds the true outcome")
    prediction = table.optional_text("prediction", "the column that already holds predictions")
    score = _score(table, task)
    _check_decision(table, task, prediction, score)
    ranking = _ranking(table, task, score)
    data = Data(
        task=task,
        label=label,
        favourable=_favourable(table, task, label, score),
        prediction=prediction,
        score=score,
        ranking=ranking,
        weight=table.optional_text("weight", "the column with the sample weights"),
    )
    _check_roles(table)
    return data


def read_joined(table: TomlTable) -> JoinedFile:
    """[sensitive_data]: the file with the sensitive features, and the key that joins it to the data."""
    source = table.text("source", "the file with the sensitive features, such as data/people.parquet")
    if not table.content.get("key"):
        raise table.wrong("key", table.content.get("key"), 'the columns that both files have, such as ["applicant_id"]')
    return JoinedFile(source, table.texts("key", 'the columns that both files have, such as ["applicant_id"]'))


def _favourable(table: TomlTable, task: Task, label: str | None, score: Score | None) -> str:
    """It may be left out where no value is meant: higher is better, or selected is what the cutoff selects."""
    decided = score is not None and score.cutoff is not None
    if "favourable" not in table.content and (task is Task.REGRESSION or (label is None and decided)):
        return _SELECTED if decided else "higher"
    if "favourable" not in table.content and task is Task.RANKING and label is None:
        return "ranked first"
    return table.scalar("favourable", _FAVOURABLE)


def _score(table: TomlTable, task: Task) -> Score | None:
    column = table.optional_text("score", "the column that holds the scores")
    if "score_range" not in table.content:
        for key in ("score", "cutoff"):
            if key in table.content:
                raise table.error(f"{table.where} has {key} without score_range; write score_range = {_RANGE}")
        if task is Task.REGRESSION:
            raise table.wrong("score_range", None, "[lowest, highest] of the predicted numbers, such as [0, 100000]")
        return None
    low, high = _range(table)
    return Score(low, high, column, _cutoff(table, low, high))


def _range(table: TomlTable) -> tuple[float, float]:
    ends = table.listed("score_range", _RANGE)
    if len(ends) != 2 or not all(map(is_number, ends)) or not ends[0] < ends[1]:
        raise table.wrong("score_range", ends, _RANGE)
    return float(ends[0]), float(ends[1])


def _cutoff(table: TomlTable, low: float, high: float) -> float | str | None:
    value = table.content.get("cutoff")
    if value is None or value == MEDIAN:
        return value
    if not is_number(value) or not low <= value <= high:
        raise table.wrong("cutoff", value, f'a number from {low:g} to {high:g} (score_range), or "{MEDIAN}"')
    return float(value)


def _check_decision(table: TomlTable, task: Task, prediction: str | None, score: Score | None) -> None:
    """One decision at most, and where the model answers scores something must make decisions of them."""
    if score is None:
        return
    if task is Task.MULTICLASS:
        raise table.error(f'{table.where} has score_range with task = "multiclass"; audit one class as a binary task')
    if score.cutoff is not None and prediction is not None:
        raise table.error(f"{table.where} has prediction and cutoff, two decisions; leave out one of them")
    if task is Task.REGRESSION and score.column and prediction:
        raise table.error(f"{table.where} has prediction and score, two predicted numbers; leave out one of them")
    if task is Task.BINARY and score.cutoff is None and score.column is None and prediction is None:
        raise table.error(
            f"{table.where} has score_range but no score: the model then answers scores, and nothing decides; add"
            " cutoff, or name the column of the decisions with prediction"
        )


def _ranking(table: TomlTable, task: Task, score: Score | None) -> Ranking | None:
    rank = table.optional_text("rank", "the column with 1 for the first")
    if task is not Task.RANKING:
        for key in ("rank", "query", "top"):
            if key in table.content:
                raise table.error(f'{table.where} has {key} without task = "ranking"; add it, or leave out {key}')
        return None
    if rank is None and score is None:
        raise table.error(f'{table.where} has task = "ranking" without an order; add rank, or score and score_range')
    query = table.texts("query", 'the columns that tell rankings apart, such as ["vacancy"]')
    return Ranking(rank, query, _top(table))


def _top(table: TomlTable) -> tuple[int, ...]:
    if "top" not in table.content:
        return Ranking().top
    wanted = "a list of rising whole numbers, such as [10, 50]"
    found = table.listed("top", wanted)
    whole = all(type(item) is int and 1 <= item <= 10**9 for item in found)
    if not whole or any(low >= high for low, high in pairwise(found)):
        raise table.wrong("top", found, wanted)
    return tuple(found)


def _check_roles(table: TomlTable) -> None:
    """No column has two roles: an outcome predicts nothing, and weighs nothing."""
    roles = [key for key in ("label", "prediction", "score", "weight", "rank") if key in table.content]
    for first, second in combinations(roles, 2):
        if table.content[first] == table.content[second]:
            raise table.wrong(second, table.content[second], f"another column than the {first}")
    for key in roles:
        if table.content[key] in table.content.get("query", ()):
            raise table.wrong("query", table.content[key], f"other columns than the {key}")
