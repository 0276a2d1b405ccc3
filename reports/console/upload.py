"""Files that a person sends: streamed to disk, bounded in bytes and time, and looked at in a process of their own."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore
from typing import Annotated

from fastapi import Depends, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from governance.errors import ServiceError
from governance.ledger.examined import Examined, answer_from
from reports.console.session import ForgedFormError, Visitor, same

MAX_UPLOAD = 64 * 1024 * 1024
"""Bytes of a whole upload, form fields included; the guard counts them."""

MAX_FILES, MAX_FIELDS, MAX_FIELD = 4, 6, 8 * 1024
RECEIVE_SECONDS, EXAMINE_SECONDS = 180, 45
_SLOTS = BoundedSemaphore(2)
"""Uploads at once: each has a process with up to 1 GiB, and up to 400 MiB of disk for what it unpacks."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What was sent: the files' names as they were, each with its place in `folder`. It is gone after the answer."""

    folder: Path
    files: tuple[tuple[str, str], ...]
    fields: Mapping[str, str]


class BusyError(Exception):
    """Two uploads are being looked at already, or this one came too slowly."""


async def own_upload(request: Request, session: Visitor) -> AsyncIterator[Upload]:
    """The files of a form of this session. Nothing is read before the session is known, and at most two at once.

    Raises ForgedFormError, BusyError.
    """
    if not _SLOTS.acquire(blocking=False):
        raise BusyError
    folder = Path(await run_in_threadpool(tempfile.mkdtemp, prefix="fairgate-upload-"))
    try:
        async with asyncio.timeout(RECEIVE_SECONDS):
            files, fields = await _received(request, folder)
        if not same(fields.get("csrf", ""), session.csrf):
            raise ForgedFormError
        yield Upload(folder, files, fields)
    except TimeoutError as error:
        raise BusyError from error
    finally:
        await run_in_threadpool(shutil.rmtree, folder, ignore_errors=True)
        _SLOTS.release()


OwnUpload = Annotated[Upload, Depends(own_upload)]


async def _received(request: Request, folder: Path) -> tuple[tuple[tuple[str, str], ...], Mapping[str, str]]:
    """Small parts stay in memory (1 MiB each), larger ones go to disk as they come."""
    files, fields = list[tuple[str, str]](), dict[str, str]()
    async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD) as form:
        for name, value in form.multi_items():
            if isinstance(value, str):
                if name in fields:
                    raise HTTPException(400, "a field of the form came twice")
                fields[name] = value
            elif value.filename:
                place = f"sent-{len(files)}"
                await run_in_threadpool(_keep, value, folder / place)
                files.append((value.filename[:300], place))
    return tuple(files), fields


def _keep(sent: UploadFile, path: Path) -> None:
    with path.open("xb") as target:
        shutil.copyfileobj(sent.file, target)


def examined(upload: Upload, log_key: str, *, seconds: float = EXAMINE_SECONDS) -> Examined:
    """What a process of its own finds in the files, within these seconds and little memory.

    What it could not finish is an answer too; raises ServiceError where the process cannot be started.
    """
    job = {"folder": str(upload.folder), "files": upload.files, "log_key": log_key}
    try:
        done = subprocess.run(
            _command(),
            input=json.dumps(job).encode(),
            capture_output=True,
            cwd=upload.folder,
            env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TMPDIR": str(upload.folder)},
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        said = (
            f"looking at it took longer than {seconds:.0f} seconds and was stopped; check it on a machine of your own"
        )
        return Examined(problems=(f"{said}: fairgate ledger, or verify_export.py, has no limit",))
    except OSError as error:
        raise ServiceError(f"no process can be started to look at the files: {error.strerror}") from error
    try:
        return answer_from(done.stdout)
    except (ValueError, KeyError, TypeError):
        return Examined(problems=("looking at it needed too much memory or time, or broke off; nothing is said of it",))


def _command() -> Sequence[str]:
    return [sys.executable, "-I", "-B", "-m", "governance.ledger.examined"]
