"""From a request's body to a file: counted, timed, hashed, never by a name that a caller gave."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from shipseg.imaging.formats import SUPPORTED, shown_name
from shipseg.server.pool import Stopped
from shipseg.server.problems import Problem, retry_later
from shipseg.server.settings import MIB, Settings

IMAGE_TYPES = ("image/jpeg", "image/png", "image/tiff", "image/webp", "image/bmp")
RAW_TYPES = (*IMAGE_TYPES, "application/octet-stream")

# What lies around the file in a multipart body: boundaries, headers, a field or two.
_MULTIPART_EXTRA = 64 * 1024
_SPOOL_BYTES = 1 * MIB
_NAMELESS = "image"


@dataclass(slots=True)
class Upload:
    """A body that has arrived.

    Attributes:
        file: Its bytes, in memory up to 1 MiB, else in a file without a name; at its start.
        name: What the caller calls it, fit for a line of text; for showing only.
        sha256: Of the bytes, in hex.
        size: In bytes.
    """

    file: IO[bytes]
    name: str
    sha256: str
    size: int

    def read(self) -> bytes:
        """Give all the bytes."""
        self.file.seek(0)
        return self.file.read()

    def close(self) -> None:
        """Let the bytes go."""
        self.file.close()


class Intake:
    """Reads bodies, a bounded number at a time."""

    def __init__(self, settings: Settings) -> None:
        """Take the limits."""
        self._settings = settings
        self.open = 0

    async def read(self, request: Request, most: int, name: str | None = None) -> Upload:
        """Read the picture of a request, multipart or raw.

        Args:
            request: Its body has not been read.
            most: Largest picture in bytes.
            name: What to call it, instead of the name in a multipart body.

        Raises:
            Problem: No picture, a wrong type, too large, too slow, or too many at a time.
            Stopped: The caller has gone.
        """
        if self.open >= self._settings.uploads:
            raise retry_later("busy", "as many uploads are on their way as may be", 2)
        self.open += 1
        try:
            return await self._read(request, most, name)
        except ClientDisconnect as error:
            raise Stopped from error
        finally:
            self.open -= 1

    async def _read(self, request: Request, most: int, name: str | None) -> Upload:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "multipart/form-data":
            upload = await self._read_form(request, most)
        elif kind in RAW_TYPES or not kind:
            upload = await self._read_raw(request, most)
        else:
            raise Problem(
                "media-type",
                "the Content-Type is not one of multipart/form-data, application/octet-stream, "
                + ", ".join(IMAGE_TYPES),
            )
        if not upload.size:
            upload.close()
            raise Problem(
                "image-unsupported",
                f"found an empty file, expected {SUPPORTED}",
                hint="send the picture as the body, or as the field 'file' of a multipart body",
            )
        upload.name = shown_name(name or upload.name) or _NAMELESS
        return upload

    async def _read_raw(self, request: Request, most: int) -> Upload:
        file = SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115  the upload closes it
        digest, size = hashlib.sha256(), 0
        try:
            async for chunk in self._chunks(request, most):
                digest.update(chunk)
                size += len(chunk)
                await _write(file, chunk, size)
        except BaseException:
            file.close()
            raise
        return Upload(file, _NAMELESS, digest.hexdigest(), size)

    async def _read_form(self, request: Request, most: int) -> Upload:
        chunks = self._chunks(request, most + _MULTIPART_EXTRA)
        parser = MultiPartParser(
            _plain(request.headers), chunks, max_files=1, max_fields=8,
            max_part_size=_MULTIPART_EXTRA,
        )  # fmt: skip
        try:
            form = await parser.parse()
        except MultiPartException as error:
            raise Problem(
                "multipart",
                "the multipart body is malformed, or has more than one file",
                hint="send one picture a request, as the field 'file'",
            ) from error
        found = form.get("file")
        if not isinstance(found, UploadFile):
            await form.close()
            raise Problem(
                "no-image", "the multipart body has no file in the field 'file', or ends before it"
            )
        return await self._from_form(form, found, most)

    async def _from_form(self, form: FormData, found: UploadFile, most: int) -> Upload:
        others = sorted(shown_name(name)[:40] for name in form if name != "file")
        if others:
            await form.close()
            raise Problem(
                "parameters",
                "the form has other fields than 'file'",
                hint="parameters go into the address: /v1/predict?threshold=0.5",
                errors=[{"name": name, "message": "no field of the form"} for name in others],
            )
        size = found.size or 0
        if size > most:
            await form.close()
            raise _too_large(most)
        # In memory it is done sooner than a thread would begin.
        small = size <= _SPOOL_BYTES
        digest = _hash(found.file) if small else await asyncio.to_thread(_hash, found.file)
        return Upload(found.file, found.filename or _NAMELESS, digest, size)

    async def _chunks(self, request: Request, most: int) -> AsyncGenerator[bytes, None]:
        """Hand the body on as it comes, never more than `most` bytes, and never for ever."""
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > most:
            raise _too_large(most)
        settings, start, size = self._settings, time.monotonic(), 0
        stream = request.stream()
        while True:
            # A caller that keeps the rate never meets the deadline.
            until = start + settings.upload_grace_s + size / settings.upload_rate
            try:
                async with asyncio.timeout(until - time.monotonic()):
                    chunk = await anext(stream, None)
            except TimeoutError as error:
                raise Problem(
                    "slow",
                    f"{size:,} bytes came in {time.monotonic() - start:.0f} s, expected "
                    f"{settings.upload_rate:,} a second or more",
                    headers={"Connection": "close"},
                ) from error
            if chunk is None:
                return
            size += len(chunk)
            if size > most:
                raise _too_large(most)
            yield chunk


def _plain(headers: Headers) -> Headers:
    """Leave the boundary alone in the media type: some charsets are none that text is in."""
    _, parameters = parse_options_header(headers.get("content-type"))
    boundary = parameters.get(b"boundary", b"")
    named = b'multipart/form-data; boundary="' + boundary + b'"'
    return Headers(raw=[(b"content-type", named if boundary else b"multipart/form-data")])


async def _write(file: IO[bytes], chunk: bytes, size: int) -> None:
    if size > _SPOOL_BYTES:
        # On the disk by now, which may make the event loop wait.
        await asyncio.to_thread(file.write, chunk)
    else:
        file.write(chunk)


def _hash(file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_SPOOL_BYTES):
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _too_large(most: int) -> Problem:
    return Problem(
        "body-too-large",
        f"the limit is {most:,} bytes",
        hint="POST /v1/jobs takes larger ones",
        headers={"Connection": "close"},
    )
