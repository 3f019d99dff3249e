"""The verbs of the rollout, one module a group: what `manage.py canary` and `/canary/api/` offer."""
