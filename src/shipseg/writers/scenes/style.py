"""The look of ships in QGIS: outlines by score, dashed where a ship is cut, with numbers."""

from __future__ import annotations

# From doubtful to sure; apart in lightness as well as in hue, and bright on dark water.
CLASSES: tuple[tuple[float, float, str, str], ...] = (
    (0.0, 0.25, "178,164,255", "below 0.25"),
    (0.25, 0.5, "0,224,255", "0.25 to 0.5"),
    (0.5, 0.75, "255,214,0", "0.5 to 0.75"),
    (0.75, 1.0, "255,148,56", "0.75 and above"),
)
"""Least and greatest score, colour and label of each class."""


def ships_qml() -> str:
    """Give the style as QML, which QGIS 3 reads from a GeoPackage's table `layer_styles`."""
    ranges = "".join(
        f'<range lower="{low:.15f}" upper="{high:.15f}" symbol="{index}" label="{label}"'
        ' render="true"/>'
        for index, (low, high, _, label) in enumerate(CLASSES)
    )
    symbols = "".join(_symbol(index, colour) for index, (_, _, colour, _) in enumerate(CLASSES))
    return (
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>"
        '<qgis version="3.22" styleCategories="Symbology|Labeling" labelsEnabled="1">'
        '<renderer-v2 type="graduatedSymbol" attr="score" graduatedMethod="GraduatedColor"'
        ' symbollevels="0" forceraster="0" enableorderby="0">'
        f"<ranges>{ranges}</ranges><symbols>{symbols}</symbols>"
        '<classificationMethod id="EqualInterval"/>'
        f"</renderer-v2>{_LABELS}</qgis>"
    )


def _symbol(index: int, colour: str) -> str:
    """A dark line under a bright one, readable on water and on cloud; dashed for cut ships."""
    dashed = "if(\"cut\", 'dash', 'solid')".replace('"', "&quot;")
    return (
        f'<symbol type="fill" name="{index}" alpha="1" clip_to_extent="1" force_rhr="0">'
        + _line("0,0,0,140", "0.9", "")
        + _line(f"{colour},255", "0.5", _OVERRIDE.format(expression=dashed))
        + "</symbol>"
    )


def _line(colour: str, width_mm: str, more: str) -> str:
    return (
        '<layer class="SimpleFill" enabled="1" pass="0" locked="0"><Option type="Map">'
        '<Option type="QString" name="style" value="no"/>'
        f'<Option type="QString" name="outline_color" value="{colour}"/>'
        '<Option type="QString" name="outline_style" value="solid"/>'
        f'<Option type="QString" name="outline_width" value="{width_mm}"/>'
        '<Option type="QString" name="outline_width_unit" value="MM"/>'
        '<Option type="QString" name="joinstyle" value="round"/>'
        f"</Option>{more}</layer>"
    )


_OVERRIDE = (
    '<data_defined_properties><Option type="Map">'
    '<Option type="QString" name="name" value=""/>'
    '<Option type="Map" name="properties"><Option type="Map" name="outlineStyle">'
    '<Option type="bool" name="active" value="true"/>'
    '<Option type="QString" name="expression" value="{expression}"/>'
    '<Option type="int" name="type" value="3"/>'
    "</Option></Option>"
    '<Option type="QString" name="type" value="collection"/>'
    "</Option></data_defined_properties>"
)

_LABELS = (
    '<labeling type="simple"><settings calloutType="simple">'
    '<text-style fieldName="number" fontSize="9" fontSizeUnit="Point" textColor="255,255,255,255"'
    ' isExpression="0" textOpacity="1">'
    '<text-buffer bufferDraw="1" bufferSize="0.8" bufferSizeUnits="MM"'
    ' bufferColor="10,14,20,255" bufferOpacity="0.8"/>'
    '</text-style><placement placement="8" polygonPlacementFlags="1"'
    ' dist="1.5" distUnits="MM"/>'
    # Ships closer than their numbers keep their outlines; QGIS shows the rest on zooming in.
    '<rendering drawLabels="1" displayAll="0" obstacle="1"/>'
    "</settings></labeling>"
)
