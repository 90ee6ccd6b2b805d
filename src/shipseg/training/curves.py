"""Draw a run's curves: loss on one side, scores on the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from shipseg.files import atomic_path

_LOSSES = {"train_loss": "training loss", "val_loss": "validation loss"}
_SCORES = {
    "val_f1": "F1", "val_auc": "AUC", "val_dice": "Dice on ship tiles",
    "val_false_empty": "empty tiles with a false pixel", "val_iou": "IoU of moved rectangles",
    "val_iou_before": "IoU of guesses",
}  # fmt: skip


def draw_curves(rows: Sequence[Mapping[str, float]], path: Path) -> None:
    """Write a PNG with the losses and the scores of every epoch.

    Args:
        rows: One mapping per epoch, with `epoch` and the metrics' names.
        path: Where to write.
    """
    # The object interface, not pyplot: no global state, no display.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    epochs = [row["epoch"] for row in rows]
    for axes, names, title in ((left, _LOSSES, "Loss"), (right, _SCORES, "Validation scores")):
        for name in (name for name in names if name in rows[-1]):
            values = [row.get(name, float("nan")) for row in rows]
            axes.plot(epochs, values, marker="o", markersize=3, label=names[name])
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    right.set_ylim(0, 1)
    with atomic_path(path) as beside:
        figure.savefig(beside, format="png", dpi=120)
