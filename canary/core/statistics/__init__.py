"""Conclusions from small, live traffic: valid at every look, by our own randomisation. Makes no decision itself."""

from canary.core.statistics.evidence import Evidence
from canary.core.statistics.observed import Observed

__all__ = ["Evidence", "Observed"]
