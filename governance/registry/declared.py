"""What a model says of itself: the audit plan that was logged with it, inside its bytes and so inside its digest."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from governance.errors import ConfigurationError

_LIMIT = 1 << 20
_DEPTH = 50


def declared_plan(folder: Path) -> bytes | None:
    """The TOML text below `metadata: governance: plan:` of the model's `MLmodel` file, as UTF-8.

    None where there is no such file or it declares no plan. Raises ConfigurationError where the file is larger than
    1 MiB, is no YAML mapping, uses aliases or deep nesting (they cost without limit), or the plan is not text.
    """
    path = folder / "MLmodel"
    if not path.exists():
        return None
    plan: Any = _load(path)
    for key in ("metadata", "governance", "plan"):
        if plan is None:
            return None
        if not isinstance(plan, dict):
            raise ConfigurationError(f"{path}: {key!r} cannot be looked up, because what holds it is not a mapping")
        plan = plan.get(key)
    if plan is None:
        return None
    if not isinstance(plan, str):
        raise ConfigurationError(
            f"{path}: metadata.governance.plan is {type(plan).__name__}, not text: log the plan's TOML text as a string"
        )
    return plan.encode("utf-8")


def _load(path: Path) -> Any:
    import yaml  # type: ignore[import-untyped]

    try:
        if path.stat().st_size > _LIMIT:
            raise ConfigurationError(f"{path} is larger than {_LIMIT} bytes: no MLflow model description is")
        text = path.read_bytes().decode("utf-8")
        _refuse_unwritten(text, path)
        if repeated := _repeated(yaml.compose(text, Loader=yaml.SafeLoader)):
            raise ConfigurationError(f"{path} has the key {repeated!r} twice: which of the two holds cannot be said")
        return yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        reason = str(error).splitlines()[0]
        raise ConfigurationError(f"{path} is not a readable MLflow model description: {reason}") from error


def _refuse_unwritten(text: str, path: Path) -> None:
    """Aliases and deep nesting, which MLflow never writes: both can keep the reader busy for hours."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > _DEPTH:
            raise ConfigurationError(
                f"{path} uses YAML aliases or more than {_DEPTH} levels, which MLflow never writes: register again"
            )


def _repeated(node: Any) -> str | None:
    """A key that stands twice in one mapping, anywhere below `node`, a tree of YAML nodes."""
    kind = getattr(node, "id", None)
    if kind == "mapping":
        key, times = Counter(str(key.value) for key, _ in node.value).most_common(1)[0] if node.value else ("", 1)
        return key if times > 1 else next(filter(None, (_repeated(value) for _, value in node.value)), None)
    if kind == "sequence":
        return next(filter(None, map(_repeated, node.value)), None)
    return None
