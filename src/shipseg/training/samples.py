"""Sample predictions of a finished training, as a picture to look at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from shipseg.dataset.augment import resize_rgb
from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError
from shipseg.files import atomic_path
from shipseg.models.gate import Gate
from shipseg.models.segmenter import Segmenter
from shipseg.training.config import GateConfig, TrainConfig
from shipseg.training.folder import RunFolder

Rgb = npt.NDArray[np.uint8]


def draw_samples(
    net: Gate | Segmenter, folder: RunFolder, val: TileSource, config: TrainConfig, *, rows: int = 6
) -> None:
    """Draw validation tiles, truth and what the best weights say, one row per tile.

    Args:
        net: The network; the run's best weights are loaded into it.
        folder: The run folder; writes `samples/val.png`.
        val: The validation tiles.
        config: The run's configuration.
        rows: Most rows: two thirds with ships where there are enough.
    """
    from matplotlib.figure import Figure

    net.load_state_dict(load_file(folder.weights))
    net.eval().cpu()
    chosen = _choose(val, rows, np.random.default_rng(config.seed))
    figure = Figure(figsize=(9, 3 * len(chosen)), layout="constrained")
    grid = figure.subplots(len(chosen), 3, squeeze=False)
    for row, (name, rgb) in zip(grid, chosen.items(), strict=True):
        heat, caption = _predict(net, rgb, config)
        row[0].imshow(rgb)
        row[0].set_title(name, fontsize=9)
        row[1].imshow(val.mask(name), cmap="gray", vmin=0, vmax=1)
        row[1].set_title("truth", fontsize=9)
        row[2].imshow(heat, cmap="magma", vmin=0, vmax=1)
        row[2].set_title(caption, fontsize=9)
        for axes in row:
            axes.axis("off")
    folder.samples.mkdir(exist_ok=True)
    with atomic_path(folder.samples / "val.png") as beside:
        figure.savefig(beside, format="png", dpi=80)


def _choose(val: TileSource, rows: int, rng: np.random.Generator) -> dict[str, Rgb]:
    ships = [i for i in val.image_ids if val.table.has_ships(i)]
    empty = [i for i in val.image_ids if not val.table.has_ships(i)]
    with_ships = _read(val, rng.permutation(ships), max(rows - len(empty), rows * 2 // 3))
    return with_ships | _read(val, rng.permutation(empty), rows - len(with_ships))


def _read(val: TileSource, image_ids: Iterable[object], most: int) -> dict[str, Rgb]:
    """Read the first tiles that are not broken."""
    found: dict[str, Rgb] = {}
    for image_id in map(str, image_ids):
        if len(found) == most:
            break
        try:
            found[image_id] = val.image(image_id)
        except (BadInputError, OSError):
            # The training has told already.
            continue
    return found


@torch.inference_mode()
def _predict(net: Gate | Segmenter, rgb: Rgb, config: TrainConfig) -> tuple[npt.ArrayLike, str]:
    """Return a map of probabilities, of any size, and what to write over it."""
    if isinstance(net, Gate):
        assert isinstance(config, GateConfig)
        view = torch.from_numpy(resize_rgb(rgb, config.input_size).copy())[None]
        tile, cells = net(view)
        return torch.sigmoid(cells[0]).numpy(), f"cells; tile {torch.sigmoid(tile)[0]:.3f}"
    probability = torch.sigmoid(net(torch.from_numpy(rgb.copy())[None])[0])
    return probability.numpy(), f"probability, highest {probability.max():.2f}"
