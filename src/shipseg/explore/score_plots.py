"""The plots of an evaluation, from its report."""

from __future__ import annotations

from shipseg.evaluation.classification import roc_curve
from shipseg.evaluation.mistakes import Mistakes
from shipseg.evaluation.results import EvaluationReport, GateReport, ScoreReport
from shipseg.explore.charts import Label, columns_plot, percent
from shipseg.explore.curves import Spot, Whisker, curve_plot, reliability_plot, whisker_plot
from shipseg.explore.marks import Plot

_CAUSES = {
    "dropped": "gate dropped",
    "unseen": "not seen",
    "merged": "merged",
    "split": "in parts",
    "loose": "outline off",
}


def plots_of_scores(report: EvaluationReport, mistakes: Mistakes) -> list[Plot]:
    """Draw all plots of an evaluation, in the page's order.

    Args:
        report: From `evaluate`.
        mistakes: Of all its tiles.
    """
    plots = [_sizes(report), _causes(mistakes)]
    if report.scores is not None:
        plots += [_precision(report.scores, report.ship_count), _reliability(report.scores)]
    if report.gate is not None and 0 < report.ship_tile_count < report.tile_count:
        plots.append(_roc(report, report.gate))
    return plots


def _sizes(report: EvaluationReport) -> Plot:
    sizes = report.two_stage.recall_by_size
    alt = "; ".join(f"{size.name}: {size.found} of {size.ships} found" for size in sizes)
    whiskers = [
        Whisker(
            _size_name(size.name, size.least_px, size.most_px), size.recall.value, size.recall.low,
            size.recall.high, size.ships,
        )
        for size in sizes
    ]  # fmt: skip
    label = Label("recall", "Ships found, by size, at IoU above 0.5", f"{alt}.")
    return whisker_plot(label, whiskers, of="ships")


def _size_name(name: str, least: int, most: int | None) -> str:
    return f"{name}, over {least - 1:,} px" if most is None else f"{name}, {least:,}–{most:,} px"


def _causes(mistakes: Mistakes) -> Plot:
    counts = [getattr(mistakes, name) for name in _CAUSES]
    told = ", ".join(f"{n} {what}" for n, what in zip(counts, _CAUSES.values(), strict=True) if n)
    alt = f"{mistakes.missed} ships missed: {told or 'none'}. {mistakes.false} false ships."
    label = Label("mistakes", "Why ships were missed", alt)
    return columns_plot(label, list(_CAUSES.values()), counts, axis="cause", of="ships")


def _precision(scores: ScoreReport, truths: int) -> Plot:
    found = scores.average_precision.value
    area = "undefined" if found is None else f"{found:.3f}"
    alt = f"Average precision {area} over {truths:,} true ships, at IoU above 0.5."
    label = Label("precision-recall", "Precision and recall of reported ships", alt)
    spot = None
    if scores.recall:
        spot = Spot(scores.recall[-1], scores.precision[-1], "all reported")
    return curve_plot(
        label, scores.recall, scores.precision, axis="recall", value="precision", spot=spot
    )


def _reliability(scores: ScoreReport) -> Plot:
    error = "undefined" if scores.ece.value is None else f"{scores.ece.value:.3f}"
    alt = (
        f"Calibration error (ECE) {error}. On the line, a score is the share of such ships that "
        "match a true one; above each column, how many ships it holds."
    )
    label = Label("calibration", "What a score is worth", alt)
    bins = [(b.low, b.high, b.ships, b.mean_score, b.hit_share) for b in scores.reliability]
    return reliability_plot(label, bins)


def _roc(report: EvaluationReport, gate: GateReport) -> Plot:
    probabilities = [tile.gate_probability or 0.0 for tile in report.tiles]
    curve = roc_curve(probabilities, [tile.truth_ships > 0 for tile in report.tiles])
    rate, recall = gate.false_alarm_rate.value or 0.0, gate.recall.value or 0.0
    auc = "undefined" if gate.auc.value is None else f"{gate.auc.value:.3f}"
    alt = (
        f"Area under the curve {auc}. At the threshold {gate.threshold:.3g} the gate keeps "
        f"{percent(recall)} of the tiles with ships and {percent(rate)} of the empty ones."
    )
    label = Label("gate", "The gate: tiles kept", alt)
    spot = Spot(rate, recall, f"threshold {gate.threshold:.3g}")
    return curve_plot(
        label, curve.false_alarm_rate.tolist(), curve.recall.tolist(),
        axis="empty tiles kept", value="tiles with ships kept", spot=spot,
    )  # fmt: skip
