"""QR codes, for a page and for a terminal. The only importer of segno."""

from __future__ import annotations

import io

from markupsafe import Markup


def qr_svg(text: str, title: str) -> Markup:
    """An SVG with presentation attributes only (a strict style policy drops the rest), dark on light in both themes."""
    import segno

    made = segno.make(text, error="m", micro=False)
    return Markup(  # noqa: S704 - the library escapes the title, and the rest is its own
        made.svg_inline(scale=5, border=4, dark="#000", light="#fff", svgclass=None, lineclass=None, title=title)
    )


def qr_terminal(text: str) -> str:
    """Lines of block characters, two rows of the code in each."""
    import segno

    lines = io.StringIO()
    segno.make(text, error="m", micro=False).terminal(lines, border=2, compact=True)
    return lines.getvalue()
