"""What of a saved MLflow model runs code when it is loaded, by its MLmodel file and by the files themselves.

The MLmodel file says what a careful person saved; a hostile one hides a pickle under another name. So every file is
looked at: its first bytes, what an archive or a compressed file holds, and whether it reads as a pickle, which has no
fixed first bytes in its oldest form. Nothing is loaded. A file that looks like nothing known is "unknown".
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from audits.model_signature import model_description
from audits.sandbox import Sandbox
from governance.errors import MeasurementError

FORMATS = {
    "pickle": "a pickle (also joblib, torch and NumPy objects): loading one is running it",
    "cloudpickle": "a pickle with code of its own",
    "skops": "skops: loading runs the classes that the model trusts by its own list",
    "python-code": "Python code that travels with the model, or a loader of its own",
    "torch": "a PyTorch model",
    "keras": "a Keras or TensorFlow model, which can hold functions",
    "keras-lambda": "a Keras model with a Lambda layer: Python code",
    "onnx": "ONNX: a graph, read by native code",
    "xgboost": "XGBoost as JSON, UBJSON or binary, read by native code",
    "lightgbm": "LightGBM as text, read by native code",
    "catboost": "CatBoost, read by native code",
    "native-code": "a compiled library",
    "r": "R objects",
    "unknown": "a file of which nobody can tell what it is",
}
"""Every name that `formats_of` gives and a policy can list in `untrusted_formats`, with what it means."""

_HEAD = 1 << 20
_MOST = 64 << 20  # of what is packed; of the rest nobody can tell what it is
_DEEPEST = 3
_MANY_FILES = 10_000
_FLAVORS = {
    "onnx": "onnx", "xgboost": "xgboost", "lightgbm": "lightgbm", "catboost": "catboost", "pytorch": "torch",
    "tensorflow": "keras", "keras": "keras", "crate": "r",
}  # fmt: skip
_MAGIC = (
    (b"\x7fELF", "native-code"),
    (b"MZ", "native-code"),
    (b"\xcf\xfa\xed\xfe", "native-code"),
    (b"\x89HDF\r\n\x1a\n", "keras"),
    (b"CBM1", "catboost"),
    (b"RDX", "r"),
    (b"binf", "xgboost"),
    (b"tree\nversion=", "lightgbm"),
)
_ENDINGS = {".onnx": "onnx", ".ubj": "xgboost", ".skops": "skops", ".pt": "torch", ".pth": "torch", ".pb": "keras"}
_ENDINGS |= {".keras": "keras", ".h5": "keras", ".py": "python-code", ".pyc": "python-code", ".rds": "r"}
_ENDINGS |= {".pkl": "pickle", ".pickle": "pickle", ".joblib": "pickle", ".dill": "pickle"}
_PACKED: tuple[tuple[bytes, Callable[[IO[bytes]], Any]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"]\x00\x00", lzma.LZMAFile),
)
_ZLIB = (b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_RUNS = {"GLOBAL", "STACK_GLOBAL", "INST", "REDUCE", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD", "EXT1", "EXT2", "EXT4"}
_DATA = (b"\x93NUMPY", b"PAR1", b"ARROW1", b"\x89PNG\r\n", b"SQLite format 3\x00")


def formats_of(folder: Path) -> tuple[str, ...]:
    """The names (of FORMATS), in their order, of what the model in `folder` needs to be loaded.

    Raises MeasurementError where its MLmodel file is missing or malformed, for links and special files, and for more
    than 10,000 files.
    """
    found = {*_declared(model_description(folder))}
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if number >= _MANY_FILES:
            raise MeasurementError(f"The model in {folder} has more than {_MANY_FILES:,} files: save it anew.")
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise MeasurementError(f"{path} is a link or no regular file: a model is plain files. Save it anew.")
        if path.is_file():
            found |= _of_file(path)
    return tuple(name for name in FORMATS if name in found)


def refuse_untrusted(formats: tuple[str, ...], untrusted: tuple[str, ...], sandbox: Sandbox) -> None:
    """Models of a format that the policy calls untrusted run in a sandbox that holds, or not at all.

    Raises MeasurementError with the formats, what is missing here and the ways out.
    """
    named = [name for name in formats if name in untrusted]
    if not named or sandbox.holds():
        return
    raise MeasurementError(
        f"The model is not scored: it needs {', '.join(named)}, which the policy calls untrusted, and no sandbox holds"
        f" here (what holds: {sandbox.told()}; a model could {'; '.join(sandbox.missing())}). Score where"
        " `fairgate doctor` says that the sandbox holds, save the model in another format, or have the predictions made"
        " elsewhere and name their column in [data] prediction of the plan."
    )


def _declared(description: Mapping[Any, Any]) -> Iterator[str]:
    """What the flavors of MLmodel say. A flavor that is not known is "unknown"."""
    flavors = description.get("flavors")
    if not isinstance(flavors, dict) or not flavors:
        yield "unknown"
        return
    for name, written in flavors.items():
        said: dict[Any, Any] = written if isinstance(written, dict) else {}
        form = said.get("serialization_format")
        if isinstance(form, str):
            yield form if form in FORMATS else "unknown"
        if name == "python_function":
            yield from _of_python_function(said)
        elif name in _FLAVORS:
            yield _FLAVORS[name]
        elif name != "sklearn":
            yield "unknown"
        if said.get("code"):
            yield "python-code"


def _of_python_function(said: Mapping[Any, Any]) -> Iterator[str]:
    loader = said.get("loader_module")
    if not (isinstance(loader, str) and (loader == "mlflow" or loader.startswith("mlflow."))):
        yield "python-code"
    if said.get("model_code_path") or said.get("code"):
        yield "python-code"
    if said.get("python_model") or said.get("cloudpickle_version"):
        yield "cloudpickle"


def _of_file(path: Path) -> set[str]:
    found = {_ENDINGS[path.suffix.lower()]} if path.suffix.lower() in _ENDINGS else set()
    with path.open("rb") as file:
        return found | (_of_bytes(file, 0, known=bool(found)) - ({"unknown"} if found else set()))


def _of_bytes(file: IO[bytes], depth: int, *, known: bool = False) -> set[str]:
    """What a file is; it is looked into only so deep, and deeper is unknown."""
    if depth > _DEEPEST:
        return {"unknown"}
    head = file.read(_HEAD)
    found = {name for magic, name in _MAGIC if head.startswith(magic)}
    file.seek(0)
    if _is_pickle(head, file):
        found.add("pickle")
    if b"Lambda" in head and (known or "keras" in found):
        found.add("keras-lambda")
    file.seek(0)
    if zipfile.is_zipfile(file):
        return found | _of_archive(file, depth)
    file.seek(0)
    if head.startswith(_DATA[0]):
        return found | ({"pickle"} if b"'|O'" in head[:1_024] or b"O" in _descr(head) else set())
    inner = _unpacked(file, head)
    if inner is not None:
        return found | _of_packed(inner, depth)
    return found or (set() if head.startswith(_DATA) or _is_text(head) else {"unknown"})


def _of_archive(file: IO[bytes], depth: int) -> set[str]:
    found: set[str] = set()
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            for name in names[:_MANY_FILES]:
                with archive.open(name) as member:
                    found |= _of_member(name, member.read(_MOST + 1), depth)
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, zlib.error):
        return found | {"unknown"}
    if "schema.json" in names:
        found.add("skops")
    if any(name.endswith("data.pkl") for name in names):
        found.add("torch")
    return found | ({"unknown"} if len(names) > _MANY_FILES else set())


def _of_member(name: str, data: bytes, depth: int) -> set[str]:
    suffix = Path(name).suffix.lower()
    found = {_ENDINGS[suffix]} if suffix in _ENDINGS else set()
    if Path(name).name == "config.json" and b"Lambda" in data:
        found |= {"keras", "keras-lambda"}
    return found | _of_packed(data, depth)


def _of_packed(data: bytes, depth: int) -> set[str]:
    return _of_bytes(io.BytesIO(data), depth + 1) | ({"unknown"} if len(data) > _MOST else set())


def _unpacked(file: IO[bytes], head: bytes) -> bytes | None:
    """What a compressed file holds (the beginning, if it is much), None where it is none or cannot be unpacked."""
    try:
        for magic, opened in _PACKED:
            if head.startswith(magic):
                return bytes(opened(file).read(_MOST + 1))
        if head.startswith(_ZLIB):
            return zlib.decompressobj().decompress(file.read(_MOST), _MOST + 1)
    except (OSError, EOFError, lzma.LZMAError, zlib.error, ValueError):
        return None
    return None


def _is_pickle(head: bytes, file: IO[bytes]) -> bool:
    """Does it begin as a pickle of protocol 2 or later, or read as one that calls something?"""
    if len(head) > 1 and head[0] == 0x80 and head[1] <= 5:
        return True
    runs = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for code, _, _ in pickletools.genops(file):
                runs = runs or code.name in _RUNS
                if code.name == "STOP":
                    return runs
    except Exception:  # noqa: BLE001 - pickletools raises whatever bytes of others make it raise
        return False
    return False


def _descr(head: bytes) -> bytes:
    """The type in the header of a NumPy file: with an O in it the values are pickled."""
    return head[10:1_024].partition(b"'descr':")[2].partition(b"'fortran_order'")[0]


def _is_text(head: bytes) -> bool:
    try:
        text = head[: len(head) - 4].decode("utf-8") if len(head) == _HEAD else head.decode("utf-8")
    except UnicodeDecodeError as error:
        return len(head) == _HEAD and error.start > len(head) - 8
    return "\0" not in text
