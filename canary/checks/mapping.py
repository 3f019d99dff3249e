"""Checks of the declared mapping from v1 to v2, where there is one."""

import re
from importlib import import_module
from typing import Any

from django.core import checks

from canary.checks.wiring import is_configured
from canary.conf import canary_conf
from canary.retiring.parity import unmapped_calls
from canary.successors import validate


@checks.register(checks.Tags.urls)
def check_mapping(**kwargs: Any) -> list[checks.CheckMessage]:
    """Check the form of the mapping, and that it has a way for every call of v1."""
    if not is_configured() or not canary_conf().successors:
        return []
    name = canary_conf().successors
    try:
        faults = validate(import_module(name))
    except ImportError as error:
        hint = 'Name a module of your project, or take "SUCCESSORS" out of CANARY.'
        return [checks.Error(f"The mapping {name} can't be imported: {error}", hint=hint, id="canary.E014")]
    if faults:
        return [checks.Error(f"{name}: {fault}", id="canary.E015") for fault in faults]
    try:
        missing = unmapped_calls()
    except ImportError:  # the check of URLconfs reports it
        return []
    return [
        checks.Warning(
            f"{name} has no way for {call}.",
            hint=f'Add route("{_template(call)}", "…") to its ROUTES, or gap("{_template(call)}", "the reason").',
            id="canary.W007",
        )
        for call in missing
    ]


def _template(call: str) -> str:
    """Return `GET /products/{pk}` for `GET /products/<int:pk>`."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", call)
