"""Texts that try to become markup, links, formulas or structure; a desk full of them; and what they must not change.

Every payload calls or names `xq7`, which nothing of Fairgate does: where a tag, an attribute or a script has that name,
a text became more than a text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from pathlib import Path

import report_factory as factory
from plea_factory import by

from audits.result import AuditResult
from governance.case import open_case
from governance.desk import Desk
from governance.release import observe
from governance.signoff import withdraw

MARK = "xq7"

AS_TEXT = (
    "<script>xq7(1)</script>", "<SCRIPT>xq7(1)</SCRIPT>", "<scr<script>ipt>xq7(1)</scr</script>ipt>", "<script src=//xq7.example></script>",
    "<script/src=data:,xq7(1)>", "<script\n>xq7(1)</script\n>", "<script>xq7(1)//", "<img src=x onerror=xq7(1)>", "<img src=x onerror=xq7(1)//",
    "<img/src/onerror=xq7(1)>", "<IMG SRC=x OnErRoR=xq7(1)>", "<img src=`x`onerror=xq7(1)>", '<img src="x" onerror="xq7(1)">', "<svg onload=xq7(1)>",
    "<svg/onload=xq7(1)>", "<svg><script>xq7(1)</script></svg>", "<svg><animate onbegin=xq7(1) attributeName=x dur=1s>", "<svg><set onbegin=xq7(1)>",
    "<math><mtext></p><img src=x onerror=xq7(1)>", "<math href=javascript:xq7(1)>x</math>", "<body onload=xq7(1)>", "<iframe srcdoc='<script>xq7(1)</script>'>",
    "<iframe src=javascript:xq7(1)>", "<object data=javascript:xq7(1)>", "<embed src=javascript:xq7(1)>", "<video><source onerror=xq7(1)>",
    "<audio src=x onerror=xq7(1)>", "<details open ontoggle=xq7(1)>x</details>", "<marquee onstart=xq7(1)>", "<input autofocus onfocus=xq7(1)>",
    "<select autofocus onfocus=xq7(1)>", "<a href=javascript:xq7(1)>x</a>", "<a href=' javascript:xq7(1)'>x</a>", "<form action=javascript:xq7(1)><button>x",
    "<button formaction=javascript:xq7(1)>x", "<base href=//xq7.example/>", "<link rel=stylesheet href=//xq7.example>", "<meta http-equiv=refresh content='0;url=//xq7.example'>",
    "<style>@import'//xq7.example'</style>", "<style>*{background:url(//xq7.example)}</style>", "<div style=background:url(//xq7.example)>", "<xq7 onmouseover=xq7(1)>x",
    "<template><img src=x onerror=xq7(1)></template>", "<noscript><img title='</noscript><img src=x onerror=xq7(1)>'>", "<!--<img src='--><img src=x onerror=xq7(1)>'>",
    "<![CDATA[<img src=x onerror=xq7(1)>]]>", "<?xq7 <img src=x onerror=xq7(1)> ?>", "<!doctype xq7>", "--><img src=x onerror=xq7(1)>", "]]><img src=x onerror=xq7(1)>",
)  # fmt: skip
OUT_OF_AN_ELEMENT = tuple(
    f"</{tag}><img src=x onerror=xq7(1)>"
    for tag in ("title", "textarea", "style", "script", "svg", "option", "select", "td", "table", "summary", "details", "button", "code", "a", "h1", "noscript", "template", "caption")
)  # fmt: skip
OUT_OF_AN_ATTRIBUTE = (
    '"><img src=x onerror=xq7(1)>', "'><img src=x onerror=xq7(1)>", '" onmouseover="xq7(1)', "' onmouseover='xq7(1)", '" autofocus onfocus="xq7(1)', "` onmouseover=`xq7(1)",
    '"/onclick="xq7(1)', '" style="background:url(//xq7.example)', '" formaction="javascript:xq7(1)', '\\" onmouseover=\\"xq7(1)', "&quot; onmouseover=&quot;xq7(1)",
    "x onmouseover=xq7(1)", '"\tonmouseover\n=\r"xq7(1)', '" srcdoc="<script>xq7(1)</script>',
)  # fmt: skip
AS_A_LINK = (
    "javascript:xq7(1)", "JaVaScRiPt:xq7(1)", "java\tscript:xq7(1)", "java\nscript:xq7(1)", "\x01javascript:xq7(1)", "javascript&colon;xq7(1)", "data:text/html,<script>xq7(1)</script>",
    "vbscript:xq7(1)", "//xq7.example", "https://xq7.example", "\\\\xq7.example", "../../../../xq7", "?name=xq7&version=1&alias=champion", "#xq7", "%3Cscript%3Exq7(1)%3C/script%3E",
    "/xq7?a=1&b=2;c=3", "xq7%00", "xq7%0d%0aset-cookie:%20a=b", "xq7\r\nset-cookie: a=b", "xq7\r\n\r\n<script>xq7(1)</script>",
)  # fmt: skip
AS_A_TEMPLATE = (
    "{{ xq7 }}",
    "{{ 7*7 }}{{ xq7.__class__ }}",
    "{% raw %}xq7",
    "{# xq7 #}",
    "${xq7}",
    "#{xq7}",
    "<%= xq7 %>",
    "{xq7!r}",
    "%(xq7)s",
    "%s%s%n xq7",
    "&lt;script&gt;xq7(1)&lt;/script&gt;",
)
AS_MARKDOWN = (
    "[xq7](javascript:xq7(1))", "![xq7](https://xq7.example/x.png)", "<https://xq7.example>", "[xq7]: https://xq7.example", "# xq7", "| xq7 | xq7 |", "**xq7** _xq7_ `xq7`", "```\nxq7\n```",
    "- xq7\n- xq7", "> xq7", "1. xq7", "xq7\n===", "---\nxq7: true\n---", "<xq7>xq7</xq7>", "\\[xq7](javascript:xq7(1))", "[xq7][xq7]", "~~xq7~~", "xq7  \nxq7", "&#106;avascript:xq7(1)", "$$\\href{javascript:xq7(1)}{x}$$",
)  # fmt: skip
AS_A_FORMULA = (
    "=xq7()", "+xq7()", "-xq7()", "@xq7()", "=HYPERLINK(\"//xq7.example\")", "=cmd|' /C calc'!xq7", "\t=xq7()", "\r=xq7()", " =xq7()", "\u00a0=xq7()", "\ufeff=xq7()", "\uff1dxq7()", "'=xq7()", '"=xq7()', 'xq7","=xq7()', "xq7\n=xq7()", ";=xq7()", "%=xq7()", "0=xq7", "|xq7",
)  # fmt: skip
AS_DATA = (
    "xq7: true", "- xq7", "!!python/object/apply:os.system [xq7]", "&xq7 *xq7", "'xq7", '"xq7', "xq7\\", "\\u0022xq7", '","xq7":"', '"}],"xq7":[{"', "</script><script>xq7(1)</script>", "null", "true", "~", "xq7 # xq7", "%YAML xq7", "? xq7", "|\n  xq7", "@xq7", "`xq7",
)  # fmt: skip
HIDDEN = (
    "xq7\0xq7", "xq7\x1b[31mxq7", "\u202exq7", "xq7\u202e\u2066xq7\u2069", "\ufeffxq7", "xq7\u200bxq7", "xq7\u2028<script>xq7(1)</script>", "xq7\u2029xq7", "xq7\x7f\x80\x9f", "\ue000xq7", "xq7\ufffe",
    "xq7" + "\u0301" * 200, "xq7 " + "x" * 1_000, "xq7" + "\n" * 50, "xq7\x08\x08\x08", "\u00adxq7", "xq7\u115f", "\U000e0041xq7", "xq7\ud7fb", "xq7\x85xq7",
)  # fmt: skip
CONTEXTS = {
    "text": AS_TEXT,
    "out of an element": OUT_OF_AN_ELEMENT,
    "out of an attribute": OUT_OF_AN_ATTRIBUTE,
    "link": AS_A_LINK,
    "template": AS_A_TEMPLATE,
    "Markdown": AS_MARKDOWN,
    "formula": AS_A_FORMULA,
    "data": AS_DATA,
    "hidden characters": HIDDEN,
}
PAYLOADS = tuple(dict.fromkeys(payload for texts in CONTEXTS.values() for payload in texts))
PLAIN = tuple(f"{MARK} {number}" for number in range(len(PAYLOADS)))
STEP = 29
"""How far the payloads of two places of one case are apart: each payload comes to each place once."""

URLS = {"href", "src", "action", "formaction", "xlink:href", "poster", "data", "srcset", "ping", "background"}


class Dom(HTMLParser):
    """What a parse makes of a page: tags with the names of their attributes, addresses, texts, and what has our mark."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[tuple[str, tuple[str, ...]]] = Counter()
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self.marked: list[str] = []
        self.inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = tuple(name for name, _ in attrs)
        self.tags[(tag, names)] += 1
        self.inside = tag
        self.addresses += [value or "" for name, value in attrs if name in URLS]
        self.marked += [
            f"<{tag} {name}>" for name in (tag, *names) if MARK in name or name.startswith("on") or name == "style"
        ]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.inside in {"script", "style"} and MARK in data:
            self.marked.append(f"<{self.inside}>{data[:40]}")

    def handle_comment(self, data: str) -> None:
        self.marked.append(f"<!--{data[:40]}")

    def handle_decl(self, decl: str) -> None:
        if decl != "doctype html":
            self.marked.append(f"<!{decl[:40]}>")

    def handle_pi(self, data: str) -> None:
        self.marked.append(f"<?{data[:40]}")

    @property
    def text(self) -> str:
        return "".join(self.texts)

    def amiss(self) -> list[str]:
        """What no page of Fairgate has."""
        away = [place for place in self.addresses if not re.match(r"/(?![/\\])|#|\?|$", place)]
        return [*self.marked, *away]


