"""The names of models and fields in the language of the page.

They come from the code of the models. Written there as texts to be translated, each would be a migration that changes
nothing in the database: so they are made lazy when the pages are registered.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.contrib import admin
from django.db.models import Field
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy, override

TRANSLATED: Final[set[str]] = set()
"""The names in English, for the catalogue of translations."""


def translate_names() -> None:
    with override(None):  # a request in another language may be the first to load the pages
        for named, attribute in list(_names()):
            name = str(getattr(named, attribute))
            TRANSLATED.add(name)
            setattr(named, attribute, gettext_lazy(name))


def _names() -> Iterator[tuple[Any, str]]:
    """Return the names of models with pages and of their fields, except fields that Django has named itself."""
    for opts in (model._meta for model in admin.site._registry if model._meta.app_label == "cms"):
        yield from ((opts, "verbose_name"), (opts, "verbose_name_plural"))
        fields = [field for field in opts.get_fields() if isinstance(field, Field)]
        yield from ((field, "verbose_name") for field in fields if not isinstance(field.verbose_name, Promise))
