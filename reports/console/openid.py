"""OpenID Connect at one provider: the authorization code flow with PKCE, and the ID token's validation. By Authlib.

Discovery and keys are fetched anew each time: a sign-on is rare, and a key that was withdrawn counts no more at once.
No request follows a redirect, waits longer than five seconds for a part (ten in all), or reads more than 256 KiB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from governance.errors import NotAuthorizedError, ServiceError
from governance.identities import Identity
from governance.linking import safe_address

SECONDS = 5.0
MAX_BYTES = 256 * 1024
LEEWAY = 60
"""Seconds by which the provider's clock may differ from ours."""

# Signatures that only the provider can make: no `none`, and no HS256, whose key would be our own secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_DISCOVERY = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider as the administrator names it. `name` is what people call it.

    `several_factors` are values of `acr` by which this provider says that it checked several factors.
    """

    name: str
    issuer: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    scopes: tuple[str, ...] = ("openid",)
    several_factors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What was sent to the provider, and what its answer must fit. `state` ties the answer to this browser."""

    redirect_uri: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class SignedOn:
    """Who the provider says it was, and how it knows. `auth_time` in seconds since 1970, None where it does not say."""

    identity: Identity
    amr: tuple[str, ...]
    acr: str
    auth_time: float | None


def new_secret() -> str:
    """43 characters that nobody guesses: a nonce, a PKCE verifier."""
    from authlib.common.security import generate_token

    return str(generate_token(43))


def where_to_ask(provider: Provider) -> str:
    """The provider's own address for the question. Raises ServiceError where it does not answer as it should."""
    return str(_discovered(provider)["authorization_endpoint"])


def question(provider: Provider, asked: Asked, where: str, state: str, *, anew: bool) -> str:
    """The address, at `where`, to which the browser goes to sign on.

    `anew`: the provider must ask the person now, whatever session she has there.
    """
    more: dict[str, Any] = {"prompt": "login", "max_age": "0"} if anew else {}
    url, _ = _client(provider, asked).create_authorization_url(
        where, state=state, code_verifier=asked.verifier, nonce=asked.nonce, **more
    )
    return str(url)


def signed_on(provider: Provider, asked: Asked, code: str, now: datetime) -> SignedOn:
    """Who signed on, from the code that the browser brought back. `now` is UTC.

    Raises NotAuthorizedError where the provider refuses the code or its token does not fit what was asked, ServiceError
    where it does not answer.
    """
    described = _discovered(provider)
    answer = _token(provider, asked, described["token_endpoint"], code)
    keys = _fetched(provider, described["jwks_uri"])
    allowed = described.get("id_token_signing_alg_values_supported", ALGORITHMS)
    algorithms = [name for name in ALGORITHMS if isinstance(allowed, list | tuple) and name in allowed]
    claims = _validated(provider, asked, answer, keys, algorithms, now)
    return SignedOn(
        Identity(provider.issuer, claims["sub"]),
        tuple(item for item in claims.get("amr") or () if isinstance(item, str)),
        acr if isinstance(acr := claims.get("acr"), str) else "",
        claims.get("auth_time"),
    )


def _validated(
    provider: Provider,
    asked: Asked,
    answer: Mapping[str, Any],
    keys: Mapping[str, Any],
    algorithms: list[str],
    now: datetime,
) -> dict[str, Any]:
    """The claims of the ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    options = {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "nonce": {"essential": True, "value": asked.nonce},
        **{name: {"essential": True} for name in ("sub", "exp", "iat")},
    }
    said = {"nonce": asked.nonce, "client_id": provider.client_id, "access_token": answer.get("access_token")}
    try:
        token = jwt.decode(str(answer.get("id_token", "")), KeySet.import_key_set(_public(keys)), algorithms)
        claims = CodeIDToken(token.claims, token.header, options, said)
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise NotAuthorizedError(f"the answer of {provider.name} is not to be trusted ({_why(error)})") from error
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise NotAuthorizedError(f"the answer of {provider.name} names nobody")
    return dict(claims)


def _public(keys: Mapping[str, Any]) -> Any:
    """The provider's keys with which nobody else can sign: a shared secret in the set is none of them."""
    found = keys.get("keys", ())
    return {"keys": [key for key in found if isinstance(key, Mapping) and key.get("kty") in ("RSA", "EC")]}


