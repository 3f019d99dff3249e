"""Two imports at once: what one of them makes, the other finds."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Count

from cms.models import Post, Tag
from tests.cms.importers.conftest import import_into_database

POSTS, TAGS_EACH = 30, 4


def written(folder: Path) -> Path:
    folder.mkdir()
    for number in range(POSTS):
        tags = ", ".join(f"tag {TAGS_EACH * number + place}" for place in range(TAGS_EACH))
        (folder / f"{number:03}.md").write_text(f"---\ntitle: {folder.name} {number}\ntags: [{tags}]\n---\nText.\n")
    return folder


@pytest.mark.django_db(transaction=True)
def test_tags_that_another_import_makes_meanwhile_are_taken(
    tmp_path: Path, in_threads: Callable[..., list[Any]]
) -> None:
    folders = [written(tmp_path / name) for name in ("one", "other")]
    reports = in_threads([partial(import_into_database, folder) for folder in folders])
    assert [report["counts"]["failed"] for report in reports] == [0, 0]
    assert Tag.objects.count() == POSTS * TAGS_EACH
    assert {*Post.objects.annotate(tag_count=Count("tags")).values_list("tag_count", flat=True)} == {TAGS_EACH}
