"""Evidence is kept under the digest of its bytes, and is what it was or an error."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from governance.digests import digest_bytes
from governance.errors import ConfigurationError, LedgerError, LedgerTamperedError
from governance.evidence import EvidenceStore


def _file(store: EvidenceStore, digest: str) -> Path:
    name = digest.removeprefix("sha256:")
    return store.folder / name[:2] / name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(data=st.binary(max_size=300))
def test_what_is_kept_comes_back(tmp_path: Path, data: bytes) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    digest = store.put(data)
    assert digest == digest_bytes(data)
    assert store.get(digest) == data
    assert store.put(data) == digest


def test_nothing_but_the_evidence_lies_in_the_store(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path / "evidence")
    digest = store.put(b"report")
    assert [path for path in store.folder.rglob("*") if path.is_file()] == [_file(store, digest)]


@pytest.mark.parametrize("changed", [b"", b"repord", b"report\n"])
def test_changed_evidence_is_loud(tmp_path: Path, changed: bytes) -> None:
    store = EvidenceStore(tmp_path)
    digest = store.put(b"report")
    _file(store, digest).write_bytes(changed)
    with pytest.raises(LedgerTamperedError, match="was changed: its digest differs"):
        store.get(digest)
    with pytest.raises(LedgerTamperedError, match="was changed"):
        store.put(b"report")


def test_missing_evidence_is_loud_and_can_be_given_again(tmp_path: Path) -> None:
    store = EvidenceStore(tmp_path)
    digest = store.put(b"report")
    _file(store, digest).unlink()
    with pytest.raises(LedgerTamperedError, match=f"the evidence {digest} is missing below"):
        store.get(digest)
    store.put(b"report")
    assert store.get(digest) == b"report"


@pytest.mark.parametrize(
    "digest",
    [
        *("", "sha256:", "md5:" + "a" * 64, "a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63),
        *("sha256:../" + "a" * 61, "sha256:" + "a" * 64 + "\n"),
    ],
)
def test_what_is_no_digest_is_refused(tmp_path: Path, digest: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a digest of the form"):
        EvidenceStore(tmp_path).get(digest)


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(LedgerError, match="cannot be written"):
        EvidenceStore(tmp_path / "file").put(b"report")
    digest = digest_bytes(b"report")
    _file(EvidenceStore(tmp_path), digest).mkdir(parents=True)
    with pytest.raises(LedgerError, match="cannot be read"):
        EvidenceStore(tmp_path).get(digest)


def test_many_keep_the_same_at_once(tmp_path: Path) -> None:
    store, found = EvidenceStore(tmp_path), []
    threads = [threading.Thread(target=lambda: found.append(store.put(b"x" * 100_000))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert store.get(found[0]) == b"x" * 100_000
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