@dataclass(frozen=True)
class Hostile:
    """A desk on which everything that others write is a payload: case n has payload n as its name."""

    desk: Desk
    payloads: tuple[str, ...]
    signed: tuple[int, ...] = ()

    def name(self, number: int) -> str:
        """The name of the model of this case."""
        return f"m {self.payloads[number]}"


def hostile_desk(folder: Path, payloads: Sequence[str] = PAYLOADS) -> Hostile:
    """One case for each payload, each with six payloads in six places."""
    desk, signed = factory.new_desk(folder), []
    small = _small(factory.audit_of("2"))
    for number in range(len(payloads)):
        name, level, note, reason, seen, why = (_at(payloads, number + place * STEP) for place in range(6))
        audit = replace(factory.renamed(small, "female", level), notes=(note,), environment={note: seen})
        case = factory.record_case(desk, "2", name=f"m {name}", audit=audit)
        factory.put_signature(desk, case, "compliance-officer", "compliance", reason=f"because {reason}")
        signed.append(factory.put_signature(desk, case, "risk-officer", "model-risk", reason=f"because {reason}").seq)
        observe(desk, case.subject.name, factory.TARGET, f"seen {seen}", {"version": why})
        withdraw(desk, open_case(desk, case.subject.name, "2", "champion"), by(factory.PEOPLE[1]), f"back for {why}")
    return Hostile(desk, tuple(payloads), tuple(signed))


def _at(payloads: Sequence[str], number: int) -> str:
    return payloads[number % len(payloads)]


def _small(audit: AuditResult) -> AuditResult:
    """One feature and one metric: hundreds of pages are drawn in seconds."""
    return replace(
        audit,
        estimates=tuple(x for x in audit.estimates if x.features == ("sex",) and x.metric == "selection_rate"),
        disparities=tuple(item for item in audit.disparities if len(item.features) == 1),
    )
