"""The manifest of a model on disk: every byte counts, nothing hides."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from pathlib import Path

import pytest

from governance.digests import digest_bytes
from governance.errors import MeasurementError
from governance.evidence import EvidenceStore
from governance.registry.manifest import manifest_from_json, manifest_of, manifest_to_json
from governance.subject import compare


@pytest.fixture
def model(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_bytes(b"flavors: {}\n")
    (folder / "data" / "weights.bin").write_bytes(bytes(range(256)) * 9000)
    (folder / ".gitignore").write_bytes(b"*\n")
    return folder


def test_every_file_is_listed_with_its_size_and_digest(model: Path) -> None:
    found = {item.name: item for item in manifest_of(model).files}
    assert list(found) == [".gitignore", "MLmodel", "data/weights.bin"]
    assert found["data/weights.bin"].size == 256 * 9000
    assert found["MLmodel"].sha256 == "sha256:" + hashlib.sha256(b"flavors: {}\n").hexdigest()


def test_the_digest_is_of_the_canonical_listing(model: Path) -> None:
    manifest = manifest_of(model)
    listing = [{"name": i.name, "sha256": i.sha256, "size": i.size} for i in manifest.files]
    assert manifest_to_json(manifest) == json.dumps(listing, separators=(",", ":")).encode()
    assert digest_bytes(manifest_to_json(manifest)) == manifest.digest


def test_a_manifest_is_kept_under_the_models_own_digest(model: Path, tmp_path: Path) -> None:
    manifest, store = manifest_of(model), EvidenceStore(tmp_path / "evidence")
    assert store.put(manifest_to_json(manifest)) == manifest.digest
    assert manifest_from_json(store.get(manifest.digest)) == manifest


def test_one_changed_byte_is_found_by_name_and_restored(model: Path) -> None:
    signed, path = manifest_of(model), model / "data" / "weights.bin"
    path.write_bytes(b"\xff" + path.read_bytes()[1:])
    assert str(compare(signed, manifest_of(model))) == "changed: data/weights.bin"
    path.write_bytes(b"\x00" + path.read_bytes()[1:])
    assert manifest_of(model) == signed


def test_two_files_that_swap_their_names_change_the_digest(model: Path) -> None:
    before = manifest_of(model)
    (model / "MLmodel").rename(model / "x")
    (model / ".gitignore").rename(model / "MLmodel")
    (model / "x").rename(model / ".gitignore")
    assert manifest_of(model).digest != before.digest


def test_only_what_mlflow_adds_on_download_is_left_out_and_only_at_the_root(model: Path) -> None:
    before = manifest_of(model)
    (model / "registered_model_meta").write_text("model_name: hiring\n")
    assert manifest_of(model) == before
    (model / "data" / "registered_model_meta").write_text("model_name: hiring\n")
    assert compare(before, manifest_of(model)).extra == ("data/registered_model_meta",)


def test_a_folder_of_that_name_hides_nothing_inside_the_model(model: Path) -> None:
    (model / "registered_model_meta").mkdir()
    (model / "registered_model_meta" / "payload.py").write_text("raise SystemExit\n")
    assert "registered_model_meta/payload.py" in [item.name for item in manifest_of(model).files]


@pytest.mark.parametrize("where", ["link", "data/link"])
@pytest.mark.parametrize("target", ["MLmodel", "/etc/hostname", "nowhere"])
def test_links_are_refused_by_name(model: Path, where: str, target: str) -> None:
    (model / where).symlink_to(target)
    with pytest.raises(MeasurementError, match=f"{where} is a link"):
        manifest_of(model)


def test_a_link_to_a_folder_is_refused(model: Path, tmp_path: Path) -> None:
    (model / "more").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(MeasurementError, match="more is a link"):
        manifest_of(model)
    (tmp_path / "other").symlink_to(model / "data", target_is_directory=True)
    with pytest.raises(MeasurementError, match="is not a folder"):
        manifest_of(tmp_path / "other")


def test_special_files_are_refused(model: Path) -> None:
    os.mkfifo(model / "pipe")
    with pytest.raises(MeasurementError, match="pipe is a link or a special file"):
        manifest_of(model)
    (model / "pipe").unlink()
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(model)  # socket paths are limited to about a hundred bytes
        try:
            server.bind("socket")
        finally:
            os.chdir(here)
        with pytest.raises(MeasurementError, match="socket is a link or a special file"):
            manifest_of(model)


@pytest.mark.parametrize("name", ["two\nlines", "re\rturn", "tab\tname", "del\x7f"])
def test_control_characters_in_names_are_refused(model: Path, name: str) -> None:
    (model / name).write_bytes(b"")
    with pytest.raises(MeasurementError, match="control character"):
        manifest_of(model)


def test_a_name_that_is_not_utf8_is_refused(model: Path) -> None:
    Path(os.fsdecode(os.fsencode(model) + b"/caf\xe9")).write_bytes(b"")
    with pytest.raises(MeasurementError, match="not UTF-8"):
        manifest_of(model)


def test_nothing_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "empty" / "deeper").mkdir(parents=True)
    with pytest.raises(MeasurementError, match="holds no file"):
        manifest_of(tmp_path / "empty")
    with pytest.raises(MeasurementError, match="gone or were never there"):
        manifest_of(tmp_path / "missing")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'[{"name":"a","sha256":"sha256:0","size":"1"}]',
        b'[{"name":"a","sha256":"sha256:0","size":true}]',
        b'[{"name":"a","sha256":"sha256:0","size":1,"more":1}]',
        b'[{"name":"a","name":"b","sha256":"sha256:0","size":1}]',
        b'[ {"name":"a","sha256":"sha256:0","size":1}]',
        b'[{"name":"b","sha256":"sha256:0","size":1},{"name":"a","sha256":"sha256:0","size":1}]',
        b'[{"name":"a","sha256":"sha256:0","size":1},{"name":"a","sha256":"sha256:0","size":1}]',
        b"\xff",
    ],
)
def test_bytes_that_are_no_canonical_manifest_are_refused(data: bytes) -> None:
    with pytest.raises(MeasurementError, match="not a model manifest"):
        manifest_from_json(data)
