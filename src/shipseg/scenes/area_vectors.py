"""Reading vector files: GeoJSON by itself, every other format through the extra `geo`."""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from pyproj import CRS
from pyproj.exceptions import ProjError
from shapely.geometry import shape

from shipseg.errors import BadInputError, MissingDependencyError
from shipseg.imaging.files import open_file
from shipseg.imaging.formats import shown_name

# Decoded, JSON takes about ten times its size in memory.
_MOST_JSON_BYTES = 256 * 1024**2
# Drivers whose files name other files or addresses, among those of pyogrio's wheels.
_REACHING_OUT = (
    *("OGR_VRT", "VRT", "GTI", "GDALG", "ADBC", "HTTP", "WFS", "OAPIF", "OGCAPI", "CSW", "GeoRSS"),
    *("PLSCENES", "NGW", "Carto", "AmigoCloud", "Elasticsearch", "EEDA", "GPSBabel", "LIBKML"),
)


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """The features of one vector file.

    Attributes:
        name: The file, for messages.
        geometries: shapely geometries, in the file's order; None where a feature has none.
        properties: Of each feature.
        crs: Of the coordinates; None where the file does not say.
        extra: Members of a GeoJSON collection beside its features.
    """

    name: str
    geometries: list[Any]
    properties: list[dict[str, Any]]
    crs: CRS | None
    extra: dict[str, Any]


def read_vectors(path: str | os.PathLike[str]) -> Vectors:
    """Read a vector file whole.

    GeoJSON needs nothing beyond the core. GeoParquet, GeoPackage, Shapefile, FlatGeobuf, KML, GML
    and what else GDAL reads need the extra `geo`. Nothing in a file can lead to another file or
    address.

    Args:
        path: A file, with one layer that has geometries.

    Raises:
        UsageError: There is no readable file.
        BadInputError: It is no vector file, or damaged, or GeoJSON over 256 MiB.
        MissingDependencyError: It is no GeoJSON, and the extra is not installed.
    """
    path = Path(path)
    name = shown_name(os.fspath(path))
    with open_file(path, name=name) as stream:
        head = stream.read(64)
        if head.removeprefix(b"\xef\xbb\xbf").lstrip().startswith((b"{", b"[")):
            data = head + stream.read(_MOST_JSON_BYTES + 1)
            return parse_geojson(data, name=name)
    if not head:
        raise BadInputError(f"{name}: an empty file, expected vectors", hint=_FORMATS)
    return _read_parquet(path, name) if head.startswith(b"PAR1") else _read_other(path, name)


_FORMATS = "write it as GeoJSON, GeoPackage or GeoParquet"


def parse_geojson(data: bytes, *, name: str) -> Vectors:
    """Read GeoJSON: a collection, a feature, or a bare geometry.

    Coordinates are longitude and latitude on WGS 84 (RFC 7946), unless a member `crs` of the older
    specification names another.

    Args:
        data: The file's bytes.
        name: The file, for messages.

    Raises:
        BadInputError: No GeoJSON, or over 256 MiB.
    """
    if len(data) > _MOST_JSON_BYTES:
        raise BadInputError(
            f"{name}: GeoJSON over {_MOST_JSON_BYTES:,} bytes", hint="write it as GeoPackage"
        )
    try:
        document = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{name}: no JSON: {error}"[:300], hint=_FORMATS) from error
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection":
        features = document.get("features")
    else:
        features = [document if kind == "Feature" else {"geometry": document}]
    if not isinstance(features, list) or not all(isinstance(f, dict) for f in features):
        raise BadInputError(f"{name}: no GeoJSON: 'features' is no list of features", hint=_FORMATS)
    extra = {k: v for k, v in document.items() if k != "features"} if kind else {}
    return Vectors(
        name=name,
        geometries=[_shape(f.get("geometry"), name, n) for n, f in enumerate(features, start=1)],
        properties=[p if isinstance(p := f.get("properties"), dict) else {} for f in features],
        crs=_crs_of(extra.get("crs"), name),
        extra=extra,
    )


