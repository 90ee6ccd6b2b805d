"""Sample predictions of a finished training, as a picture to look at."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageDraw, ImageFont
from safetensors.torch import load_file

from shipseg.dataset.augment import resize_rgb
from shipseg.dataset.hulls import HullsPlain
from shipseg.dataset.source import TileSource
from shipseg.errors import BadInputError
from shipseg.files import atomic_path
from shipseg.imaging.hull_view import hull_at
from shipseg.models.gate import Gate
from shipseg.models.losses import corners_of, rectangle_iou
from shipseg.models.refiner import Refiner
from shipseg.models.segmenter import Segmenter
from shipseg.rectangle import Rectangle
from shipseg.training.config import GateConfig, RefinerConfig, TrainConfig
from shipseg.training.folder import RunFolder

Rgb = npt.NDArray[np.uint8]
Heat = npt.NDArray[np.float32]

# Pixels: a picture's side, the space between two, and the line of text over them.
_SIDE, _GAP, _LINE = 256, 8, 22


def draw_samples(
    net: Gate | Segmenter | Refiner,
    folder: RunFolder,
    val: TileSource,
    config: TrainConfig,
    *,
    rows: int = 6,
) -> None:
    """Draw validation tiles, truth and what the best weights say, one row per tile.

    Of a refiner a row is one hull, with the guess at it and what was found.

    Args:
        net: The network; the run's best weights are loaded into it.
        folder: The run folder; writes `samples/val.png`.
        val: The validation tiles.
        config: The run's configuration.
        rows: Most rows: two thirds with ships where there are enough.
    """
    net.load_state_dict(load_file(folder.weights))
    net.eval().cpu()
    rng = np.random.default_rng(config.seed)
    drawn = (
        _hull_rows(net, val, config, rows, rng)
        if isinstance(net, Refiner)
        else _tile_rows(net, val, config, rows, rng)
    )
    folder.samples.mkdir(exist_ok=True)
    with atomic_path(folder.samples / "val.png") as beside:
        Image.fromarray(np.vstack(drawn)).save(beside, "PNG")


def _tile_rows(
    net: Gate | Segmenter, val: TileSource, config: TrainConfig, rows: int, rng: np.random.Generator
) -> list[Rgb]:
    drawn = []
    for image_id, rgb in _choose(val, rows, rng).items():
        heat, caption = _predict(net, rgb, config)
        truth = val.mask(image_id).astype(np.uint8) * 255
        panels = ((rgb, image_id), (truth, "truth"), (_coloured(heat), caption))
        drawn.append(np.hstack([_panel(pixels, text) for pixels, text in panels]))
    return drawn


@torch.inference_mode()
def _hull_rows(
    net: Refiner, val: TileSource, config: TrainConfig, rows: int, rng: np.random.Generator
) -> list[Rgb]:
    """Draw hulls: as they are, with the guess, and with what was found, the truth in green."""
    assert isinstance(config, RefinerConfig)
    hulls = HullsPlain(val, truth_shift_px=config.truth_shift_px, guesses=1)
    drawn = []
    for index in rng.permutation(len(hulls))[:rows].tolist():
        pose = hulls.pose(index)
        guess, truth = _vector(pose.guess), _vector(pose.truth)
        sides, log_odds = (found[0] for found in net(hulls[index].image[None]))
        result = _vector(hull_at(pose.guess, sides.numpy().astype(np.float64)))
        rgb = val.image(pose.image_id)
        panels = [_panel(_around(rgb, truth), pose.image_id)]
        expected = f"guess (expected {float(torch.sigmoid(log_odds)):.2f})"
        for name, rectangle in ((expected, guess), ("found", result)):
            pixels = _around(rgb, truth, (truth, "lime"), (rectangle, "red"))
            panels.append(
                _panel(pixels, f"{name}, IoU {float(rectangle_iou(rectangle, truth)):.2f}")
            )
        drawn.append(np.hstack(panels))
    return drawn


def _vector(rectangle: Rectangle) -> torch.Tensor:
    """Return (1, 5) float32: x, y, heading_rad, length, width."""
    sides = rectangle.length, rectangle.width
    return torch.tensor([[*rectangle.centre_xy, rectangle.heading_rad, *sides]]).float()


def _around(rgb: Rgb, hull: torch.Tensor, *outlines: tuple[torch.Tensor, str]) -> Rgb:
    """Cut a square around a hull out of its tile and draw rectangles onto it."""
    x, y, _heading, length, _width = hull[0].tolist()
    half = round(0.75 * length) + 6
    left, top = round(x) - half, round(y) - half
    # Pillow fills with black beyond the tile.
    square = Image.fromarray(rgb).crop((left, top, left + 2 * half, top + 2 * half))
    image = square.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for rectangle, colour in outlines:
        # Rectangles count from the middles of pixels, a picture from their corners.
        corners = (corners_of(rectangle)[0] + 0.5 - torch.tensor([left, top])) * (_SIDE / 2 / half)
        a, b, c, d = (tuple(corner) for corner in corners.tolist())
        draw.line([a, b, d, c, a], fill=colour)
    return np.asarray(image)


def _panel(pixels: Rgb, text: str) -> Rgb:
    """Draw a grey or colour picture of any square size under a line of text."""
    panel = Image.new("RGB", (_SIDE + _GAP, _SIDE + _LINE), "white")
    image = Image.fromarray(pixels)
    # A coarse map keeps its cells; a tile is averaged.
    method = Image.Resampling.NEAREST if image.width < _SIDE else Image.Resampling.BOX
    panel.paste(image.convert("RGB").resize((_SIDE, _SIDE), method), (_GAP // 2, _LINE))
    ImageDraw.Draw(panel).text((_GAP // 2, 3), text, "black", ImageFont.load_default(_LINE - 8))
    return np.asarray(panel)


def _coloured(heat: Heat) -> Rgb:
    from matplotlib import colormaps

    return np.asarray(colormaps["magma"](np.clip(heat, 0, 1), bytes=True))[..., :3]


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
def _predict(net: Gate | Segmenter, rgb: Rgb, config: TrainConfig) -> tuple[Heat, str]:
    """Return a map of probabilities, of any size, and what to write over it."""
    if isinstance(net, Gate):
        assert isinstance(config, GateConfig)
        view = torch.from_numpy(resize_rgb(rgb, config.input_size).copy())[None]
        tile, cells = net(view)
        return torch.sigmoid(cells[0]).numpy(), f"cells; tile {torch.sigmoid(tile)[0]:.3f}"
    probability = torch.sigmoid(net(torch.from_numpy(rgb.copy())[None])[0, 0])
    return probability.numpy(), f"probability, highest {probability.max():.2f}"
