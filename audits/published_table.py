"""Tables of a published bias audit, read strictly from CSV: counts, printed rates and printed ratios of categories.

The layout is one row for each category, with columns for sex and race/ethnicity (or one column for the category), the
number of persons, those selected (or above the median) where it is published, the rate and the impact ratio. What is
printed is hostile text: a cell with a control character, or one that a spreadsheet would run, is refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from audits.published_numbers import Printed, no_number, read_count, read_share
from audits.rule_packs import RACE, SEX, ImpactRatioRule
from audits.toml_table import is_sound, shown
from governance.digests import digest_bytes
from governance.errors import MeasurementError

MAX_BYTES = 4 * 1024 * 1024
MAX_ROWS = 2_000
CATEGORY = "category"

_SYNONYMS: Mapping[str, tuple[str, ...]] = {
    "table": ("table", "section", "breakdown", "analysis", "dimension"),
    "class": ("class", "assigned_class", "classification", "position", "job", "job_title", "job_category", "role"),
    SEX: ("sex", "gender", "sex_category"),
    RACE: ("race_ethnicity", "race", "ethnicity", "race_or_ethnicity", "race_and_ethnicity", "ethnicity_race"),
    CATEGORY: ("category", "categories", "group", "demographic", "demographic_group", "subgroup"),
    "n": (
        *("n", "applicants", "candidates", "persons", "people", "individuals", "employees", "count", "assessed"),
        *("sample_size", "size", "number", "total", "applicants_assessed", "candidates_assessed", "persons_assessed"),
    ),
    "selected": (
        *("selected", "applicants_selected", "candidates_selected", "selections", "hired", "hires", "advanced"),
        *("passed", "above_median", "above_the_median", "scored_above_median", "scoring_above_median", "favourable"),
    ),
    "rate": ("selection_rate", "scoring_rate", "rate", "hiring_rate", "pass_rate"),
    "ratio": ("impact_ratio", "ratio", "adverse_impact_ratio", "air"),
    "note": ("note", "notes", "justification", "comment", "comments", "remark", "remarks", "footnote"),
}
_FILLERS = re.compile(r"^(printed|published|reported|number|no|num|nr|n|of|total)_")
_TOTAL = {"total", "totals", "all", "overall", "any", "both", "grand total"}
_BLANK = {"", "-", "–", "—", "n/a"}  # not every mark of a missing number: NA may be a category
_UNKNOWN = {
    *("unknown", "(unknown)", "not disclosed", "undisclosed", "prefer not to say", "prefer not to answer", "missing"),
    *("declined to answer", "decline to answer", "declined to state", "not specified", "unspecified", "no response"),
    *("did not disclose", "choose not to disclose", "not provided", "not available"),
}
_FORMULA = re.compile(r"[=+@\t]|-(?![\s-]*$)")


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One category as it was published. `line` counts from the header, which is line 1.

    `levels` are (feature, level as the rule spells it); () in a row of totals. `unknown`: persons without a category.
    A number is None where none is printed.
    """

    line: int
    table: str
    assigned: str
    levels: tuple[tuple[str, str], ...]
    n: Printed | None
    selected: Printed | None
    rate: Printed | None
    ratio: Printed | None
    note: str
    unknown: bool = False

    @property
    def features(self) -> tuple[str, ...]:
        """The features that the row is about."""
        return tuple(feature for feature, _ in self.levels)

    @property
    def name(self) -> str:
        """`White, Male`."""
        return ", ".join(level for _, level in self.levels) or "total"


@dataclass(frozen=True, slots=True)
class Published:
    """A file of published tables. `columns` maps what was understood to the header's own word.

    `ignored` are headers that mean nothing here, `assumed` columns whose bare numbers were taken as per cent.
    """

    file: str
    digest: str
    columns: Mapping[str, str]
    ignored: tuple[str, ...]
    assumed: tuple[str, ...]
    rows: tuple[PublishedRow, ...]


def read_published(data: bytes, rule: ImpactRatioRule, *, file: str = "table.csv") -> Published:
    """The published tables in these CSV bytes (UTF-8; comma, semicolon or tab); `rule` spells the categories.

    Raises MeasurementError, one sentence with file, row and column: no rows, too large, not UTF-8, columns that say
    nothing, a row of another length, a text where a number belongs, a formula or a control character.
    """
    header, rows = _grid(data, file)
    columns, ignored = _columns(header, file)
    cells = [(line, {field: row[at].strip() for field, at in columns.items()}) for line, row in rows]
    names = {field: header[at].strip() for field, at in columns.items()}
    for line, row in cells:
        for field, text in row.items():
            _refuse_unsound(text, f"{file}: row {line}, column {shown(names[field])}")
    percent = {field for field in ("rate", "ratio") if field in columns and _says_percent(names[field])}
    assumed = {field for field in ("rate", "ratio") if field not in percent and _looks_percent(field, cells)}
    found = tuple(_row(line, row, names, rule, percent | assumed, file) for line, row in cells)
    return Published(file, digest_bytes(data), names, ignored, tuple(names[field] for field in sorted(assumed)), found)


