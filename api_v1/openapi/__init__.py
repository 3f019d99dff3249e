"""v1's OpenAPI document: what it says stands in `operations.py` and `schemas.py`, how it is put together in `document.py`."""

from api_v1.openapi.document import document

__all__ = ["document"]
