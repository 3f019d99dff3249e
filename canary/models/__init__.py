"""The tables of the rollout: what is in force, how it came to be, what was seen of it and what that proves."""

from canary.models.breakers import RouteWindow, UnitMinute
from canary.models.consumers import ConsumerUsage, SeenIdentity
from canary.models.crossovers import CrossoverCount
from canary.models.evidence import EvidenceCheckpoint, EvidencePoint, Verdict
from canary.models.lists import ListEntry
from canary.models.processes import Crash, Lease, Worker
from canary.models.rollouts import PastCohort, Rollout, RolloutEvent
from canary.models.seen import MetricBucket, Observation, QueryFinding, Recorder
from canary.models.shadows import AcceptedDifference, ShadowDifference, ShadowTotal

__all__ = [
    "AcceptedDifference",
    "ConsumerUsage",
    "Crash",
    "CrossoverCount",
    "EvidenceCheckpoint",
    "EvidencePoint",
    "Lease",
    "ListEntry",
    "MetricBucket",
    "Observation",
    "PastCohort",
    "QueryFinding",
    "Recorder",
    "Rollout",
    "RolloutEvent",
    "RouteWindow",
    "SeenIdentity",
    "ShadowDifference",
    "ShadowTotal",
    "UnitMinute",
    "Verdict",
    "Worker",
]
