"""What a detector is made of, here and on other machines."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shipseg.inference.devices import Device, choose_device

if TYPE_CHECKING:
    from shipseg.inference.detector import Detector


@dataclass(frozen=True, slots=True)
class DetectorSettings:
    """What a detector is made of; it can be sent to another process.

    Attributes:
        bundle: Model bundle; None takes the one inside the package.
        threshold: Least probability of a ship's pixel; None takes the bundle's.
        gate_threshold: Least probability that passes the gate; None takes the bundle's.
        straighten: Draw rectangles where the bundle says that hulls are.
        device: What runs the graphs.
    """

    bundle: Path | None = None
    threshold: float | None = None
    gate_threshold: float | None = None
    straighten: bool = True
    device: Device = Device.cpu

    def make(self) -> Detector:
        """Load the bundle."""
        from shipseg.inference.detector import Detector

        return Detector(
            self.bundle,
            threshold=self.threshold,
            gate_threshold=self.gate_threshold,
            straighten=self.straighten,
            device=self.device,
        )


def for_ray(settings: DetectorSettings) -> DetectorSettings:
    """Give the settings that a Ray worker makes its detector of.

    Raises:
        MissingDependencyError: Ray is not installed, or what `auto` takes is not.
    """
    from shipseg.inference.ray_cluster import require_ray

    require_ray()
    bundle = None if settings.bundle is None else settings.bundle.absolute()
    # Chosen once, here: workers that chose for themselves could differ in the third digit. A card
    # that is named need not be in this machine.
    device = choose_device(Device.auto) if settings.device is Device.auto else settings.device
    return replace(settings, bundle=bundle, device=device)