def _shape(geometry: Any, name: str, number: int) -> Any:
    if geometry is None:
        return None
    try:
        # JSON as Python reads it may hold NaN, which is refused below.
        with np.errstate(invalid="ignore"):
            found = shape(geometry)
        coordinates = shapely.get_coordinates(found)
    except Exception as error:  # shapely raises whatever the odd member leads to.
        raise BadInputError(
            f"{name}: feature {number} has no geometry as GeoJSON spells it", hint=_FORMATS
        ) from error
    if not all(map(math.isfinite, coordinates.ravel())):
        raise BadInputError(f"{name}: feature {number} has a coordinate that is no number")
    return found


def _crs_of(member: Any, name: str) -> CRS:
    """Read the member `crs` of GeoJSON 2008; without it WGS 84."""
    if member is None:
        return CRS.from_user_input("OGC:CRS84")
    try:
        return CRS.from_user_input(member["properties"]["name"])
    except (ProjError, KeyError, TypeError) as error:
        raise BadInputError(
            f"{name}: the member 'crs' names no CRS that is known", hint=_FORMATS
        ) from error


def _read_parquet(path: Path, name: str) -> Vectors:
    geopandas = import_geopandas(f"{name}: reading GeoParquet")
    try:
        frame = geopandas.read_parquet(path)
    except Exception as error:  # pyarrow and geopandas raise many kinds.
        raise BadInputError(
            f"{name}: no GeoParquet, or damaged: {error}"[:300], hint=_FORMATS
        ) from error
    return _of_frame(frame, name)


def _read_other(path: Path, name: str) -> Vectors:
    geopandas = import_geopandas(f"{name}: reading this format")
    try:
        layer = _only_layer(path, name)
        frame = geopandas.read_file(path.absolute(), layer=layer, engine="pyogrio")
    except BadInputError:
        raise
    except Exception as error:  # GDAL's and pyogrio's errors share no root.
        raise BadInputError(
            f"{name}: no vector file that can be read: {error}"[:300], hint=_FORMATS
        ) from error
    return _of_frame(frame, name)


def _only_layer(path: Path, name: str) -> str:
    """Name the one layer that has geometries; tables beside it, such as styles, are no layers."""
    import pyogrio

    layers = [str(layer) for layer, kind in pyogrio.list_layers(path.absolute()) if kind]
    if len(layers) != 1:
        shown = ", ".join(map(shown_name, layers[:6])) if layers else "none"
        raise BadInputError(
            f"{name}: {len(layers):,} layers with geometries ({shown}), expected one",
            hint="write the layer to a file of its own, with: ogr2ogr layer.gpkg FILE LAYER",
        )
    driver = pyogrio.read_info(path.absolute(), layer=layers[0])["driver"]
    if driver in _REACHING_OUT:
        # A program that imported pyogrio before shipseg has all its drivers.
        raise BadInputError(f"{name}: a file of the driver {driver}, which names other files")
    return layers[0]


def _of_frame(frame: Any, name: str) -> Vectors:
    columns = [column for column in frame.columns if column != frame.geometry.name]
    return Vectors(
        name=name,
        geometries=list(frame.geometry),
        properties=frame[columns].to_dict("records"),
        crs=None if frame.crs is None else CRS.from_user_input(frame.crs),
        extra={},
    )


def import_geopandas(purpose: str) -> Any:
    """Import geopandas with pyogrio and pyarrow, whose GDAL gets no drivers that reach out.

    Args:
        purpose: What needs it, for the message.

    Raises:
        MissingDependencyError: The extra `geo` is not installed.
    """
    # pyogrio brings a GDAL of its own, which reads the variable once, at its first import.
    kept = os.environ.get("GDAL_SKIP", "")
    names = kept.split("," if "," in kept else None)
    os.environ["GDAL_SKIP"] = ",".join(dict.fromkeys([*map(str.strip, names), *_REACHING_OUT]))
    os.environ["GML_DOWNLOAD_SCHEMA"] = "NO"
    try:
        import geopandas
        import pyarrow  # noqa: F401
        import pyogrio  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError.of_extra(error.name or "geopandas", "geo", purpose) from error
    return geopandas
