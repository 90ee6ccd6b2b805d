"""Ships as a GeoDataFrame, for the formats that the extra `geo` writes."""

from __future__ import annotations

from typing import Any

from shipseg.scenes.area_vectors import import_geopandas
from shipseg.writers.scenes.described import DescribedScene
from shipseg.writers.scenes.geometry import in_scene_crs


def frame_of(scene: DescribedScene) -> Any:
    """Give ships as a GeoDataFrame in the scene's own CRS, so that outlines stay as they are.

    Without a CRS the coordinates are what the scene's transform gives, or pixels.

    Args:
        scene: What to write.

    Raises:
        MissingDependencyError: The extra `geo` is not installed.
    """
    geopandas = import_geopandas("writing GeoPackage and GeoParquet")
    result = scene.result
    outlines = [in_scene_crs(ship.outline, scene.positions) for ship in result.ships]
    crs = None if result.grid.crs is None else result.grid.crs.to_wkt()
    return geopandas.GeoDataFrame(scene.columns(), geometry=outlines, crs=crs)
