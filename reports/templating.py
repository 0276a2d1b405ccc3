"""One Jinja2 environment for every page: autoescape on, undefined names are errors."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from reports.charts import svg
from reports.glossary import Words
from reports.heatmap_svg import heat_svg
from reports.plots import plot_svg
from reports.signed import NO_PROOF
from reports.view import Part, ReleaseView

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment() -> Environment:
    """The environment; templates are files of this package."""
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["slug"] = _slug
    made.globals["glossary"] = Words
    made.globals["no_proof"] = NO_PROOF
    return made


def page(template: str, values: Mapping[str, object]) -> str:
    """The template filled with the values."""
    return environment().get_template(template).render(**values)


def drawn(view: ReleaseView) -> dict[str, Markup]:
    """Every chart of the view as safe SVG, by its key. The drawers escape the names in it."""
    panels = view.panels
    parts: tuple[Part, ...] = (*view.more, *(part for panel in panels for part in (*panel.parts, *panel.strata)))
    charts = [chart for panel in panels for chart in panel.charts]
    charts += [chart for part in parts for chart in part.charts]
    pictures = {chart.key: svg(chart) for chart in charts} | {x.key: plot_svg(x) for part in parts for x in part.plots}
    pictures |= {found.key: heat_svg(found) for panel in panels for found in panel.maps}
    return {key: Markup(text) for key, text in pictures.items()}  # noqa: S704


def _slug(text: str) -> str:
    """A verdict, status or outcome as a class name: `no indication` -> `no-indication`."""
    return "-".join(text.lower().split())
