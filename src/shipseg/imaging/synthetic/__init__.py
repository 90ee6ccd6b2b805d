"""Draw seas, coasts, clouds and ships: for the demonstration and for tests.

A scene is composed in the order in which light meets it: water (`sea`), shore and land (`shore`,
`coast`, `land`), wakes, ships (`fleet` and the modules under it, drawn with a `pen`), clouds, and
last the sensor (`light`).
"""

from shipseg.imaging.synthetic.dataset import write_synthetic_dataset
from shipseg.imaging.synthetic.scene import SyntheticScene, draw_scene

__all__ = ["SyntheticScene", "draw_scene", "write_synthetic_dataset"]
