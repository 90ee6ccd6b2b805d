"""GeoPackage with a style inside, so that QGIS shows ships by their scores at once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from shipseg.files import atomic_path
from shipseg.writers.scenes.described import DescribedScene
from shipseg.writers.scenes.frame import frame_of
from shipseg.writers.scenes.style import ships_qml

LAYER = "ships"

# Where QGIS looks for styles in a database; its own columns and types.
_STYLES = """
CREATE TABLE layer_styles (
  id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256),
  f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256),
  styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT,
  owner TEXT(30), ui TEXT(30), update_time DATETIME)
"""
# The same ships give the same bytes, so that no file says when it was written.
_NO_TIME = "1970-01-01T00:00:00.000Z"


def write_geopackage(path: Path, scene: DescribedScene) -> None:
    """Write ships as the layer `ships` of a GeoPackage in the scene's CRS, with a QGIS style.

    Args:
        path: The file; one already there is replaced.
        scene: What to write.

    Raises:
        MissingDependencyError: The extra `geo` is not installed.
    """
    frame = frame_of(scene)
    with atomic_path(path) as beside:
        # GDAL makes the file itself, and takes an empty one for a damaged GeoPackage.
        beside.unlink()
        _write_layer(frame, beside)
        _add_style(beside)


def _write_layer(frame: Any, path: Path) -> None:
    import warnings

    import pyogrio

    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _NO_TIME})
    try:
        with warnings.catch_warnings():
            # A scene without a CRS has told so already.
            warnings.filterwarnings("ignore", message="'crs' was not provided")
            pyogrio.write_dataframe(
                frame, path, layer=LAYER, driver="GPKG", geometry_type="Polygon",
                # What readers of five years ago know; 1.4 is GDAL's default and adds nothing here.
                dataset_options={"VERSION": "1.2"},
                layer_options={"GEOMETRY_NAME": "geom", "FID": "fid"},
            )  # fmt: skip
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def _add_style(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(_STYLES)
        database.execute(
            "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name,"
            " f_geometry_column, styleName, styleQML, styleSLD, useAsDefault, description, owner,"
            " update_time) VALUES ('', '', ?, 'geom', 'ships', ?, '', 1, 'ships by score', '', ?)",
            (LAYER, ships_qml(), _NO_TIME),
        )
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, description,"
            " last_change, srs_id) VALUES ('layer_styles', 'attributes', 'layer_styles', '', ?, 0)",
            (_NO_TIME,),
        )
