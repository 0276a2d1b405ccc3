"""The figures of the fault tests as one table: `python tests/fault_table.py test-output/faults OUTPUT.md`.

OUTPUT may be a document that has the two markers: then only what stands between them is written anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def table(found: list[dict[str, Any]]) -> str:
    """One line for each kind of fault, and the sum."""
    lines = ["| fault | tried | acknowledged entries looked for | lost | damaged ledgers | other findings |"]
    lines += ["|---|---:|---:|---:|---:|---:|"]
    keys = ("tried", "acknowledged", "lost", "damaged")
    rows = [(item["fault"], *(item[key] for key in keys), len(item["amiss"])) for item in found]
    rows.append(("**all**", *(sum(row[place] for row in rows) for place in range(1, 6))))
    lines += [f"| {name} | {' | '.join(f'{number:,}' for number in numbers)} |" for name, *numbers in rows]
    return "\n".join(lines) + "\n"


def written(document: str, figures: str) -> str:
    """The document with the figures between its markers; the figures alone where it has none."""
    if BEGIN not in document:
        return figures
    before, _, rest = document.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{figures}\n{END}{rest.partition(END)[2]}"


def main(results: Path, output: Path) -> None:
    """Read every result, write the table."""
    found = sorted((json.loads(path.read_text()) for path in results.glob("*.json")), key=lambda item: item["fault"])
    figures = table(found)
    output.write_text(written(output.read_text() if output.exists() else "", figures))
    sys.stdout.write(figures)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
