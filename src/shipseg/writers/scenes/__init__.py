"""What was found on a scene, as files: vectors, tables, a mask on the scene's grid, pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from shipseg.errors import OutputExistsError, UsageError
from shipseg.scenes.result import SceneResult

if TYPE_CHECKING:
    from shipseg.writers.scenes.described import DescribedScene

FORMATS: dict[str, str] = {
    "geojson": "ships.geojson",
    "gpkg": "ships.gpkg",
    "parquet": "ships.parquet",
    "coco": "ships.coco.json",
    "csv": "ships.csv",
    "mask": "mask.tif",
    "chips": "chips",
    "overview": "overview.png",
}
"""Names of formats, and what each writes into the folder."""

_NEED_EXTRA, _NEED_RASTER = ("gpkg", "parquet"), ("chips", "overview")

__all__ = ["FORMATS", "check_formats", "write_scene"]


def write_scene(
    result: SceneResult,
    folder: str | os.PathLike[str],
    *,
    formats: Sequence[str],
    scene: str | os.PathLike[str] | None = None,
    bands: Sequence[int] | None = None,
    allow_vrt: bool = False,
    overwrite: bool = False,
) -> list[Path]:
    """Write what was found on a scene into a folder; the same result gives the same bytes.

    Everything that can be refused is refused before the first file is written. Each file appears
    whole or not at all.

    Args:
        result: What was found.
        folder: Made where it is not there.
        formats: Keys of `FORMATS`; one named twice counts once.
        scene: The raster, which chips and overview show.
        bands: Which of its bands, from 1, are shown as red, green and blue, or one as grey; None
            goes by their colour interpretation.
        allow_vrt: Whether the raster may be a virtual one; see `shipseg.scenes.open.open_scene`.
        overwrite: Whether files already there are replaced.

    Returns:
        The files, in the order of `formats`; of the chips their folder.

    Raises:
        UsageError: A format is unknown or needs `scene`, or `scene` is of another size.
        OutputExistsError: A file is there, and `overwrite` is False.
        MissingDependencyError: A format needs the extra `geo`, which is not installed.
        ImageError: The raster is damaged.
    """
    chosen = list(dict.fromkeys(formats))
    check_formats(chosen, with_raster=scene is not None)
    folder = Path(folder)
    targets = [folder / FORMATS[name] for name in chosen]
    there = [target for target in targets if _holds_something(target)]
    if there and not overwrite:
        raise OutputExistsError(
            f"'{there[0]}' is already there", hint="name another folder, or let it be overwritten"
        )
    folder.mkdir(parents=True, exist_ok=True)
    from shipseg.writers.scenes.described import describe

    described = describe(result)
    for name, target in zip(chosen, targets, strict=True):
        if name in _NEED_RASTER:
            assert scene is not None  # check_formats refused that.
            _write_picture(name, target, described, Path(scene), bands, allow_vrt)
        elif name == "mask":
            from shipseg.writers.scenes.mask import write_scene_mask

            write_scene_mask(target, result)
        else:
            _writer(name)(target, described)
    return targets


def check_formats(formats: Sequence[str], *, with_raster: bool = True) -> None:
    """Refuse formats that cannot be written, before any work is done.

    Args:
        formats: Keys of `FORMATS`.
        with_raster: Whether the scene's raster will be at hand.

    Raises:
        UsageError: A format is unknown, or needs the raster.
        MissingDependencyError: A format needs the extra `geo`, which is not installed.
    """
    for name in formats:
        if name not in FORMATS:
            raise UsageError(f"unknown format '{name}'", hint=f"formats are {', '.join(FORMATS)}")
        if name in _NEED_RASTER and not with_raster:
            raise UsageError(f"'{name}' shows the scene, and no raster was named")
    extra = [name for name in formats if name in _NEED_EXTRA]
    if extra:
        from shipseg.scenes.area_vectors import import_geopandas

        import_geopandas(f"writing {' and '.join(extra)}")


def _writer(name: str) -> Callable[..., None]:
    """Import a writer when it is asked for: none loads what another needs."""
    from importlib import import_module

    module, function = {
        "geojson": ("geojson", "write_geojson"),
        "gpkg": ("geopackage", "write_geopackage"),
        "parquet": ("geoparquet", "write_geoparquet"),
        "coco": ("coco", "write_coco"),
        "csv": ("table", "write_csv"),
    }[name]
    found: Callable[..., None] = getattr(
        import_module(f"shipseg.writers.scenes.{module}"), function
    )
    return found


def _write_picture(
    name: str,
    target: Path,
    described: DescribedScene,
    path: Path,
    bands: Sequence[int] | None,
    allow_vrt: bool,
) -> None:
    from shipseg.writers.scenes.chips import write_chips
    from shipseg.writers.scenes.look import Raster
    from shipseg.writers.scenes.overview import write_overview

    write: Callable[..., object] = write_chips if name == "chips" else write_overview
    raster = Raster(path, None if bands is None else tuple(bands), allow_vrt)
    write(target, described, raster)


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()
