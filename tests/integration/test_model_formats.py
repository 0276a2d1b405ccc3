"""Formats named from files that were made by hand: pickles in hiding, archives, and what is plain data."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from audits.model_formats import formats_of
from governance.errors import MeasurementError

SKLEARN = "flavors:\n  python_function: {loader_module: mlflow.sklearn}\n  sklearn: {serialization_format: skops}\n"
PLAIN = "flavors:\n  python_function: {loader_module: mlflow.onnx}\n  onnx: {}\n"


class Runs:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return eval, ("1",)


def archive(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, data in members.items():
            opened.writestr(name.replace("_", "."), data)
    return made.getvalue()


def saved(array: np.ndarray) -> bytes:  # type: ignore[type-arg]
    made = io.BytesIO()
    np.save(made, array, allow_pickle=True)
    return made.getvalue()


RUNS = [pickle.dumps(Runs(), protocol) for protocol in range(6)]
LATE = b"V" + b"x" * (2 << 20) + b"\n0" + RUNS[0]  # reads as text, and calls something after 2 MiB


@pytest.mark.parametrize(
    ("data", "found"),
    [
        *((data, {"pickle"}) for data in RUNS),
        (LATE, {"pickle"}),
        (gzip.compress(LATE), {"pickle"}),
        (archive(notes_txt=LATE), {"pickle"}),
        (b"Total,Xa,Vb,Tc,Bd\n" * 100_000, set()),
        (gzip.compress(bytes(65 << 20)), {"unknown"}),
        (gzip.compress(RUNS[0]), {"pickle"}),
        (bz2.compress(RUNS[5]), {"pickle"}),
        (lzma.compress(RUNS[2]), {"pickle"}),
        (zlib.compress(RUNS[4]), {"pickle"}),
        (gzip.compress(gzip.compress(RUNS[0])), {"pickle"}),
        (archive(weights_bin=RUNS[0]), {"pickle"}),
        (archive(inner_bin=archive(weights_bin=RUNS[4])), {"pickle"}),
        (RUNS[4] + archive(readme_txt=b"text"), {"pickle"}),
        (archive(schema_json=b"{}"), {"skops"}),
        (archive(data_pkl=RUNS[2]), {"pickle", "torch"}),
        (archive(config_json=b'{"class_name": "Lambda"}'), {"keras", "keras-lambda"}),
        (archive(planted_py=b"import os"), {"python-code"}),
        (b"\x89HDF\r\n\x1a\n" + b'"class_name": "Lambda"', {"keras", "keras-lambda"}),
        (b"\x7fELF" + bytes(60), {"native-code"}),
        (b"tree\nversion=v4\n", {"lightgbm"}),
        (saved(np.array([Runs()])), {"pickle"}),
        (saved(np.array([1.0])), set()),
        (b'{"input": [1, 2]}', set()),
        ("Größe: 5\n".encode(), set()),
        (b"", set()),
        (b"\x00\x01\x02\x03", {"unknown"}),
        (b"text with a \x00 in it", {"unknown"}),
        (archive(a_bin=archive(a_bin=archive(a_bin=archive(a_bin=RUNS[4])))), {"unknown"}),
    ],
    ids=lambda value: "bytes" if isinstance(value, bytes) else "-".join(sorted(value)),  # gzip holds the time
)
def test_a_file_is_named_by_what_it_is(tmp_path: Path, data: bytes, found: set[str]) -> None:
    (tmp_path / "MLmodel").write_text(PLAIN)
    (tmp_path / "data.txt").write_bytes(data)
    assert set(formats_of(tmp_path)) == found | {"onnx"}


@pytest.mark.parametrize(
    ("description", "found"),
    [
        (SKLEARN, {"skops"}),
        (SKLEARN.replace("skops", "cloudpickle"), {"cloudpickle"}),
        (SKLEARN.replace("skops", "dill"), {"unknown"}),
        ("flavors:\n  python_function: {loader_module: evil}\n", {"python-code"}),
        ("flavors:\n  python_function: {loader_module: mlflowevil}\n", {"python-code"}),
        ("flavors:\n  python_function: {}\n", {"python-code"}),
        ("flavors:\n  python_function: {loader_module: mlflow.sklearn, code: code}\n", {"python-code"}),
        ("flavors:\n  python_function: {loader_module: mlflow.pyfunc.model, python_model: m.bin}\n", {"cloudpickle"}),
        ("flavors:\n  own_flavor: {}\n", {"unknown"}),
        ("flavors: {}\n", {"unknown"}),
        ("run_id: x\n", {"unknown"}),
    ],
)
def test_what_the_model_says_of_itself_counts_too(tmp_path: Path, description: str, found: set[str]) -> None:
    (tmp_path / "MLmodel").write_text(description)
    assert set(formats_of(tmp_path)) == found


@pytest.mark.parametrize("name", ["model.PKL", "code/deep/a.py", "weights.joblib"])
def test_a_name_counts_whatever_the_file_holds(tmp_path: Path, name: str) -> None:
    (tmp_path / "MLmodel").write_text(PLAIN)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(bytes(9))
    assert set(formats_of(tmp_path)) == {"onnx", "python-code" if name.endswith("py") else "pickle"}


def test_a_link_is_no_part_of_a_model(tmp_path: Path) -> None:
    (tmp_path / "MLmodel").write_text(PLAIN)
    (tmp_path / "linked").symlink_to("/etc/passwd")
    with pytest.raises(MeasurementError, match="is a link or no regular file"):
        formats_of(tmp_path)
