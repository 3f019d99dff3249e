"""The equivalent in v2 of each call of v1, as data: for the guide, links of deprecated responses, 410s and comparisons.

Its readers know no class of v1, only plain values under these names:

- `ROUTES`: a `Route` for every path and verb of v1 (`api_v1/successors/shape.py` describes it);
- `SHAPES`: by name, the members of a resource in v1 and in v2; `V2_ONLY` what v2 has beside them;
- `BODIES`: by name, the members of a request's body;
- `RULES`: how a value changes on the way, each with a sentence;
- `ERRORS`, `DIFFERENCES`, `EXAMPLES`: facts about all calls, for people.
"""

from api_v1.successors.examples import EXAMPLES
from api_v1.successors.members import BODIES, RULES, SHAPES, V2_ONLY
from api_v1.successors.routes import ROUTES
from api_v1.successors.texts import DIFFERENCES, ERRORS

__all__ = ["BODIES", "DIFFERENCES", "ERRORS", "EXAMPLES", "ROUTES", "RULES", "SHAPES", "V2_ONLY"]
