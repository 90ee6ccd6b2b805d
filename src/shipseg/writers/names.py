"""File names from ImageIds, which come from strangers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable

# What some file system refuses, beside what cannot be printed.
_REFUSED = frozenset('<>:"/\\|?*')
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"] + [f"{port}{n}" for port in ("com", "lpt") for n in range(10)]
)
# File systems take 255 bytes; a hash, a suffix and the name of a file beside it need some.
_MOST_BYTES = 160


def file_stems(image_ids: Iterable[str]) -> dict[str, str]:
    """Give each ImageId the name, without suffix, of the files that are written about it.

    `0a1b2c.jpg` becomes `0a1b2c`. Where two would share a stem they keep their suffixes, and names
    that a file system refuses are changed and marked with a hash. The result depends on the set of
    ImageIds, not on their order.

    Args:
        image_ids: Names of tiles, of any characters.

    Returns:
        ImageId to stem: one path component, never hidden, unique also where case does not count.

    Examples:
        >>> file_stems(["a.jpg", "b.jpg", "b.png"])
        {'a.jpg': 'a', 'b.jpg': 'b.jpg', 'b.png': 'b.png'}
        >>> file_stems(["../x.jpg"])
        {'../x.jpg': '_.._x-2c9a3db3'}
    """
    stems = {image_id: _safe(_without_suffix(image_id), image_id) for image_id in image_ids}
    for image_id in _sharing(stems):
        stems[image_id] = _safe(image_id, image_id)
    # Names that differ in case, or that only look like marked ones.
    for image_id in _sharing(stems):
        stems[image_id] = _marked(stems[image_id], image_id)
    return stems


def _without_suffix(image_id: str) -> str:
    stem, _, suffix = image_id.rpartition(".")
    return stem if stem and suffix.isalnum() else image_id


def _safe(stem: str, image_id: str) -> str:
    """Change what a file system might refuse, and mark a changed name with a hash of the whole."""
    clean = "".join("_" if c in _REFUSED or not c.isprintable() else c for c in stem)
    if clean.startswith(".") or clean.split(".")[0].lower() in _DEVICES:
        clean = f"_{clean}"
    clean = clean.encode()[:_MOST_BYTES].decode(errors="ignore").rstrip(". ")
    return clean if clean and clean == stem else _marked(clean, image_id)


def _marked(stem: str, image_id: str) -> str:
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{stem}-{digest[:8]}"


def _sharing(stems: dict[str, str]) -> list[str]:
    """List the ImageIds whose stem is not theirs alone."""
    counts = Counter(stem.casefold() for stem in stems.values())
    return [image_id for image_id, stem in stems.items() if counts[stem.casefold()] > 1]
