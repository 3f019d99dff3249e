"""Advice to a writer before publishing: it lists what readers would miss, and blocks nothing."""

import datetime
import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import batched, islice
from typing import Final
from urllib.parse import unquote

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cms import limits
from cms.models import MediaFile, Post
from cms.policy import Actor
from cms.services.post_media import media_ids_in

NAMED_MAX: Final = 5
_SLUGS_AT_ONCE: Final = 500
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
    """Return a sentence for each thing that readers would miss, in the language of the page that asks."""
    return [
        *_about_texts_of_images(draft),
        *_about_files(actor, draft, now),
        *_about_links(draft, now),
        *_about_slug(actor, draft, now),
        *([] if draft.excerpt.strip() else [_("There is no excerpt: lists show the beginning of the content.")]),
    ]


def _about_texts_of_images(draft: Draft) -> Iterator[str]:
    mute = sum(1 for image in _IMAGE.findall(draft.content_html) if not _TEXT_OF_IMAGE.search(image))
    if mute:
        yield ngettext(
            "%(count)d picture has no alternative text.", "%(count)d pictures have no alternative text.", mute
        ) % {"count": mute}


def _about_files(actor: Actor, draft: Draft, now: datetime.datetime) -> Iterator[str]:
    named = media_ids_in(draft.content_html)
    if len(named) > limits.FILES_PER_TEXT_MAX:
        yield _("At most %(most)s files are allowed in a text.") % {"most": limits.FILES_PER_TEXT_MAX}
        return
    if not named:
        return
    seen = MediaFile.objects.visible_to(actor, now).filter(pk__in=named).values_list("pk", flat=True)
    if count := len(named - set(seen)):
        yield ngettext(
            "%(count)d file of the text can't be found.", "%(count)d files of the text can't be found.", count
        ) % {"count": count}


def _about_links(draft: Draft, now: datetime.datetime) -> Iterator[str]:
    before, _slug, after = settings.PUBLIC_POST_URL.partition("{slug}")
    if not before:
        return
    pattern = re.compile(rf"{re.escape(before)}([^/?#]+){re.escape(after)}(?:[?#].*)?")
    slugs = {unquote(match[1]) for href in _LINK.findall(draft.content_html) if (match := pattern.fullmatch(href))}
    if dead := list(islice(_dead(sorted(slugs - {draft.slug}), now), NAMED_MAX + 1)):
        more = " …" if len(dead) > NAMED_MAX else ""
        yield _("These links lead to no public post: %(slugs)s.") % {"slugs": ", ".join(dead[:NAMED_MAX]) + more}


def _dead(slugs: Sequence[str], now: datetime.datetime) -> Iterator[str]:
    """Yield those without a public post. SQLite takes a bounded number of values in one query."""
    public = Post.objects.visible_to(AnonymousUser(), now)
    for some in batched(slugs, _SLUGS_AT_ONCE):
        storable = [slug for slug in some if "\x00" not in slug]
        found = set(public.filter(slug__in=storable).values_list("slug", flat=True))
        yield from (slug for slug in some if slug not in found)


def _about_slug(actor: Actor, draft: Draft, now: datetime.datetime) -> Iterator[str]:
    """Tell of posts that the actor may see: a try to save tells of the others, and leaves a trace."""
    seen = Post.objects.visible_to(actor, now).filter(slug=draft.slug)
    taken = seen.values_list("pk", flat=True).first() if draft.slug else None
    if taken not in (None, draft.id):
        yield _("Another post has the slug “%(slug)s”: choose another one.") % {"slug": draft.slug}
