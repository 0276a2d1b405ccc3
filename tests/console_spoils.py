"""Every way of spoiling a good request to the console: origins, hosts, tokens, bodies, cookies, methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from console_attacks import OFFICER, OTHER, Route, Site
from wire import ABSENT, HOST, ORIGIN, Ask


@dataclass(frozen=True)
class Attack:
    """One way of spoiling a good request, and the answers that are right. `why` is what it would be good for."""

    name: str
    spoil: Callable[[Ask, Route, Site], Ask]
    right: frozenset[int]


def _headers(name: str, right: Sequence[int], *headers: tuple[str, str], host: str = HOST) -> Attack:
    return Attack(name, lambda ask, _r, _s: replace(ask, headers=[*ask.headers, *headers], host=host), frozenset(right))


def _token(name: str, change: Callable[[str, Site], Sequence[str]], right: Sequence[int] = (403,)) -> Attack:
    def spoil(ask: Ask, route: Route, site: Site) -> Ask:
        kept = [pair for pair in ask.fields or () if pair[0] != route.token]
        good = next(value for key, value in ask.fields or () if key == route.token)
        return replace(ask, fields=[*kept, *((route.token, value) for value in change(good, site))])

    return Attack(name, spoil, frozenset(right))


def _body(name: str, right: Sequence[int], make: Callable[[Ask], Ask]) -> Attack:
    return Attack(name, lambda ask, _r, _s: make(ask), frozenset(right))


def _with(ask: Ask, *more: tuple[str, str]) -> Ask:
    return replace(ask, fields=[*(ask.fields or ()), *more])


def _multipart(ask: Ask) -> Ask:
    parts = [f'--x\r\ncontent-disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in ask.fields or ()]
    evil = '--x\r\ncontent-disposition: form-data; name="reason"; filename="../../x.html"\r\n\r\n<b>\r\n'
    body = ("".join(parts) + evil + "--x--\r\n").encode()
    return replace(ask, body=body, headers=[("content-type", "multipart/form-data; boundary=x")])


def _json(ask: Ask) -> Ask:
    import json

    return replace(
        ask, body=json.dumps(dict(ask.fields or ())).encode(), headers=[("content-type", "application/json")]
    )


def _cookie(name: str, value: Callable[[Site, Mapping[str, str]], str], right: Sequence[int] = (303,)) -> Attack:
    def spoil(ask: Ask, _route: Route, site: Site) -> Ask:
        return replace(ask, headers=[*ask.headers, ("cookie", value(site, ask.cookies))])

    return Attack(name, spoil, frozenset(right))


ELSEWHERE = (
    _headers("no origin", [403], ("origin", ABSENT)),
    _headers("empty origin", [403], ("origin", "")),
    _headers("null origin", [403], ("origin", "null")),
    _headers("another site", [403], ("origin", "http://evil.example")),
    _headers("another port", [403], ("origin", "http://localhost:9999")),
    _headers("without the port", [403], ("origin", "http://localhost")),
    _headers("another scheme", [403], ("origin", "https://localhost:8765")),
    _headers("begins like ours", [403], ("origin", f"{ORIGIN}.evil.example")),
    _headers("ends like ours", [403], ("origin", f"http://evil.example/{HOST}")),
    _headers("ours as a user", [403], ("origin", f"http://{HOST}@evil.example")),
    _headers("ours in capitals", [403], ("origin", ORIGIN.upper())),
    _headers("ours with a path", [403], ("origin", f"{ORIGIN}/")),
    _headers("ours and another", [403], ("origin", f"{ORIGIN} http://evil.example")),
    _headers("the number of the host", [403], ("origin", "http://127.0.0.1:8765")),
    _headers("a file", [403], ("origin", "file://")),
    _headers("sent across sites", [403], ("origin", ABSENT), ("sec-fetch-site", "cross-site")),
    _headers("sent from the same site", [403], ("origin", ABSENT), ("sec-fetch-site", "same-site")),
    _headers("sent by nobody", [403], ("origin", ABSENT), ("sec-fetch-site", "none")),
    _headers("only the referrer is ours", [403], ("origin", ABSENT), ("referer", f"{ORIGIN}/")),
)
HOSTS = tuple(
    _headers(f"host {host!r}", [400], ("origin", f"http://{host}"), host=host)
    for host in (
        "", "evil.example", "evil.example:8765", "localhost.evil.example", "localhost@evil.example",
        "evil@localhost.example",
        "localhost:80:80", "localhost:x", "[::2]", "127.0.0.2", "0.0.0.0", "localhost\\.evil", "localhost%00.evil",
        "LOCALHOST.",
        "2130706433", "xn--localhost-", "localhost,evil.example",
    )
)  # fmt: skip
FORGED = (
    _token("no token", lambda _good, _site: []),
    _token("an empty token", lambda _good, _site: [""]),
    _token("a guess", lambda good, _site: ["x" * len(good)]),
    _token("a shortened token", lambda good, _site: [good[:-1]]),
    _token("a longer token", lambda good, _site: [good + "x"]),
    _token("a token in capitals", lambda good, _site: [good.swapcase()]),
    _token("a token with a space", lambda good, _site: [f" {good}"]),
    _token("a token with a NUL", lambda good, _site: [f"{good}\0"]),
    _token("letters outside ASCII", lambda good, _site: [good.replace(good[0], "é")]),
    _token("another person's token", lambda _good, site: [site.csrf(site.cookies(OTHER))]),
    _token("a wrong one before the right one", lambda good, _site: ["wrong", good], (400, 403)),
    _token("the right one twice", lambda good, _site: [good, good], (400,)),
    _token("a wrong one after the right one", lambda good, _site: [good, "wrong"], (400,)),
)
BODIES = (
    _body("as text", [403, 415], lambda ask: replace(ask, headers=[("content-type", "text/plain")])),
    _body("without a type", [403, 415], lambda ask: replace(ask, headers=[("content-type", ABSENT)])),
    _body("as JSON", [403, 415], _json),
    _body("with a file", [400, 403, 415], _multipart),
    _body("too large", [413], lambda ask: replace(ask, fields=[*(ask.fields or ()), ("more", "x" * 70_000)])),
    _body("says to be too large", [413], lambda ask: replace(ask, headers=[("content-length", "99999999")])),
    _body("says less than nothing", [413], lambda ask: replace(ask, headers=[("content-length", "-1")])),
    _body("says a length that is none", [413], lambda ask: replace(ask, headers=[("content-length", "１２")])),
    _body(
        "too large in pieces of no said length",
        [413],
        lambda ask: replace(_with(ask, ("more", "x" * 70_000)), headers=[("content-length", ABSENT)], chunks=9),
    ),
    _body("a thousand fields", [400, 413], lambda ask: _with(ask, *(("f", "x"),) * 1_000)),
    _body("broken escapes", [400, 403], lambda ask: replace(ask, body=b"csrf=%zz&%=%&=&&&&")),
    _body("bytes that are no text", [400, 403], lambda ask: replace(ask, body=b"csrf=\xff\xfe\x00")),
    _body("a lone surrogate", [403], lambda ask: replace(ask, body=b"csrf=%ED%B2%80&token=%ED%B2%80")),
    _body("nothing", [403], lambda ask: replace(ask, body=b"")),
)  # fmt: skip
SIGNED_OUT = (
    _cookie("no cookie", lambda _site, _own: ABSENT),
    _cookie("an invented session", lambda _site, _own: "fairgate=" + "A" * 43),
    _cookie("an empty session", lambda _site, _own: "fairgate="),
    _cookie("a person's id as session", lambda _site, _own: f"fairgate={OFFICER}"),
    _cookie("SQL as session", lambda _site, _own: "fairgate=' OR 1=1 --"),
    _cookie("the session cut short", lambda _site, own: f"fairgate={own.get('fairgate', 'x')[:-1]}"),
    _cookie("the session in another case", lambda _site, own: f"fairgate={own.get('fairgate', 'x').swapcase()}"),
    _cookie("the session under another name", lambda _site, own: f"__Host-fairgate={own.get('fairgate', 'x')}"),
    _cookie("a very long session", lambda _site, _own: "fairgate=" + "A" * 20_000),
    _cookie("bytes as session", lambda _site, _own: "fairgate=\udcff\udcfe"),
)
METHODS = ("PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "OPTIONS", "PROPFIND", "get", "GETT")
