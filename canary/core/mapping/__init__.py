"""Apply the declared mapping from v1 to v2 to requests and to bodies of responses. Knows only the form of the data."""

from canary.core.mapping.backwards import original
from canary.core.mapping.bodies import Difference, compare, without_noise
from canary.core.mapping.declared import Declared, Json
from canary.core.mapping.leads import Lead, Leads
from canary.core.mapping.requests import Equivalent, as_asked, counted, declared_query, equivalent
from canary.core.mapping.sent import NoEquivalentError, sent

__all__ = [
    "Declared",
    "Difference",
    "Equivalent",
    "Json",
    "Lead",
    "Leads",
    "NoEquivalentError",
    "as_asked",
    "compare",
    "counted",
    "declared_query",
    "equivalent",
    "original",
    "sent",
    "without_noise",
]
