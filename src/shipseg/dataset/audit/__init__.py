"""What is wrong with tiles and labels, before a training learns it."""

from shipseg.dataset.audit.findings import (
    KINDS,
    SEVERITIES,
    Finding,
    Kind,
    Severity,
    at_or_above,
    sort_findings,
)
from shipseg.dataset.audit.run import Audit, Limits, audit

__all__ = [
    "KINDS",
    "SEVERITIES",
    "Audit",
    "Finding",
    "Kind",
    "Limits",
    "Severity",
    "at_or_above",
    "audit",
    "sort_findings",
]
