"""The system check of `check --deploy`: can media be reached? Other commands skip it: most need no media."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.files.storage import default_storage


@register(deploy=True)
def media_answer(app_configs: Any, **options: Any) -> list[CheckMessage]:
    try:
        default_storage.listdir("media")
    except FileNotFoundError:  # a folder that the first upload will make
        return []
    except OSError as error:
        place = settings.MEDIA_S3["MEDIA_S3_BUCKET"] or settings.MEDIA_ROOT
        return [Error(f"The media in {place} can't be listed: {error.strerror}", hint="See MEDIA_…", id="cms.E001")]
    return []
