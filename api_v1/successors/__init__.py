"""What each call of v1 is in v2, as data: for the guide, the links of deprecated answers, refusals and comparisons.

Whoever reads it knows no class of v1, only plain values under these names:

- `ROUTES`: a `Route` for every path and verb of v1 (`api_v1/successors/shape.py` says what stands in one);
- `SHAPES`: by name, the members of a resource in v1 and in v2; `V2_ONLY` what v2 has beside them;
- `BODIES`: by name, the members of a request's body;
- `RULES`: what is done to a value on the way, each with a sentence;
- `ERRORS`, `DIFFERENCES`, `EXAMPLES`: what holds for all calls, for people.
"""

from api_v1.successors.examples import EXAMPLES
from api_v1.successors.members import BODIES, RULES, SHAPES, V2_ONLY
from api_v1.successors.routes import ROUTES
from api_v1.successors.texts import DIFFERENCES, ERRORS

__all__ = ["BODIES", "DIFFERENCES", "ERRORS", "EXAMPLES", "ROUTES", "RULES", "SHAPES", "V2_ONLY"]
