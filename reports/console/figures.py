"""Key figures: the last year, quarter by quarter, and the same as CSV."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from markupsafe import Markup

from governance.desk import Desk
from governance.figures import Facts, facts_from, figures, last_days, quarters
from reports.charts import svg
from reports.console.answers import html
from reports.console.session import Visitor, desk_of
from reports.console.worked import worked
from reports.csv_cells import csv_bytes
from reports.figures import REVIEWERS, FiguresView, figures_view, table

DAYS, QUARTERS = 365, 8

router = APIRouter()


@router.get("/figures")
def figures_page(request: Request, session: Visitor) -> Response:
    """The figures of the last year, and of the last eight quarters."""
    view = yearly(desk_of(request), worked(request, facts_from))
    charts = tuple((chart, Markup(svg(chart))) for chart in view.charts)  # noqa: S704
    return html("console_figures.html", session, view=view, charts=charts, about_reviewers=REVIEWERS)


@router.get("/figures.csv")
def figures_csv(request: Request, _session: Visitor) -> Response:
    """The same as a table for a spreadsheet."""
    headers = {"content-disposition": 'attachment; filename="fairgate-figures.csv"'}
    data = csv_bytes(table(yearly(desk_of(request), worked(request, facts_from))))
    return Response(data, media_type="text/csv; charset=utf-8; header=present", headers=headers)


def yearly(desk: Desk, facts: Facts) -> FiguresView:
    """The figures of the last year, and of its quarters, for the page and for scripts."""
    now = desk.clock()
    by_quarter = tuple(figures(facts, desk.policy, item, now) for item in quarters(facts.first, now, QUARTERS))
    return figures_view(figures(facts, desk.policy, last_days(now, DAYS), now), by_quarter)
