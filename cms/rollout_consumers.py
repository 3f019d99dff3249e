"""The path of the task before `cms/rollout/`: jobs that an earlier release queued still name it."""

from cms.rollout.consumers import send_v1_usage

__all__ = ["send_v1_usage"]
