"""Reading request bodies: JSON objects and nothing else."""

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.exceptions import ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser

from cms.costs.bodies import refuse_larger


class JsonObjectParser(BaseParser):
    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        assert parser_context is not None
        if "*" in (media_type or ""):  # which REST framework takes for a range that JSON is in
            raise UnsupportedMediaType(str(media_type))
        refuse_larger(parser_context["request"], parser_context["view"].body_bytes_max)
        try:
            # Not from `stream`: only `body` keeps DATA_UPLOAD_MAX_MEMORY_SIZE.
            parsed = orjson.loads(parser_context["request"].body)
        except orjson.JSONDecodeError as error:
            raise ParseError("Malformed JSON") from error
        if not isinstance(parsed, dict):
            raise ParseError("The request body must be a JSON object.")
        return parsed
