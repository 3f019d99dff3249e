from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cms.admin.media import MediaFileAdmin
from cms.models import AuditEvent, MediaFile, Post, User
from cms.services.media import update_media, upload_media
from tests.cms.media.pictures import photograph

ADD = "/admin/cms/mediafile/add/"
SENDER = Callable[..., Any]


def _change(media: MediaFile) -> str:
    return f"/admin/cms/mediafile/{media.pk}/change/"


@pytest.fixture(autouse=True)
def _media_root(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


on_both = pytest.mark.usefixtures("media_place")


@pytest.fixture
def upload(author: User) -> Callable[..., MediaFile]:
    def make(name: str = "photo.jpg", content: bytes | None = None, by: User | None = None) -> MediaFile:
        content = photograph(size=(400, 300)) if content is None else content
        return upload_media(actor=by or author, upload=[content], original_name=name, fields={}, now=timezone.now())

    return make


@pytest.fixture
def client(author: User, signed_in: Callable[[User], Client]) -> Client:
    return signed_in(author)


@on_both
def test_a_file_is_uploaded_and_described(client: Client, author: User, send_form: SENDER) -> None:
    file = SimpleUploadedFile("evil.html", photograph(), "text/html")
    assert send_form(client, ADD, file=file, alt_text="A quarter").status_code == 302
    media = MediaFile.objects.get()
    assert (media.mime_type, media.alt_text, media.uploaded_by) == ("image/jpeg", "A quarter", author)
    send_form(client, _change(media), caption="Lisbon")
    media.refresh_from_db()
    assert (media.caption, media.alt_text) == ("Lisbon", "A quarter")
    actions = AuditEvent.objects.filter(object_id=media.pk).order_by("pk").values_list("action", flat=True)
    assert list(actions) == ["media.uploaded", "media.updated"]


@on_both
def test_a_refused_file_shows_the_error_at_its_field(client: Client, send_form: SENDER, tmp_path: Path) -> None:
    file = SimpleUploadedFile("a.png", b"<svg onload='alert(1)'/>", "image/png")
    page = send_form(client, ADD, file=file)
    assert "type is not allowed" in str(page.context["adminform"].form.errors["file"])
    assert not MediaFile.objects.exists()
    assert not [each for each in tmp_path.rglob("*") if each.is_file()]


def test_the_list_shows_own_files_and_those_of_posts_one_may_read(
    client: Client, upload: Any, make_post: Callable[..., Post], editor: User
) -> None:
    upload("mine.jpg")
    make_post(by=editor, featured_image=upload("public.jpg", by=editor))
    make_post(by=editor, featured_image=upload("draft.jpg", by=editor), is_published=False)
    page = client.get("/admin/cms/mediafile/")
    assert {media.original_name for media in page.context["cl"].result_list} == {"mine.jpg", "public.jpg"}


@pytest.mark.parametrize(
    ("query", "names"),
    [("", ["c.jpg", "a.jpg", "b.jpg"]), ("o=1", ["a.jpg", "b.jpg", "c.jpg"]), ("o=-1", ["c.jpg", "b.jpg", "a.jpg"])],
)
def test_the_pages_of_an_authors_list_are_in_its_order(
    client: Client, upload: Any, monkeypatch: pytest.MonkeyPatch, query: str, names: list[str]
) -> None:
    for name in ("b.jpg", "a.jpg", "c.jpg"):
        upload(name)
    monkeypatch.setattr(MediaFileAdmin, "list_per_page", 2)
    pages = [client.get(f"/admin/cms/mediafile/?{query}&p={number}").context["cl"].result_list for number in (1, 2)]
    assert [[media.original_name for media in page] for page in pages] == [names[:2], names[2:]]


def test_the_public_file_of_another_is_looked_at_and_not_changed(
    client: Client, upload: Any, make_post: Callable[..., Post], editor: User, run_action: Callable[..., list[str]]
) -> None:
    media = upload("public.jpg", by=editor)
    make_post(by=editor, featured_image=media)
    assert client.get(_change(media)).status_code == 200
    assert client.post(_change(media), {"alt_text": "Mine now"}).status_code == 403
    assert client.post(f"/admin/cms/mediafile/{media.pk}/delete/", {"post": "yes"}).status_code == 403
    said = run_action(client, "/admin/cms/mediafile/", "delete_selected", [media])
    assert "Only editors and the user who uploaded" in said[-1]
    assert MediaFile.objects.get().alt_text == ""


def test_a_file_that_is_hidden_has_no_address(client: Client, upload: Any, editor: User) -> None:
    media = upload("hidden.jpg", by=editor)
    assert client.get(f"/admin/cms/mediafile/{media.pk}/file/").status_code == 404
    assert "hidden.jpg" not in client.get(_change(media), follow=True).content.decode()
    suggested = client.get(
        "/admin/autocomplete/?app_label=cms&model_name=post&field_name=featured_image&term=hidden"
    ).json()
    assert suggested["results"] == []


@pytest.mark.parametrize(("role", "status"), [(None, 302), ("subscriber", 302)])
def test_who_may_not_open_the_admin_site_gets_no_file(
    make_user: Any, signed_in: Any, upload: Any, role: str | None, status: int
) -> None:
    client = signed_in(make_user(role)) if role else Client()
    assert client.get(f"/admin/cms/mediafile/{upload().pk}/file/").status_code == status


@on_both
def test_an_image_is_shown_and_a_document_is_downloaded(client: Client, upload: Any) -> None:
    image, document = upload(), upload("a.html", b"<3 text")
    for media, address, kind, disposition in (
        (image, "", "image/jpeg", 'inline; filename="photo.jpg"'),
        (image, "?size=square-160", "image/webp", 'inline; filename="photo.jpg.webp"'),
        (document, "", "text/plain", 'attachment; filename="a.html.txt"'),
    ):
        response = client.get(f"/admin/cms/mediafile/{media.pk}/file/{address}")
        assert response.getvalue()
        assert (response["Content-Type"], response["Content-Disposition"]) == (kind, disposition)
        assert (response["X-Content-Type-Options"], response["Content-Security-Policy"][-7:]) == ("nosniff", "sandbox")
        assert "no-store" in response["Cache-Control"]
    assert client.get(f"/admin/cms/mediafile/{image.pk}/file/?size=width-9").status_code == 404


@on_both
def test_a_file_whose_bytes_are_lost_is_not_found(client: Client, upload: Any) -> None:
    media = upload()
    media.file.storage.delete(media.file.name)
    assert client.get(f"/admin/cms/mediafile/{media.pk}/file/").status_code == 404
    assert client.get(_change(media)).status_code == 200


def test_a_file_in_use_is_not_deleted_and_the_page_says_why(
    client: Client, upload: Any, make_post: Callable[..., Post]
) -> None:
    media = upload()
    make_post(featured_image=media)
    page = client.post(f"/admin/cms/mediafile/{media.pk}/delete/", {"post": "yes"}, follow=True)
    assert "while posts show it" in page.content.decode()
    assert MediaFile.objects.exists()


def test_the_kinds_are_told_apart_in_the_list(client: Client, upload: Any) -> None:
    upload("a.jpg"), upload("a.txt", b"text")
    for kind, name in (("image", "a.jpg"), ("document", "a.txt")):
        page = client.get(f"/admin/cms/mediafile/?kind={kind}")
        assert [media.original_name for media in page.context["cl"].result_list] == [name]


def test_a_post_gets_and_loses_its_featured_image(
    client: Client, upload: Any, make_post: Callable[..., Post], send_form: SENDER
) -> None:
    media, post = upload("find me.jpg"), make_post()
    upload("find me.txt", b"text")
    found = client.get("/admin/autocomplete/?app_label=cms&model_name=post&field_name=featured_image&term=find")
    assert [each["text"] for each in found.json()["results"]] == ["find me.jpg"]
    address = f"/admin/cms/post/{post.pk}/change/"
    for value, expected in ((str(media.pk), media), ("", None)):
        assert send_form(client, address, featured_image=value or None).status_code == 302
        post.refresh_from_db()
        assert post.featured_image == expected
    assert post.version == 4


def test_an_image_that_one_can_not_see_is_refused_at_its_field(
    client: Client, upload: Any, make_post: Callable[..., Post], editor: User, send_form: SENDER
) -> None:
    hidden, post = upload(by=editor), make_post()
    page = send_form(client, f"/admin/cms/post/{post.pk}/change/", featured_image=str(hidden.pk))
    assert "can&#x27;t see it" in str(page.context["adminform"].form.errors["featured_image"])
    post.refresh_from_db()
    assert post.featured_image is None


def test_a_picture_is_sent_from_a_text_and_described(client: Client, author: User) -> None:
    told = client.post("/admin/cms/mediafile/upload/", {"file": SimpleUploadedFile("boat.jpg", photograph())}).json()
    media = MediaFile.objects.get()
    assert told["address"] == f"/api/v2/media/{media.pk}/content"
    assert client.post(told["describe"], {"alt_text": "A boat"}).status_code == 200
    media.refresh_from_db()
    assert (media.alt_text, media.uploaded_by) == ("A boat", author)


@pytest.mark.parametrize(
    ("sent", "said"), [({}, "Send a file"), ({"file": SimpleUploadedFile("a.png", b"<svg/>")}, "type is not allowed")]
)
def test_a_refused_picture_is_answered_by_a_sentence(client: Client, sent: dict[str, Any], said: str) -> None:
    answer = client.post("/admin/cms/mediafile/upload/", sent)
    assert (answer.status_code, said in answer.json()["message"]) == (422, True)
    assert not MediaFile.objects.exists()


def test_nobody_describes_the_file_of_another(client: Client, upload: Any, editor: User) -> None:
    media = upload(by=editor)
    assert client.post(f"/admin/cms/mediafile/{media.pk}/describe/", {"alt_text": "x"}).status_code == 404


# -- the grid ---------------------------------------------------------------------------------------------------------

LIST = "/admin/cms/mediafile/"


def _tiles(client: Client, query: str = "") -> dict[str, dict[str, Any]]:
    return {tile["media"].original_name: tile for tile in client.get(f"{LIST}{query}").context["cl"].tiles}


def test_a_tile_counts_the_posts_that_its_viewer_may_see(
    client: Client,
    upload: Callable[..., MediaFile],
    make_post: Callable[..., Post],
    make_user: Callable[..., User],
    signed_in: Callable[[User], Client],
    editor: User,
) -> None:
    media, lone = upload(), upload("lone.jpg")
    shown = f"![boat](/api/v2/media/{media.pk}/content)"
    make_post(title="Both", content=shown, featured_image=media)
    make_post(title="Embedded", content=shown)
    make_post(title="Featured", featured_image=media)
    hidden = make_post(title="Hidden", by=make_user("author"), is_published=False, featured_image=media)
    assert (_tiles(client)["photo.jpg"]["posts"], _tiles(client)["lone.jpg"]["posts"]) == (3, 0)
    assert _tiles(signed_in(editor))["photo.jpg"]["posts"] == 4
    page = client.get(_change(media)).content.decode()
    assert "Both" in page
    assert hidden.title not in page
    assert hidden.title in signed_in(editor).get(_change(media)).content.decode()
    assert f"/api/v2/media/{lone.pk}/content" in client.get(_change(lone)).content.decode()


def test_tiles_take_the_same_queries_for_two_files_and_for_ten(
    client: Client, upload: Callable[..., MediaFile], make_post: Callable[..., Post]
) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(LIST)
        return len(queries)

    for number in range(2):
        make_post(featured_image=upload(f"{number}.jpg"))
    before = count()
    for number in range(2, 10):
        make_post(featured_image=upload(f"{number}.jpg"))
    assert count() == before <= 7


def test_missing_alternative_texts_are_flagged_and_filtered(
    client: Client, upload: Callable[..., MediaFile], author: User
) -> None:
    described = upload("boat.jpg")
    update_media(actor=author, media=described, changes={"alt_text": "A [blue] boat"}, now=timezone.now())
    upload("bare.jpg")
    upload("paper.pdf", content=b"%PDF-1.4\n%%EOF\n")
    flags = {name: tile["is_undescribed"] for name, tile in _tiles(client).items()}
    assert flags == {"boat.jpg": False, "bare.jpg": True, "paper.pdf": False}
    assert set(_tiles(client, "?alt=missing")) == {"bare.jpg"}
    assert set(_tiles(client, "?alt=given")) == {"boat.jpg"}
    address = f"/api/v2/media/{described.pk}/content"
    assert _tiles(client)["boat.jpg"]["markdown"] == rf"![A \[blue\] boat]({address})"
    assert _tiles(client)["paper.pdf"]["markdown"].startswith("[paper.pdf](/api/v2/media/")


def test_a_focal_point_is_set_in_the_form_and_refused_if_half(
    client: Client, upload: Callable[..., MediaFile], send_form: SENDER
) -> None:
    media = upload()
    assert send_form(client, _change(media), focal_x="0.25", focal_y="0.75").status_code == 302
    media.refresh_from_db()
    assert media.focal_point == (0.25, 0.75)
    page = client.get("/admin/cms/mediafile/").content.decode()
    assert 'data-focal="25.00% 75.00%"' in page
    page = send_form(client, _change(media), focal_y="")
    assert "both numbers" in str(page.context["adminform"].form.errors["focal_y"])
    assert "out_of_range" not in page.content.decode()


def test_the_form_of_a_document_asks_for_no_focal_point(client: Client, upload: Callable[..., MediaFile]) -> None:
    page = client.get(_change(upload("paper.pdf", b"%PDF-1.7\n%%EOF\n"))).content.decode()
    assert "focal_x" not in page
