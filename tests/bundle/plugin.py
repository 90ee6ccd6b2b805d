"""What QGIS's plug-in Deepness does with a segmentation model, as far as a test can do it.

Written after its sources (`processing/models/model_base.py`, `segmentor.py`,
`preprocessing_utils.py`, `map_processor_segmentation.py`, `deepness_dockwidget.py`) at
https://github.com/PUTvision/qgis-plugin-deepness.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


class Plugin:
    """A loaded model, with the settings that its metadata put into the dialog."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        self._session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
        (image,) = self._session.get_inputs()
        self.input_name, self.input_shape = image.name, image.shape
        self.outputs = self._session.get_outputs()
        self.metadata = self._session.get_modelmeta().custom_metadata_map
        self.model_type = str(self._value("model_type")).capitalize()
        self.resolution_cm = float(self._value("resolution"))
        self.tile_size = int(self._value("tile_size"))
        self.overlap_percent = int(self._value("tiles_overlap"))
        self.threshold = float(self._value("seg_thresh"))
        self.blur_px = int(self._value("seg_small_segment")) // 2 * 2 + 1
        self.mean = np.array([float(x) for x in self._value("standardization_mean")], np.float32)
        self.std = np.array([float(x) for x in self._value("standardization_std")], np.float32)
        self.class_names = self._class_names()

    def _value(self, name: str) -> Any:
        return json.loads(self.metadata[name])

    def _class_names(self) -> list[str]:
        found = self._value("class_names")
        # Newer versions take a list, one mapping for each output, as well.
        assert isinstance(found, dict)
        pairs = sorted(found.items(), key=lambda pair: int(pair[0]))
        if [int(key) for key, _ in pairs] != list(range(len(pairs))):
            raise ValueError("Class names in the model metadata are not consecutive")
        return [name for _, name in pairs]

    def batch_size(self) -> int | None:
        """None lets the user choose; anything but a name is taken for a number."""
        first = self.input_shape[0]
        return None if isinstance(first, str) else first

    def class_count(self) -> int:
        (output,) = self.outputs
        channels = output.shape[-3]
        return 2 if channels == 1 else int(channels)

    def probabilities(self, tiles: np.ndarray) -> np.ndarray:
        """Ask for (N, T, T, C) uint8."""
        batch = np.float32(tiles[:, :, :, : self.input_shape[-3]] * 1.0 / 255.0)
        batch = np.transpose((batch - self.mean) / self.std, (0, 3, 1, 2))
        return np.asarray(self._session.run(None, {self.input_name: batch})[0])

    def classes(self, tiles: np.ndarray) -> np.ndarray:
        """(N, T, T), the class of each pixel."""
        found = self.probabilities(tiles)
        found[found < self.threshold] = 0.0
        assert found.ndim == 4
        if found.shape[1] == 1:
            return (found != 0).astype(int)[:, 0]
        return np.argmax(found, axis=1)
