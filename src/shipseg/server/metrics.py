"""What the server counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from shipseg.server.intake import Intake
from shipseg.server.pool import Pool

CONTENT_TYPE = CONTENT_TYPE_LATEST

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)


class Metrics:
    """Counters of one application, in a registry of its own: tests make many of them."""

    def __init__(self, pool: Pool, intake: Intake) -> None:
        """Watch a pool and an intake."""
        self._registry = CollectorRegistry()
        self.requests = Counter(
            "shipseg_requests", "Requests answered.", ("route", "method", "status"),
            registry=self._registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "shipseg_request_seconds", "From the head of a request to the end of its answer.",
            ("route",), buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self.stages = Histogram(
            "shipseg_stage_seconds", "Work on a picture by stage.", ("stage",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self.problems = Counter(
            "shipseg_problems", "Problems by code.", ("code",), registry=self._registry
        )
        self.ships = Counter("shipseg_ships", "Ships found.", registry=self._registry)
        self.gone = Counter(
            "shipseg_callers_gone", "Callers that left before their answer.",
            registry=self._registry,
        )  # fmt: skip
        self.cache = Counter(
            "shipseg_cache", "Looks into the cache of results.", ("found",),
            registry=self._registry,
        )  # fmt: skip
        self._registry.register(_Gauges(pool, intake))
        ProcessCollector(registry=self._registry)

    def analysed(self, timings_ms: dict[str, float], ships: int) -> None:
        """Count a picture that was worked on."""
        for stage, ms in timings_ms.items():
            self.stages.labels(stage).observe(ms / 1000)
        self.ships.inc(ships)

    def text(self) -> bytes:
        """Give the exposition."""
        return generate_latest(self._registry)


class _Gauges(Collector):
    """What is read when it is asked for."""

    def __init__(self, pool: Pool, intake: Intake) -> None:
        self._pool, self._intake = pool, intake

    def collect(self) -> list[GaugeMetricFamily]:
        """Give the gauges."""
        pool = self._pool
        return [
            GaugeMetricFamily("shipseg_running", "Pictures in work.", value=pool.running),
            GaugeMetricFamily("shipseg_waiting", "Pictures in the queue.", value=pool.waiting),
            GaugeMetricFamily("shipseg_places", "Workers and queue together.", value=pool.places),
            GaugeMetricFamily("shipseg_uploads", "Bodies on their way.", value=self._intake.open),
        ]