def _grid(data: bytes, file: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and every row that is not blank with the number of its last line."""
    if len(data) > MAX_BYTES:
        raise MeasurementError(
            f"{file} is larger than {MAX_BYTES:,} bytes, and no published table is: cut it out of the file"
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MeasurementError(f"{file} is not UTF-8 at byte {error.start}: save it as CSV in UTF-8") from error
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    try:
        grid = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MeasurementError(f"{file}: row {reader.line_num} is not CSV ({error})") from error
    if len(grid) < 2:
        raise MeasurementError(f"{file} has no rows: write a header and one row for each category")
    if len(grid) > MAX_ROWS + 1:
        raise MeasurementError(f"{file} has {len(grid) - 1:,} rows; a published table has at most {MAX_ROWS:,}")
    (_, header), *rows = grid
    for line, row in rows:
        if len(row) != len(header):
            raise MeasurementError(
                f"{file}: row {line} has {len(row)} cells and the header {len(header)}; a comma inside a cell needs"
                ' quotation marks around it, as in "1,390"'
            )
    return header, rows


def _delimiter(text: str) -> str:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return max(",;\t", key=first.count)


def _columns(header: Sequence[str], file: str) -> tuple[dict[str, int], tuple[str, ...]]:
    """Field -> position, and the headers that mean nothing here."""
    meaning = {name: field for field, names in _SYNONYMS.items() for name in names}
    found: dict[str, int] = {}
    ignored = []
    for at, name in enumerate(header):
        field = meaning.get(_plain(name))
        if field is None:
            ignored.append(name.strip())
        elif field in found:
            both = f"{shown(header[found[field]].strip())} and {shown(name.strip())}"
            raise MeasurementError(f"{file}: row 1, columns {both} both mean {field}: keep one of them")
        else:
            found[field] = at
    if not {SEX, RACE, CATEGORY} & found.keys() or not {"rate", "ratio"} & found.keys():
        raise MeasurementError(
            f"{file}: row 1 has the columns {shown(', '.join(name.strip() for name in header))}; a published table"
            " needs sex, race_ethnicity or category, and selection_rate (or scoring_rate) or impact_ratio"
        )
    return found, tuple(ignored)


def _plain(name: str) -> str:
    """`# of Applicants` -> `applicants`, `Printed Selection Rate (%)` -> `selection_rate`."""
    words = re.sub(r"[^a-z0-9]+", "_", name.casefold().replace("percent", "").replace("pct", "")).strip("_")
    while words != (shorter := _FILLERS.sub("", words)):
        words = shorter
    return words


def _refuse_unsound(text: str, where: str) -> None:
    if not text:
        return
    if _FORMULA.match(text) and not no_number(text):
        raise MeasurementError(f"{where} begins as a spreadsheet formula does, {shown(text)}: write plain text")
    if not is_sound(text):
        raise MeasurementError(
            f"{where} holds {shown(repr(text))}: write at most 500 characters in one line, none of them invisible"
        )


def _says_percent(name: str) -> bool:
    return any(word in name.casefold() for word in ("%", "percent", "pct"))


def _looks_percent(field: str, cells: Sequence[tuple[int, Mapping[str, str]]]) -> bool:
    """Are half or more of the bare numbers above 2? No rate is, and no ratio to the highest."""
    texts = [row[field] for _, row in cells if field in row and not row[field].endswith("%")]
    values = [found.value for text in texts if (found := read_share(text)) and found.value is not None]
    return bool(values) and 2 * sum(value > 2 for value in values) >= len(values)


def _row(
    line: int,
    row: Mapping[str, str],
    names: Mapping[str, str],
    rule: ImpactRatioRule,
    percent: set[str],
    file: str,
) -> PublishedRow:
    levels = tuple(_levels(row, rule))
    numbers = {}
    for field in ("n", "selected", "rate", "ratio"):
        text = row.get(field, "")
        share = field in ("rate", "ratio")
        found = None if no_number(text) else read_share(text, percent=field in percent) if share else read_count(text)
        if found is None and not no_number(text):
            wanted = "a share such as 0.48 or 48%" if share else "a whole number such as 1,390, or <5 where suppressed"
            raise MeasurementError(
                f"{file}: row {line}, column {shown(names[field])} holds {shown(repr(text))}; write {wanted}"
            )
        numbers[field] = found
    return PublishedRow(
        line=line,
        table=row.get("table", ""),
        assigned=row.get("class", ""),
        levels=levels,
        note=row.get("note", ""),
        unknown=any(level.casefold() in _UNKNOWN for _, level in levels),
        **numbers,
    )


def _levels(row: Mapping[str, str], rule: ImpactRatioRule) -> Iterator[tuple[str, str]]:
    """(feature, level) of the columns that say something; totals say nothing of a feature."""
    for feature in (RACE, SEX, CATEGORY):
        text = row.get(feature, "")
        if text.casefold() in _TOTAL or text.casefold() in _BLANK:
            continue
        named = feature_of(row.get("table", "")) if feature == CATEGORY else feature
        yield named, (rule.category(named, text) or text) if named in (SEX, RACE) else text


def feature_of(table: str) -> str:
    """What a table is about, by its name: sex, race/ethnicity, or something else (CATEGORY)."""
    plain = _plain(table)
    return next((name for name in (SEX, RACE) if plain in _SYNONYMS[name]), CATEGORY)
