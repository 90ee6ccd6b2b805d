"""What a moving ship leaves on the water."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from shipseg.imaging.synthetic.fields import Field, shaped_noise, smoothstep
from shipseg.imaging.synthetic.light import Light
from shipseg.imaging.synthetic.pen import OrientedBox

# Half the opening of the Kelvin wedge, asin(1/3), whatever the speed.
_KELVIN_TAN = float(np.tan(np.arcsin(1.0 / 3.0)))


def paint_wake(
    rng: np.random.Generator,
    rgb: npt.NDArray[np.float32],
    box: OrientedBox,
    light: Light,
    land: Field | None = None,
) -> None:
    """Paint bow wave, churned water, Kelvin arms and the long smooth track, in place.

    Args:
        rng: Source of randomness.
        rgb: ``(H, W, 3)`` float32 picture of the sea.
        box: The ship that moves along its heading.
        light: Gives the colour of foam.
        land: ``(H, W)`` float32 share of land, which stays dry; None where there is none.
    """
    small = box.length < 35.0
    speed = float(rng.uniform(0.5, 1.0) if small else rng.uniform(0.3, 1.0))
    reach = box.length * float(rng.uniform(2.5, 9.0) if small else rng.uniform(0.8, 2.5))
    reach = 8.0 + reach * (0.4 + 0.6 * speed)
    # The old track is seen about three times as far as the foam.
    x0, y0, x1, y1 = _behind(box, 3.0 * reach).window(rgb.shape[:2], 4.0)
    if x1 - x0 < 2 or y1 - y0 < 2:
        return
    aft, side = _track_frame(box, (x0, y0, x1, y1))
    ragged = shaped_noise(
        rng, (y1 - y0, x1 - x0), lambda kx, ky: np.exp(-((4.5 * kx) ** 2) - (4.5 * ky) ** 2)
    )
    foam = _churn(rng, aft, side, box, reach, small) * np.float32(0.55 + 0.45 * speed)
    foam = np.maximum(foam, _bow_wave(aft, side, box, speed))
    cover = smoothstep(foam * (1.0 + 0.35 * ragged), 0.06, 0.7 if small else 1.05)
    swell = _kelvin_arms(rng, aft, side, box, reach) * np.float32(speed * rng.uniform(4.0, 16.0))
    track = np.exp(-((side / (0.6 * box.width + 0.02 * aft + 1.0)) ** 2))
    track *= smoothstep(aft, -0.5 * box.length, 0.0) * smoothstep(aft, 3.0 * reach, reach)
    swell += track * np.float32(rng.uniform(-6.0, 6.0))
    if land is not None:
        wet = 1.0 - land[y0:y1, x0:x1]
        cover, swell = cover * wet, swell * wet
    patch = rgb[y0:y1, x0:x1]
    white = light.through_air(np.array([222.0, 228.0, 228.0], np.float32))
    patch += swell[..., None]
    patch += cover[..., None] * (white - patch) * np.float32(0.95)


def _behind(box: OrientedBox, reach: float) -> OrientedBox:
    """Return the rectangle that holds the ship and its wedge."""
    shift = -reach / 2
    x, y = box.to_picture([(shift, 0.0)])[0]
    width = box.width + 2 * _KELVIN_TAN * (reach / 3 + box.length) + 8.0
    return OrientedBox((float(x), float(y)), box.length + reach, width, box.heading_rad)


def _track_frame(box: OrientedBox, window: tuple[int, int, int, int]) -> tuple[Field, Field]:
    """Return, per pixel, the distance aft of the stern and the one to starboard."""
    x0, y0, x1, y1 = window
    x = (np.arange(x0, x1, dtype=np.float32) + 0.5 - np.float32(box.centre_xy[0]))[None, :]
    y = (np.arange(y0, y1, dtype=np.float32) + 0.5 - np.float32(box.centre_xy[1]))[:, None]
    cos, sin = np.float32(np.cos(box.heading_rad)), np.float32(np.sin(box.heading_rad))
    return -(x * cos + y * sin) - np.float32(box.length / 2), y * cos - x * sin


def _churn(
    rng: np.random.Generator, aft: Field, side: Field, box: OrientedBox, reach: float, small: bool
) -> Field:
    """Return the white water behind the stern; a fast boat's has two bright edges."""
    spread = rng.uniform(0.04, 0.12) if small else rng.uniform(0.01, 0.035)
    lead = 0.5 * box.length if small else 0.0  # a planing boat throws water out along its sides
    half = np.float32((0.6 if small else 0.42) * box.width) + np.float32(spread) * np.maximum(
        aft + np.float32(lead), 0.0
    )
    across = np.abs(side) / np.maximum(half, 1.0)
    centre = np.exp(-(across**2) * np.float32(rng.uniform(1.5, 3.0)))
    edges = np.exp(-(((across - 0.85) / 0.35) ** 2))
    # Near the boat all is white; the edges outlive the middle.
    hollow = np.float32(rng.uniform(0.2, 0.95) if small else rng.uniform(0.0, 0.4)) * smoothstep(
        aft, 0.0, 0.3 * reach
    )
    profile = (1.0 - hollow) * centre + hollow * edges
    start = smoothstep(aft, -lead - 1.0, 0.2 * lead)
    fade = np.exp(-np.maximum(aft, 0.0) / np.float32(0.45 * reach)) * smoothstep(
        aft, reach, 0.5 * reach
    )
    churn: Field = profile * start * fade
    return churn


def _bow_wave(aft: Field, side: Field, box: OrientedBox, speed: float) -> Field:
    """Return the two foam lines that leave the bow along the hull."""
    from_bow = aft + np.float32(box.length)
    line = np.float32(0.5 * box.width) * smoothstep(from_bow, -1.0, 0.3 * box.length)
    line = line + np.float32(0.1) * np.maximum(from_bow, 0.0) * smoothstep(
        from_bow, 0.0, 0.3 * box.length
    )
    thick = np.float32(0.5 + 0.05 * box.width)
    on_line = np.exp(-(((np.abs(side) - line - 0.4) / thick) ** 2))
    fade = smoothstep(from_bow, -1.5, 1.0) * np.exp(
        -np.maximum(from_bow, 0.0) / np.float32(0.45 * box.length)
    )
    wave: Field = on_line * fade * np.float32(0.75 * speed**2)
    return wave


def _kelvin_arms(
    rng: np.random.Generator, aft: Field, side: Field, box: OrientedBox, reach: float
) -> Field:
    """Return the diverging waves: crests and troughs along the two arms of the wedge."""
    from_bow = np.maximum(aft + np.float32(box.length), 0.0)
    off_arm = np.abs(side) - np.float32(_KELVIN_TAN) * from_bow
    wavelength = np.float32(rng.uniform(4.0, 9.0))
    # Crests of the cusps stand at about 55 degrees to the track.
    phase = (0.82 * from_bow + 0.57 * np.abs(side)) * np.float32(2 * np.pi) / wavelength
    envelope = np.exp(-((off_arm / (1.5 + 0.05 * from_bow)) ** 2))
    envelope *= smoothstep(from_bow, 0.0, 4.0) * np.exp(-from_bow / np.float32(0.6 * reach))
    arms: Field = envelope * np.cos(phase)
    return arms
