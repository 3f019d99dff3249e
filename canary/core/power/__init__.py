"""The power of a plan: what it can find, told before it starts."""

from canary.core.power.planning import power_of
from canary.core.power.values import PlanPower, Population

__all__ = ["PlanPower", "Population", "power_of"]
