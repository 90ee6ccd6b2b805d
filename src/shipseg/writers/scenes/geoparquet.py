"""GeoParquet: for data frames and databases."""

from __future__ import annotations

from pathlib import Path

from shipseg.files import atomic_path
from shipseg.writers.scenes.described import DescribedScene
from shipseg.writers.scenes.frame import frame_of


def write_geoparquet(path: Path, scene: DescribedScene) -> None:
    """Write ships as GeoParquet 1.1 in the scene's CRS.

    Args:
        path: The file; one already there is replaced.
        scene: What to write.

    Raises:
        MissingDependencyError: The extra `geo` is not installed.
    """
    frame = frame_of(scene)
    with atomic_path(path) as beside:
        frame.to_parquet(beside, index=False, schema_version="1.1.0", compression="zstd")
