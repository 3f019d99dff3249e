"""The permissions that verbs ask for, and the scope that an API key needs for each. The dispatcher imports no verb."""

from typing import Final

VIEW: Final = "canary.view"
RAMP: Final = "canary.ramp"
ROLLBACK: Final = "canary.rollback"
LIFECYCLE: Final = "canary.lifecycle"
SCOPES: Final = {
    VIEW: "rollout:read",
    RAMP: "rollout:ramp",
    ROLLBACK: "rollout:rollback",
    LIFECYCLE: "rollout:lifecycle",
}
"""The owner of the key needs the permission as well."""
