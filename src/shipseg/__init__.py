"""Find every ship in optical satellite images.

The names below are imported when they are first used, so that `import shipseg` costs nothing and
reading labels loads no model runtime.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from shipseg import errors as errors
    from shipseg.errors import ShipsegError as ShipsegError
    from shipseg.evaluation.detection import f2_score as f2_score
    from shipseg.inference.detector import Detection as Detection
    from shipseg.inference.detector import Detector as Detector
    from shipseg.inference.ships import Ship as Ship
    from shipseg.labels import LabelTable as LabelTable
    from shipseg.labels import read_labels as read_labels
    from shipseg.rle import decode_rle as decode_rle
    from shipseg.rle import encode_rle as encode_rle
    from shipseg.scenes.detect import detect_scene as detect_scene
    from shipseg.scenes.open import Scene as Scene
    from shipseg.scenes.open import open_scene as open_scene
    from shipseg.scenes.result import SceneResult as SceneResult
    from shipseg.scenes.result import SceneShip as SceneShip

__all__ = [
    "Detection",
    "Detector",
    "LabelTable",
    "Scene",
    "SceneResult",
    "SceneShip",
    "Ship",
    "ShipsegError",
    "__version__",
    "decode_rle",
    "detect_scene",
    "encode_rle",
    "errors",
    "f2_score",
    "open_scene",
    "read_labels",
]

_HOMES = {
    "Detection": "shipseg.inference.detector",
    "Detector": "shipseg.inference.detector",
    "LabelTable": "shipseg.labels",
    "Scene": "shipseg.scenes.open",
    "SceneResult": "shipseg.scenes.result",
    "SceneShip": "shipseg.scenes.result",
    "Ship": "shipseg.inference.ships",
    "ShipsegError": "shipseg.errors",
    "decode_rle": "shipseg.rle",
    "detect_scene": "shipseg.scenes.detect",
    "encode_rle": "shipseg.rle",
    "f2_score": "shipseg.evaluation.detection",
    "open_scene": "shipseg.scenes.open",
    "read_labels": "shipseg.labels",
}


def __getattr__(name: str) -> Any:
    """Import a public name from where it lives (PEP 562)."""
    if name == "errors":
        return import_module("shipseg.errors")
    if name not in _HOMES:
        raise AttributeError(f"module 'shipseg' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    # Found at once the next time.
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names, imported or not."""
    return sorted({*globals(), *__all__})
