"""The provider of single sign-on as the administrator names it in a TOML file: strict keys, strict types."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from governance.errors import ConfigurationError
from governance.linking import check_issuer
from reports.console.openid import Provider

MAX_BYTES = 64 * 1024
_KEYS = ("name", "issuer", "client_id", "client_secret_file", "scopes", "several_factors")


def read_provider(path: Path) -> Provider:
    """The provider in this file. A relative `client_secret_file` is beside it. Raises ConfigurationError."""
    try:
        document = tomllib.loads(_bytes(path, path).decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"{path} is not valid TOML: {error}") from error
    unknown = sorted(set(document) - set(_KEYS))
    if unknown:
        raise ConfigurationError(f"{path} has the unknown key {unknown[0]!r}; known keys: {', '.join(_KEYS)}")
    scopes = _texts(document, "scopes", path) or ("openid",)
    if "openid" not in scopes:
        raise ConfigurationError(f"{path}: scopes has no 'openid', without which a provider names nobody")
    issuer = _text(document, "issuer", path)
    check_issuer(issuer)
    return Provider(
        name=_text(document, "name", path),
        issuer=issuer,
        client_id=_text(document, "client_id", path),
        client_secret=_secret(document, path),
        scopes=scopes,
        several_factors=_texts(document, "several_factors", path),
    )


def _secret(document: Mapping[str, Any], path: Path) -> str:
    """The client's secret, never in the file itself; empty for a public client, which PKCE alone protects."""
    if "client_secret_file" not in document:
        return ""
    file = path.parent / _text(document, "client_secret_file", path)
    try:
        found = _bytes(file, path).decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the client secret in {file} is not ASCII text") from error
    if not found:
        raise ConfigurationError(f"the client secret in {file} is empty")
    return found


def _bytes(file: Path, path: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigurationError(f"{file}, which {path} needs, cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ConfigurationError(f"{file} has more than {MAX_BYTES:,} bytes")
    return data


def _text(document: Mapping[str, Any], key: str, path: Path) -> str:
    value = document.get(key)
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigurationError(f"{path}: {key} is {value!r}; write a text")
    return value


def _texts(document: Mapping[str, Any], key: str, path: Path) -> tuple[str, ...]:
    value = document.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item and " " not in item for item in value):
        raise ConfigurationError(f"{path}: {key} is {value!r}; write a list of words")
    return tuple(value)
