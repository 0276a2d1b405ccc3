"""The model card as a README for a Hugging Face repository: YAML front matter, then Markdown.

Front matter: https://huggingface.co/docs/hub/model-cards (`model_name`, `tags`, `model-index`). What the record does
not know (licence, language, library) is left out of it: the owner adds it, nobody guesses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.markdown import captioned, md, provenance_lines
from reports.provenance import Provenance
from reports.view import ReleaseView
from reports.view_card import CardSection, Measure, ModelCard
from reports.words import metric_label

BLANK = "To be written by the people who made the model"

_PIPELINES = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
"""Task of the plan -> the hub's name; a ranking has none there."""


def card_readme(view: ReleaseView, about: Provenance) -> str:
    """README.md of the model card of this view. Names are escaped in both halves."""
    return f"---\n{_front(view)}---\n\n" + "\n".join((*_body(view), *provenance_lines(about))).rstrip() + "\n"


def _front(view: ReleaseView) -> str:
    import yaml  # type: ignore[import-untyped]

    card = view.whole_card
    rates = (item for item in card.measures if item.rate and not item.aside)
    found = [_metric(item, float(item.value)) for item in rates if item.value is not None]
    results = {"model-index": [{"name": view.model, "results": [_evaluation(card, found)]}]} if found else {}
    values = {"model_name": view.model, "tags": ["bias-audit", "fairgate"], **results}
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=False, width=120)
    return text


def _evaluation(card: ModelCard, metrics: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "task": {"type": _PIPELINES.get(card.task, "other")},
        "dataset": {"name": card.dataset, "type": "tabular"},
        "metrics": metrics,
    }


def _metric(item: Measure, value: float) -> dict[str, Any]:
    """A rate that has a value and is compared."""
    return {"type": item.metric, "name": f"{metric_label(item.metric)}, {item.of}", "value": value}


def _body(view: ReleaseView) -> Iterator[str]:
    yield f"# {md(f'Model card of {view.model}, version {view.version}')}\n"
    yield from [f"{md(view.published)}\n"] if view.published else []
    yield f"{md(f'{view.label} as {view.target}, as of {view.time}. {view.headline}')}\n"
    for chapter in view.whole_card.sections:
        yield from _chapter(chapter)


def _chapter(chapter: CardSection) -> Iterator[str]:
    yield f"## {md(chapter.title)}\n"
    if chapter.words:
        yield from (f"- {md(word)}" for word in chapter.words)
        yield ""
    if chapter.facts:
        yield from (f"- {md(name)}: {md(value)}" for name, value in chapter.facts)
        yield ""
    for table in chapter.tables:
        yield from captioned(table)
    if chapter.blanks:
        yield f"**{BLANK}:**\n"
        yield from (f"- {md(question)} …" for question in chapter.blanks)
        yield ""
