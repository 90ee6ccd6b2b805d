"""Sample predictions of a finished training, as a picture to look at."""

from __future__ import annotations

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from shipseg.dataset.augment import resize_rgb
from shipseg.dataset.source import TileSource, divide
from shipseg.files import atomic_path
from shipseg.models.gate import Gate
from shipseg.training.config import GateConfig, TrainConfig
from shipseg.training.folder import RunFolder


def draw_samples(
    net: nn.Module, folder: RunFolder, source: TileSource, config: TrainConfig, *, tiles: int = 6
) -> None:
    """Draw validation tiles, truth and what the best weights say, one row per tile.

    Args:
        net: The network; the run's best weights are loaded into it.
        folder: The run folder; writes `samples/val.png`.
        source: All tiles of the run.
        config: The run's configuration.
        tiles: Rows: two thirds with ships where there are enough.
    """
    from matplotlib.figure import Figure

    net.load_state_dict(load_file(folder.weights))
    net.eval().cpu()
    _, val = divide(source, config.split, val_share=config.val_share, seed=config.seed)
    ships = [i for i in val.image_ids if val.table.has_ships(i)]
    empty = [i for i in val.image_ids if not val.table.has_ships(i)]
    rng = np.random.default_rng(config.seed)
    chosen = [
        *rng.permutation(ships)[: max(tiles - len(empty), tiles * 2 // 3)],
        *rng.permutation(empty)[: max(tiles - len(ships), tiles - tiles * 2 // 3)],
    ][:tiles]
    figure = Figure(figsize=(9, 3 * len(chosen)), layout="constrained")
    grid = figure.subplots(len(chosen), 3, squeeze=False)
    for row, name in zip(grid, map(str, chosen), strict=True):
        rgb = val.image(name)
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


@torch.inference_mode()
def _predict(
    net: nn.Module, rgb: np.ndarray, config: TrainConfig  # type: ignore[type-arg]
) -> tuple[np.ndarray, str]:  # type: ignore[type-arg]
    if isinstance(net, Gate):
        assert isinstance(config, GateConfig)
        view = torch.from_numpy(resize_rgb(rgb, config.input_size).copy())[None]
        tile, cells = net(view)
        return torch.sigmoid(cells[0]).numpy(), f"cells; tile {torch.sigmoid(tile)[0]:.3f}"
    probability = torch.sigmoid(net(torch.from_numpy(rgb.copy())[None])[0]).numpy()
    return probability, f"probability, highest {probability.max():.2f}"
