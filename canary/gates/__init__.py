"""Gates of the site's own: `CANARY["GATES"]`, each asked beside the controller. A callable returns a `GateResult`."""

from canary.core.gates import GateResult

__all__ = ["GateResult"]
