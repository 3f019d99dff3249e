"""API v2 as an OpenAPI 3.1 document: `document.py` makes it, `views.py` serves it, `compatibility.py` compares two.

Facts that routes, views, shapes and readers of bodies don't declare stand in `resources.py`, `bodies.py`,
`parameters.py` and `operations.py`.
"""

from api_v2.openapi.document import document

__all__ = ["document"]