def _token(provider: Provider, asked: Asked, endpoint: str, code: str) -> Mapping[str, Any]:
    """The token endpoint's answer for this code, with the PKCE verifier and the client's own secret."""
    from authlib.oauth2.rfc6749.parameters import prepare_token_request

    body = prepare_token_request("authorization_code", "", asked.redirect_uri, code=code, code_verifier=asked.verifier)
    client = _client(provider, asked)
    headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
    sign = client.client_auth(client.token_endpoint_auth_method)
    url, headers, body = sign.prepare("POST", endpoint, headers, body)
    status, answer = _exchanged(provider, "POST", url, headers, body)
    if status >= 500:
        raise _silent(provider, f"status {status}")
    if status != 200 or "error" in answer:
        raise NotAuthorizedError(f"{provider.name} did not take the code back")
    return answer


def _client(provider: Provider, asked: Asked) -> Any:
    from authlib.oauth2.client import OAuth2Client

    return OAuth2Client(
        None,
        client_id=provider.client_id,
        client_secret=provider.client_secret or None,
        scope=" ".join(provider.scopes),
        redirect_uri=asked.redirect_uri,
        code_challenge_method="S256",
    )


def _discovered(provider: Provider) -> Mapping[str, Any]:
    """How the provider describes itself (OpenID Connect Discovery 1.0): under its own name, with safe addresses."""
    found = _fetched(provider, provider.issuer.rstrip("/") + _DISCOVERY)
    if found.get("issuer") != provider.issuer:
        raise ServiceError(f"{provider.name} calls itself by another name than {provider.issuer}")
    methods = found.get("code_challenge_methods_supported")
    if isinstance(methods, list) and "S256" not in methods:
        raise ServiceError(f"{provider.name} does not know PKCE with S256")
    for name in _ENDPOINTS:
        address = found.get(name)
        if not isinstance(address, str) or not safe_address(address) or not _as_safe(address, provider.issuer):
            raise ServiceError(f"{provider.name} gives no safe address as its {name}")
    return found


def _as_safe(address: str, issuer: str) -> bool:
    """A provider elsewhere cannot lead us to this machine: only one on this machine has addresses without TLS."""
    return urlsplit(address).scheme == "https" or urlsplit(issuer).scheme == "http"


def _fetched(provider: Provider, address: str) -> Mapping[str, Any]:
    status, answer = _exchanged(provider, "GET", address, {"accept": "application/json"}, None)
    if status != 200:
        raise _silent(provider, f"status {status}")
    return answer


def _exchanged(
    provider: Provider, method: str, address: str, headers: Mapping[str, str], body: str | None
) -> tuple[int, Mapping[str, Any]]:
    """One request and its JSON object. Raises ServiceError where there is none."""
    import json
    from time import monotonic

    import httpx

    until = monotonic() + 2 * SECONDS
    try:
        with (
            httpx.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream(method, address, headers=headers, content=body) as answer,
        ):
            data = b""
            for part in answer.iter_bytes():
                data += part
                if len(data) > MAX_BYTES or monotonic() > until:
                    raise _silent(provider, "too much, or too slow")
        found = json.loads(data) if answer.status_code < 300 or data[:1] == b"{" else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, RecursionError) as error:
        raise _silent(provider, type(error).__name__) from error
    return answer.status_code, found if isinstance(found, dict) else {}


def _silent(provider: Provider, why: str) -> ServiceError:
    return ServiceError(f"{provider.name} does not answer as a provider of single sign-on does ({why})")


def _why(error: Exception) -> str:
    """The library's own short word, never a text of the token."""
    return str(getattr(error, "error", "")) or type(error).__name__
