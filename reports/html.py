"""The HTML format: one self-contained file, no script, nothing fetched from anywhere."""

from __future__ import annotations

from functools import cache
from typing import Any

from markupsafe import Markup

from reports.night import NightView
from reports.paper import Paper
from reports.provenance import Provenance, provenance
from reports.sections import SECTIONS
from reports.templating import TEMPLATES, drawn, page
from reports.view import ReleaseView
from reports.words import VERDICTS


def release_html(view: ReleaseView) -> str:
    """The report of a release decision."""
    return page("report.html", {**report_values(view, provenance(view)), "css": css("report.css", "paper.css")})


def report_values(view: ReleaseView, about: Provenance) -> dict[str, Any]:
    """What the template of the report prints, without a style sheet."""
    links = {section.key: f"#{section.key}" for section in SECTIONS}
    values = {"view": view, "about": about, "charts": drawn(view), "verdicts": VERDICTS}
    return {**values, "sections": SECTIONS, "links": links}


def paper_html(paper: Paper, about: Provenance) -> str:
    """A document of chapters and blanks."""
    return page("paper.html", {"paper": paper, "about": about, "css": css("report.css", "paper.css")})


def night_html(view: NightView) -> str:
    """The summary of a night."""
    return page("night.html", {"view": view, "css": css("report.css")})


@cache
def css(*names: str) -> Markup:
    """Style sheets of this package: trusted, so they are not escaped."""
    return Markup("\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in names))  # noqa: S704
