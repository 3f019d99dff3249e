"""A post as others get it: the text on the screen, a link for strangers, the answers of both versions."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cms.models import MediaFile, Post, User
from cms.services.media import upload_media
from tests.cms.media.pictures import photograph

POSTS = "/admin/cms/post"


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


@pytest.fixture
def picture(author: User) -> MediaFile:
    return _upload(author)


@pytest.fixture
def draft(make_post: Callable[..., Post], picture: MediaFile) -> Post:
    content = f"Not yet.\n\n![A square](/api/v2/media/{picture.pk}/content)"
    return make_post(title="Draft of a letter", content=content, is_published=False)


def _upload(author: User) -> MediaFile:
    content = photograph(size=(40, 30))
    return upload_media(actor=author, upload=[content], original_name="a.jpg", fields={}, now=timezone.now())


def _shared(client: Client, post: Post) -> str:
    told = client.post(f"{POSTS}/{post.pk}/share/").json()
    assert told["address"].startswith("http://testserver/previews/")
    return str(told["address"]).removeprefix("http://testserver")


def test_a_stranger_with_the_link_sees_the_draft_and_its_picture(client: Client, draft: Post) -> None:
    address = _shared(client, draft)
    stranger = Client()
    page = stranger.get(address)
    assert page.status_code == 200
    assert "Draft of a letter" in page.content.decode()
    assert (page.headers["Cache-Control"], page.headers["Referrer-Policy"]) == ("private, no-store", "no-referrer")
    picture = f"{address}/media/{draft.embedded_media.get().pk}"
    assert f'src="{picture}"' in page.content.decode()
    shown = stranger.get(picture)
    assert (shown.status_code, shown.headers["Content-Type"]) == (200, "image/jpeg")
    assert b"".join(shown)[:2] == b"\xff\xd8"  # type: ignore[arg-type]
    assert stranger.get(f"/api/v2/media/{draft.embedded_media.get().pk}/content").status_code == 404


def test_the_api_names_pictures_that_the_link_opens(client: Client, draft: Post) -> None:
    address = _shared(client, draft)
    html = Client().get(f"/api/v2{address}").json()["content_html"]
    assert f'src="{address}/media/{draft.embedded_media.get().pk}"' in html


def test_the_link_opens_no_other_file(client: Client, draft: Post, author: User) -> None:
    other = _upload(author)
    assert Client().get(f"{_shared(client, draft)}/media/{other.pk}").status_code == 404


@pytest.mark.parametrize("change", ["trashed", "suspended", "altered"])
def test_a_link_that_is_no_good_any_more_says_so(client: Client, draft: Post, author: User, change: str) -> None:
    address = _shared(client, draft)
    if change == "trashed":
        client.post(f"{POSTS}/{draft.pk}/trash/", {"_form_submitted": "True"})
    elif change == "suspended":
        User.objects.filter(pk=author.pk).update(is_active=False)
    else:
        address = f"{address}x"
    page = Client().get(address)
    assert page.status_code == 404
    assert "no longer works" in page.content.decode()


def test_a_front_end_takes_the_place_of_the_plain_page(client: Client, draft: Post, settings: Any) -> None:
    settings.PREVIEW_URL = "https://www.example.org/preview?token={token}"
    told = client.post(f"{POSTS}/{draft.pk}/share/").json()
    assert told["address"].startswith("https://www.example.org/preview?token=W")


def test_a_public_post_is_viewed_at_its_address(
    client: Client, draft: Post, make_post: Callable[..., Post], settings: Any
) -> None:
    settings.PUBLIC_POST_URL = "https://www.example.org/posts/{slug}"
    public = make_post(title="Out now")
    assert 'href="https://www.example.org/posts/out-now"' in client.get(f"{POSTS}/{public.pk}/change/").content.decode()
    assert "public_address" not in client.get(f"{POSTS}/{draft.pk}/change/").context


def test_the_text_on_the_screen_is_a_page_that_only_this_site_frames(client: Client, picture: MediaFile) -> None:
    content = f"*New* ![](/api/v2/media/{picture.pk}/content)<script>alert(1)</script>"
    page = client.post(f"{POSTS}/page/", {"title": "On <screen>", "content": content, "content_format": "markdown"})
    text = page.content.decode()
    assert "<em>New</em>" in text
    assert "On &lt;screen&gt;" in text
    assert f"/api/v2/media/{picture.pk}/content" in text
    shown = client.get(f"/api/v2/media/{picture.pk}/content")
    assert b"".join(shown)[:2] == b"\xff\xd8"  # type: ignore[arg-type]
    assert "<script" not in text
    assert "frame-ancestors 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert client.post(f"{POSTS}/page/", {"content_format": "word"}).status_code == 400


def test_both_versions_are_asked_for_the_post(client: Client, draft: Post, settings: Any) -> None:
    page = client.get(f"{POSTS}/{draft.pk}/json/").content.decode()
    for version in (1, 2):
        assert f'data-address="/api/v{version}/posts/{draft.pk}"' in page
        assert client.get(f"/api/v{version}/posts/{draft.pk}").status_code == 200
    settings.CANARY = {**settings.CANARY, "IS_V1_ENABLED": False}
    assert "/api/v1/" not in client.get(f"{POSTS}/{draft.pk}/json/").content.decode()


@pytest.mark.parametrize("place", ["share/", "json/"])
def test_a_post_of_somebody_else_is_not_there(
    place: str, draft: Post, make_user: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    other = signed_in(make_user(role="author"))
    address = f"{POSTS}/{draft.pk}/{place}"
    answer = other.get(address) if place == "json/" else other.post(address)
    assert answer.status_code == 404


def test_times_are_in_the_writers_zone(
    client: Client, author: User, make_post: Callable[..., Post], send_form: Callable[..., Any]
) -> None:
    User.objects.filter(pk=author.pk).update(time_zone="Asia/Tokyo")
    address = f"{POSTS}/{make_post(is_published=False).pk}/change/"
    assert "In Asia/Tokyo." in client.get(address).content.decode()
    send_form(client, address, button="_publish", publish_at="2199-01-02T09:00")
    page = client.get(address).content.decode()
    assert 'value="2199-01-02T09:00"' in page
    assert "was scheduled for 2199-01-02 09:00 Asia/Tokyo" in page
    assert Post.objects.get().published_at == datetime.datetime(2199, 1, 2, tzinfo=datetime.UTC)


def test_a_published_post_has_no_time_left_to_set(client: Client, make_post: Callable[..., Post]) -> None:
    assert "publish_at" not in client.get(f"{POSTS}/{make_post().pk}/change/").content.decode()


def test_advice_is_about_the_text_on_the_screen(client: Client, draft: Post) -> None:
    sent = {
        "content": "![](/a.png)",
        "content_format": "markdown",
        "slug": draft.slug,
        "excerpt": "x",
        "post": draft.pk,
    }
    told = client.post(f"{POSTS}/advice/", sent).json()
    assert told == {"advice": ["1 picture has no alternative text."]}


def test_pictures_are_offered_that_the_writer_may_use(
    client: Client, picture: MediaFile, make_user: Callable[..., User]
) -> None:
    _upload(make_user(role="author"))
    [offered] = client.get(f"{POSTS}/pictures/").json()["pictures"]
    assert (offered["id"], offered["address"]) == (str(picture.pk), f"/api/v2/media/{picture.pk}/content")
    assert not offered["isMade"]
    thumbnail = client.get(offered["thumbnail"])
    assert (thumbnail.headers["Content-Type"], b"".join(thumbnail)[:4]) == ("image/webp", b"RIFF")  # type: ignore[arg-type]
    assert client.get(f"{POSTS}/pictures/").json()["pictures"][0]["isMade"]
    assert client.get(f"{POSTS}/pictures/?q=nothing").json() == {"pictures": []}
