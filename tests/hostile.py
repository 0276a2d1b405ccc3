"""Names that try to become markup, and the structure of a page in which they must not."""

from __future__ import annotations

from html.parser import HTMLParser

SVG_TAGS = {"svg", "title", "g", "path", "rect", "line", "text"}

PAYLOADS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<!--",
    "]]>",
    "{{ 7 * 7 }}",
    "{% raw %}",
    "javascript:alert(1)",
    "[click](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "<http://evil.example>",
    "`code` **bold** | cell | <b>b</b>",
    "&lt;script&gt;",
    "a\0b\x1b[31m",
    "abc\u202ecba",
    "line\nbreak\r\n# heading",
    "\u2028<script>",
    "x" * 1000,
    "\ufeff\u200b",
    "url('//evil.example')",
    "</svg><script>alert(1)</script>",
)


class Shape(HTMLParser):
    """The structure of a page: its tags with the names of their attributes, charts apart."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.inside: list[tuple[str, tuple[str, ...]]] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.depth = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.depth += tag == "svg"
        (self.inside if self.depth else self.tags).append((tag, tuple(name for name, _ in attrs)))
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name in {"href", "src", "action", "xlink:href"}]

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag == "svg"
