"""What is decided on: the exact bytes of one model version. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FileDigest:
    """One file of a model: POSIX path relative to the model's root, size in bytes, `sha256:<hex>`."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a model, sorted by name. `digest` is SHA-256 over their RFC 8785 canonical JSON."""

    files: tuple[FileDigest, ...]
    digest: str


@dataclass(frozen=True, slots=True)
class ManifestChange:
    """How a manifest differs from the one that was signed: names of files."""

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    changed: tuple[str, ...]

    def __bool__(self) -> bool:
        """True where anything differs."""
        return bool(self.missing or self.extra or self.changed)

    def __str__(self) -> str:
        """For people: `changed: model.pkl; missing: MLmodel`."""
        parts = (
            ("changed", self.changed),
            ("missing", self.missing),
            ("not in the signed manifest", self.extra),
        )
        return "; ".join(f"{word}: {', '.join(names)}" for word, names in parts if names)


@dataclass(frozen=True, slots=True)
class Subject:
    """One model version, bound to its bytes: a name and version alone are reusable in MLflow.

    `created_at` is the registry's creation time in ms since the epoch, `digest` the manifest's.
    """

    registry: str
    name: str
    version: str
    created_at: int
    source: str
    digest: str
    model_id: str | None = None
    workspace: str = "default"

    def __str__(self) -> str:
        """`hiring v2`."""
        return f"{self.name} v{self.version}"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a release goes: an alias in an environment. An approval for one target releases no other."""

    environment: str
    alias: str

    def __str__(self) -> str:
        """`champion in local`."""
        return f"{self.alias} in {self.environment}"


def compare(signed: Manifest, found: Manifest) -> ManifestChange:
    """What changed between the signed manifest and the one found now."""
    before = {item.name: item for item in signed.files}
    after = {item.name: item for item in found.files}
    return ManifestChange(
        missing=tuple(sorted(before.keys() - after.keys())),
        extra=tuple(sorted(after.keys() - before.keys())),
        changed=tuple(sorted(name for name in before.keys() & after.keys() if before[name] != after[name])),
    )
