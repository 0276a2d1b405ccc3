"""The HTML format: one self-contained file, no script, nothing fetched from anywhere."""

from __future__ import annotations

from functools import cache

from markupsafe import Markup

from reports.night import NightView
from reports.sections import SECTIONS
from reports.templating import TEMPLATES, drawn, page
from reports.view import ReleaseView
from reports.words import VERDICTS


def release_html(view: ReleaseView) -> str:
    """The report of a release decision."""
    links = {section.key: f"#{section.key}" for section in SECTIONS}
    values = {"view": view, "charts": drawn(view), "verdicts": VERDICTS, "sections": SECTIONS, "links": links}
    return page("report.html", {**values, "css": _css()})


def night_html(view: NightView) -> str:
    """The summary of a night."""
    return page("night.html", {"view": view, "css": _css()})


@cache
def _css() -> Markup:
    """The style sheet of this package: trusted, so it is not escaped."""
    return Markup((TEMPLATES / "report.css").read_text(encoding="utf-8"))  # noqa: S704
