"""A real provider of single sign-on on this machine: oidc-provider-mock in a process of its own, and ways to spoil it.

Around the package stands what it does not do itself: PKCE is demanded, and `spoil` makes one answer a bad one.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

CLIENT = "fairgate-console"
CLIENT_SECRET = "a client secret of the tests"


@dataclass(frozen=True)
class Running:
    """The provider as tests use it. `issuer` is its address and its name."""

    issuer: str

    def says(self, subject: str, **claims: Any) -> None:
        """What it puts into this person's ID tokens, beside and instead of what is right."""
        httpx.put(f"{self.issuer}/users/{subject}", json=claims).raise_for_status()

    def spoil(self, what: str) -> None:
        """Answer wrongly from now on; `` answers rightly again."""
        httpx.put(f"{self.issuer}/spoil", content=what).raise_for_status()

    def sign_on(self, address: str, subject: str) -> str:
        """What a person does at the provider: the address to which it sends her browser back."""
        answer = httpx.post(address, data={"sub": subject})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]

    def deny(self, address: str) -> str:
        """The person says no."""
        return httpx.post(address, data={"action": "deny"}).headers["location"]


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """The provider, as long as the block runs."""
    port_file = folder / "port"
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, __file__, str(port_file)],
            env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        deadline = time.monotonic() + 60
        while not port_file.is_file():
            assert process.poll() is None, "the provider did not start"
            assert time.monotonic() < deadline, "the provider did not start within a minute"
            time.sleep(0.05)
        yield Running(f"http://localhost:{port_file.read_text()}")
    finally:
        process.terminate()
        process.wait(timeout=10)


# --- the process -----------------------------------------------------------------------------------------------------

Start = Callable[..., Any]
Application = Callable[[dict[str, Any], Start], Iterable[bytes]]


class Around:
    """The package's application with PKCE demanded, and with answers that can be spoiled."""

    def __init__(self, inner: Application) -> None:
        self.inner, self.what = inner, ""
        self.challenges: dict[str, str] = {}

    def __call__(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/spoil":
            self.what = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
            start("204 No Content", [])
            return []
        if path == "/oauth2/token" and not self._proved(environ):
            return _json(start, "400 Bad Request", {"error": "invalid_grant"})
        if path == "/oauth2/authorize" and "code_challenge" not in environ["QUERY_STRING"]:
            return _json(start, "400 Bad Request", {"error": "invalid_request"})
        return self._spoiled(path, environ, start)

    def _proved(self, environ: dict[str, Any]) -> bool:
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        environ["wsgi.input"] = io.BytesIO(body)
        sent = parse_qs(body.decode())
        verifier = sent.get("code_verifier", [""])[0].encode()
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest()).rstrip(b"=").decode()
        return self.challenges.get(sent.get("code", [""])[0]) == made

    def _spoiled(self, path: str, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        kept: list[Any] = []

        def starting(status: str, headers: list[tuple[str, str]], *_: Any) -> None:
            kept.extend((status, headers))

        body = b"".join(self.inner(environ, starting))
        status, headers = kept[0], kept[1]
        location = dict(headers).get("Location", "")
        if path == "/oauth2/authorize" and "code=" in location:
            asked = parse_qs(environ["QUERY_STRING"])
            if asked["code_challenge_method"] == ["S256"]:
                self.challenges[parse_qs(urlsplit(location).query)["code"][0]] = asked["code_challenge"][0]
        spoil = SPOILT.get((path, self.what))
        if spoil is None:
            start(status, headers)
            return [body]
        return spoil(start, json.loads(body))


def _json(start: Start, status: str, value: Any) -> list[bytes]:
    body = json.dumps(value).encode()
    start(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _described(**changes: Any) -> Callable[[Start, dict[str, Any]], list[bytes]]:
    return lambda start, found: _json(start, "200 OK", found | changes)


def _elsewhere(start: Start, _found: Any) -> list[bytes]:
    start("302 Found", [("Location", "http://localhost:9/.well-known/openid-configuration"), ("Content-Length", "0")])
    return [b""]


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    def read(part: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        return found

    header, claims, _ = token.split(".")
    return read(header), read(claims)


def _unsigned(start: Start, found: dict[str, Any]) -> list[bytes]:
    """`alg` is none, and no signature."""
    header, claims = _parts(found["id_token"])

    def written(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return _json(start, "200 OK", found | {"id_token": f"{written(header | {'alg': 'none'})}.{written(claims)}."})


def _signed(algorithm: str, make: Callable[[], Any]) -> Callable[[Start, dict[str, Any]], list[bytes]]:
    """The right claims, signed by somebody else's key."""

    def spoil(start: Start, found: dict[str, Any]) -> list[bytes]:
        from joserfc import jwt

        header, claims = _parts(found["id_token"])
        return _json(
            start, "200 OK", found | {"id_token": jwt.encode(header | {"alg": algorithm}, claims, make(), [algorithm])}
        )

    return spoil


def _shared_secret() -> Any:
    from joserfc.jwk import OctKey

    return OctKey.import_key(CLIENT_SECRET)


def _other_key() -> Any:
    from joserfc.jwk import RSAKey

    return RSAKey.generate_key(2048)


def _without(name: str) -> Callable[[Start, dict[str, Any]], list[bytes]]:
    return lambda start, found: _json(start, "200 OK", {key: value for key, value in found.items() if key != name})


_TOKEN, _CONFIGURATION = "/oauth2/token", "/.well-known/openid-configuration"
SPOILT: dict[tuple[str, str], Callable[[Start, Any], list[bytes]]] = {
    (_TOKEN, "alg none"): _unsigned,
    (_TOKEN, "alg HS256"): _signed("HS256", _shared_secret),
    (_TOKEN, "another key"): _signed("RS256", _other_key),
    (_TOKEN, "no ID token"): _without("id_token"),
    (_TOKEN, "no token at all"): lambda start, _found: _json(start, "200 OK", ["nothing"]),
    (_TOKEN, "a failure"): lambda start, _found: _json(start, "502 Bad Gateway", {}),
    (_CONFIGURATION, "another issuer"): _described(issuer="https://other.example"),
    (_CONFIGURATION, "an unsafe token endpoint"): _described(token_endpoint="http://login.example/token"),
    (_CONFIGURATION, "no key address"): _described(jwks_uri=None),
    (_CONFIGURATION, "plain PKCE alone"): _described(code_challenge_methods_supported=["plain"]),
    (_CONFIGURATION, "a redirect"): _elsewhere,
    (_CONFIGURATION, "a flood"): _described(flood="x" * 300_000),
    ("/jwks", "no keys"): lambda start, _found: _json(start, "200 OK", {"keys": []}),
    ("/jwks", "a shared secret as a key"): lambda start, _found: _json(
        start, "200 OK", {"keys": [{"kty": "oct", "k": "AAAA"}]}
    ),
}


def main(port_file: Path) -> None:
    """Serve on a free port, and say which."""
    warnings.simplefilter("ignore")
    import oidc_provider_mock
    from werkzeug.serving import make_server

    app = oidc_provider_mock.app(require_nonce=True)
    app.debug = False
    server = make_server("localhost", 0, Around(app.wsgi_app), threaded=True)
    scratch = port_file.with_suffix(".new")
    scratch.write_text(str(server.server_port))
    scratch.replace(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
