"""Fields that take a JSON value of one type as it is: REST framework's turn numbers into text and "yes" into true."""

from typing import Any, Final
from uuid import UUID

from rest_framework import serializers

from cms.ids import parse_uuid

ITEMS_MAX: Final = 100
"""The longest list that v1 takes."""


class TextField(serializers.CharField):
    """Any text, untrimmed; how long it may be is the domain's business."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(allow_blank=True, trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return data


class OptionalTextField(TextField):
    """Null counts as absent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)


class OptionalTrueOrFalseField(serializers.BooleanField):
    """Null counts as absent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class OptionalUuidField(serializers.UUIDField):
    """A UUID as paths take it; null counts as absent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, allow_null=True, **kwargs)

    def to_internal_value(self, data: Any) -> UUID:
        uuid = parse_uuid(data)
        if uuid is None:
            self.fail("invalid", value=data)
        return uuid


class TextsField(serializers.ListField):
    """A list of texts. Its length is looked at before its items, so that an answer does not grow with it."""

    default_error_messages = {"max_length": "Ensure this field has no more than {max_length} elements."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(child=TextField(), **kwargs)

    def to_internal_value(self, data: Any) -> list[str]:
        if isinstance(data, list) and len(data) > ITEMS_MAX:
            self.fail("max_length", max_length=ITEMS_MAX)
        texts: list[str] = super().to_internal_value(data)
        return texts
