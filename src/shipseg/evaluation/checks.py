"""What tiles have to be before they can be scored."""

from __future__ import annotations

from shipseg.errors import BadInputError, RleError, UsageError
from shipseg.evaluation.results import TileResult
from shipseg.rle import check_runs


def check_tiles(results: tuple[TileResult, ...], threshold: float | None) -> None:
    """Refuse tiles that cannot be scored together.

    Args:
        results: The tiles.
        threshold: The gate's, which the predictions were made with.

    Raises:
        BadInputError: There are no tiles, one comes twice, only some have a probability, scores or
            ungated predictions, or ships are predicted on a tile below the threshold.
        RleError: A ship has no pixel, or its runs are unsorted, overlap or leave the tile.
        UsageError: The threshold is missing or out of range.
    """
    if not results:
        raise BadInputError("there are no tiles to score, expected at least one")
    seen: set[str] = set()
    for tile in results:
        if tile.image_id in seen:
            raise BadInputError(f"tile {tile.image_id} comes twice, expected each tile once")
        seen.add(tile.image_id)
        _check_runs(tile)
        _check_scores(tile)
    for name in ("gate_probability", "predicted_ungated", "scores"):
        lacking = [tile.image_id for tile in results if getattr(tile, name) is None]
        if 0 < len(lacking) < len(results):
            raise BadInputError(
                f"{len(lacking)} of {len(results)} tiles, {lacking[0]} first, have no {name}, "
                "expected it of all tiles or of none"
            )
    if results[0].gate_probability is not None:
        _check_gate(results, threshold)


def _check_runs(tile: TileResult) -> None:
    for name in ("truth", "predicted", "predicted_ungated"):
        for i, runs in enumerate(getattr(tile, name) or ()):
            where = f"tile {tile.image_id}: {name}[{i}]"
            try:
                check_runs(runs, tile.shape_hw)
            except RleError as error:
                raise RleError(f"{where}: {error.message}", hint=error.hint) from error
            if not len(runs):
                raise RleError(
                    f"{where} has no pixel, expected at least one",
                    hint="leave out ships without a pixel",
                )


def _check_scores(tile: TileResult) -> None:
    if tile.scores is None:
        return
    if len(tile.scores) != len(tile.predicted):
        raise BadInputError(
            f"tile {tile.image_id} has {len(tile.scores)} scores, "
            f"expected {len(tile.predicted)}, one per predicted ship"
        )
    for score in tile.scores:
        # Written so that NaN fails as well.
        if not 0.0 <= score <= 1.0:
            raise BadInputError(f"tile {tile.image_id} has score {score}, expected one in [0, 1]")


def _check_gate(results: tuple[TileResult, ...], threshold: float | None) -> None:
    if threshold is None:
        raise UsageError(
            "the tiles have gate probabilities and there is no gate_threshold",
            hint="pass the threshold that the predictions were made with",
        )
    if not 0.0 <= threshold <= 1.0:
        raise UsageError(f"gate_threshold is {threshold}, expected a number in [0, 1]")
    for tile in results:
        probability = tile.gate_probability
        if probability is None or not 0.0 <= probability <= 1.0:
            raise BadInputError(
                f"tile {tile.image_id} has gate probability {probability}, expected one in [0, 1]"
            )
        if probability < threshold and tile.predicted:
            raise BadInputError(
                f"tile {tile.image_id} has {len(tile.predicted)} ships predicted though its gate "
                f"probability {probability} is below the threshold {threshold}",
                hint="pass the threshold that the predictions were made with",
            )
