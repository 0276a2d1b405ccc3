"""The model card as a README for a Hugging Face repository: YAML front matter, then Markdown.

Front matter: https://huggingface.co/docs/hub/model-cards (`model_name`, `tags`, `model-index`). What the record does
not know (licence, language, library) is left out of it: the owner adds it, nobody guesses it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reports.markdown import captioned, md, provenance_lines
from reports.model_card import BLANK, CardResult, ModelCard
from reports.provenance import Provenance
from reports.view import CardSection

_PIPELINES = {
    "binary": "tabular-classification",
    "multiclass": "tabular-classification",
    "regression": "tabular-regression",
}
"""Task of the plan -> the hub's name; a ranking has none there."""


def card_readme(card: ModelCard, about: Provenance) -> str:
    """README.md. Names are escaped in both halves."""
    return f"---\n{_front(card)}---\n\n" + "\n".join((*_body(card), *provenance_lines(about))).rstrip() + "\n"


def _front(card: ModelCard) -> str:
    import yaml  # type: ignore[import-untyped]

    results = {"model-index": [{"name": card.model, "results": [_evaluation(card)]}]} if card.results else {}
    values = {"model_name": card.model, "tags": ["bias-audit", "fairgate"], **results}
    text: str = yaml.safe_dump(values, sort_keys=False, allow_unicode=False, width=120)
    return text


def _evaluation(card: ModelCard) -> dict[str, Any]:
    return {
        "task": {"type": _PIPELINES.get(card.task, "other")},
        "dataset": {"name": card.dataset, "type": "tabular"},
        "metrics": [_metric(item) for item in card.results],
    }


def _metric(item: CardResult) -> dict[str, Any]:
    return {"type": item.metric, "name": f"{item.label}, {item.group}", "value": item.value}


def _body(card: ModelCard) -> Iterator[str]:
    yield f"# {md(card.title)}\n"
    yield from [f"{md(card.published)}\n"] if card.published else []
    yield f"{md(card.standing)}\n"
    for chapter in card.sections:
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
