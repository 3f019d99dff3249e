"""Advice to a writer before a post goes out: it names what readers would miss, and stops nobody."""

import datetime
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth.models import AnonymousUser

from cms.models import MediaFile, Post
from cms.policy import Actor
from cms.services.post_media import media_ids_in

NAMED_MAX: Final = 5
# Sanitised HTML quotes with ", and writes no > into a value's name.
_IMAGE: Final = re.compile(r'<img(?:\s[a-z]+="[^"]*")*\s*/?>')
_TEXT_OF_IMAGE: Final = re.compile(r'\salt="[^"]*\S[^"]*"')
_LINK: Final = re.compile(r'<a(?:\s[a-z]+="[^"]*")*?\shref="([^"]*)"')


@dataclass(frozen=True)
class Draft:
    """A post as it is on the screen; `id` is None before it was saved."""

    id: uuid.UUID | None
    slug: str
    excerpt: str
    content_html: str


def advise(*, actor: Actor, draft: Draft, now: datetime.datetime) -> list[str]:
    """Return a sentence for each thing that readers would miss."""
    return [
        *_about_texts_of_images(draft),
        *_about_files(actor, draft, now),
        *_about_links(draft, now),
        *_about_slug(draft),
        *([] if draft.excerpt.strip() else ["There is no excerpt: lists show the beginning of the content."]),
    ]


def _about_texts_of_images(draft: Draft) -> Iterator[str]:
    mute = sum(1 for image in _IMAGE.findall(draft.content_html) if not _TEXT_OF_IMAGE.search(image))
    if mute:
        yield f"{mute} picture{'s have' if mute > 1 else ' has'} no alternative text."


def _about_files(actor: Actor, draft: Draft, now: datetime.datetime) -> Iterator[str]:
    named = media_ids_in(draft.content_html)
    if not named:
        return
    seen = MediaFile.objects.visible_to(actor, now).filter(pk__in=named).values_list("pk", flat=True)
    if missing := named - set(seen):
        yield f"{len(missing)} {'files' if len(missing) > 1 else 'file'} of the text can't be found."


def _about_links(draft: Draft, now: datetime.datetime) -> Iterator[str]:
    before, _, after = settings.PUBLIC_POST_URL.partition("{slug}")
    if not before:
        return
    pattern = re.compile(rf"{re.escape(before)}([^/?#]+){re.escape(after)}(?:[?#].*)?")
    slugs = {unquote(match[1]) for href in _LINK.findall(draft.content_html) if (match := pattern.fullmatch(href))}
    public = Post.objects.visible_to(AnonymousUser(), now).filter(slug__in=slugs).values_list("slug", flat=True)
    if dead := sorted(slugs - {*public, draft.slug}):
        more = " …" if len(dead) > NAMED_MAX else ""
        yield f"These links lead to no public post: {', '.join(dead[:NAMED_MAX])}{more}."


def _about_slug(draft: Draft) -> Iterator[str]:
    taken = Post.objects.filter(slug=draft.slug).values_list("pk", flat=True).first() if draft.slug else None
    if taken not in (None, draft.id):
        yield f"Another post has the slug “{draft.slug}”: choose another one."
