"""The formats of a report behind one interface: a view in, bytes out."""

from __future__ import annotations

from enum import StrEnum

from reports.view import ReleaseView


class Format(StrEnum):
    """What a release report can be written as. The JSON is the record; the others print it."""

    HTML = "html"
    MARKDOWN = "md"
    JSON = "json"

    @property
    def media_type(self) -> str:
        """The media type, with its charset."""
        return {"html": "text/html", "md": "text/markdown", "json": "application/json"}[self.value] + "; charset=utf-8"


def render(view: ReleaseView, form: Format) -> bytes:
    """The report in one format, UTF-8."""
    if form is Format.HTML:
        from reports.html import release_html

        return release_html(view).encode()
    if form is Format.MARKDOWN:
        from reports.markdown import release_markdown

        return release_markdown(view).encode()
    from reports.record_json import release_json

    return release_json(view)
