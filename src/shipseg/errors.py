"""Errors a person can act on.

One root class, one subclass per kind. Each kind carries a stable `code` (for JSON and HTTP), the
command line's `exit_code`, the server's `http_status`, and an optional `hint` with the next step.
"""

from __future__ import annotations

from typing import ClassVar


class ShipsegError(Exception):
    """Root of every error that shipseg raises on purpose.

    Args:
        message: What was found, where (file, row, column, window), and what was expected.
        hint: What to do next, as a sentence or a command.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ShipsegError):
    """The call itself is wrong: options that do not go together, a path that is not there."""

    code = "usage"
    exit_code = 2
    http_status = 422


class OutputExistsError(UsageError):
    """An output is already there and nobody said it may be replaced."""

    code = "output-exists"


class ConfigError(UsageError):
    """A configuration has an unknown key or a value out of range."""

    code = "config"


class BadInputError(ShipsegError):
    """Input that cannot be used as it is."""

    code = "bad-input"
    exit_code = 3
    http_status = 422


class ImageError(BadInputError):
    """An image that is truncated, corrupt or otherwise not decodable."""

    code = "image"


class UnsupportedImageError(ImageError):
    """Bytes that are no image of a supported format, mode or dtype."""

    code = "image-unsupported"
    http_status = 415


class ImageTooLargeError(ImageError):
    """An image over the limit on bytes, pixels, sides, bands or block size."""

    code = "image-too-large"
    http_status = 413


class RleError(BadInputError):
    """A run-length string that does not describe a mask of the given shape."""

    code = "rle"


class LabelError(BadInputError):
    """A label table with faults; the message names the rows."""

    code = "labels"


class BundleError(BadInputError):
    """A model bundle that is incomplete, altered or of another shape than its manifest says."""

    code = "bundle"


class DownloadError(ShipsegError):
    """A download that the server, the network or the disk did not let through."""

    code = "download"
    exit_code = 3
    http_status = 502


class MissingDependencyError(ShipsegError):
    """An optional dependency is missing; the hint is the exact install line."""

    code = "missing-dependency"
    exit_code = 5

    @classmethod
    def of_extra(cls, package: str, extra: str, purpose: str) -> MissingDependencyError:
        """Say which extra brings `package`, which `purpose` needs."""
        return cls(
            f"{purpose} needs the package '{package}', which is not installed",
            hint=f'pip install "shipseg[{extra}]"',
        )


class QualityGateError(ShipsegError):
    """A measured figure missed the floor that was asked for."""

    code = "quality-gate"
    exit_code = 6
