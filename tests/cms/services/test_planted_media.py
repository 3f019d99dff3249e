"""Nobody makes a hidden file public by having somebody else save the post that names it."""

import datetime
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cms.models import MediaFile, Post, User
from cms.services import post_media
from cms.services.merging import Read, merge_post
from cms.services.post_states import publish_post
from cms.services.posts import create_post, update_post
from cms.services.restoring import apply_revision, restore_revision

type Spelling = Callable[[str], str]

pytestmark = pytest.mark.django_db


@pytest.fixture
def hidden(editor: User) -> MediaFile:
    values: Any = {"mime_type": "image/png", "size_bytes": 1, "sha256": "0" * 64, "uploaded_by": editor}
    return MediaFile.objects.create(file="media/x.png", original_name="x.png", **values)


@pytest.fixture
def is_public(now: datetime.datetime) -> Callable[[MediaFile], bool]:
    return lambda media: MediaFile.objects.visible_to(AnonymousUser(), now).filter(pk=media.pk).exists()


@pytest.fixture
def write(author: User, now: datetime.datetime) -> Callable[..., Post]:
    """A public post that the author writes himself, or another one."""

    def make(content: str, *, by: User = author, **fields: Any) -> Post:
        post = create_post(actor=by, fields={"title": "A", "content": content, **fields}, now=now)  # type: ignore[typeddict-item]
        return publish_post(actor=by, post=post, now=now)

    return make


@pytest.fixture
def save(now: datetime.datetime) -> Callable[..., Post]:
    return lambda by, post, content: update_post(actor=by, post=post, changes={"content": content}, now=now)


def _named(media: MediaFile) -> str:
    return f"![A](/api/v2/media/{media.pk}/content)"


def _restored(by: User, post: Post, number: int, now: datetime.datetime) -> Post:
    draft = restore_revision(actor=by, post=post, number=number, now=now)
    return apply_revision(actor=by, post=post, number=draft.number, now=now)


@pytest.mark.parametrize(
    ("planted", "corrected"),
    [
        ("{} teh end", "{} the end"),
        ("![A](/api/v2/media/{id}/content", "![A](/api/v2/media/{id}/content)"),
        ("{id}", "![A](/api/v2/media/{hex}/content)"),
    ],
    ids=["a typo beside it", "a typo in it", "an address of it"],
)
def test_an_editor_who_corrects_a_typo_publishes_no_file(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any, planted: str, corrected: str
) -> None:
    texts = [text.format(_named(hidden), id=hidden.pk, hex=hidden.pk.hex) for text in (planted, corrected)]
    post = save(editor, write(texts[0]), texts[1])
    assert str(hidden.pk) in post.content_html or hidden.pk.hex in post.content_html
    assert not is_public(hidden)


def _coded(text: str) -> str:
    return "".join(f"&#{ord(character)};" for character in text)


def _at(place: int, put: str, *, instead_of: int = 0) -> Spelling:
    """Put something into an id that an editor may take away again, or correct."""
    return lambda written: written[:place] + put + written[place + instead_of :]


@pytest.mark.parametrize(
    "spelling",
    [
        _at(36, "0"),
        _at(0, "0"),
        _at(24, "a"),
        _at(30, "[dead face: check this]"),
        _at(28, "", instead_of=1),
        _at(28, "O", instead_of=1),
        _at(23, "-"),
        _at(20, " "),
        _at(20, "\u200b"),
        _at(20, "&nbsp;"),
        _at(20, "%20"),
        _at(26, "<!-- face -->"),
        _coded,
        lambda written: _coded(written).replace("&", "&amp;"),
        lambda written: "".join(f"%{ord(character):x}" for character in written),
        lambda written: "".join(f"\\{character}" for character in written),
        "<b></b>".join,
        lambda written: "".join(chr(ord(c) + 0xFEE0) if c.isalnum() else c for c in written.upper()),
        lambda written: written.translate({0x30 + number: 0x660 + number for number in range(10)}),
        lambda written: written.translate({0x30 + number: 0x1D7F6 + number for number in range(10)}),
        lambda written: written.translate({0x61 + number: 0x1D68A + number for number in range(6)}),
    ],
    ids=[
        *("digit behind", "digit before", "digit in it", "note in it", "digit less", "letter for a digit"),
        *("hyphen", "blank", "zero width", "entity", "percent", "comment", "entities", "entities twice"),
        *("percents", "backslashes", "markup", "wide"),
        *("Arabic", "monospace", "monospace letters"),
    ],
)
def test_an_editor_who_corrects_the_spelling_of_an_id_publishes_no_file(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any, now: Any, spelling: Spelling
) -> None:
    """Neither at once nor by going back to that text later."""
    post = save(editor, write(f"![A](/api/v2/media/{spelling(str(hidden.pk))}/content)"), _named(hidden))
    assert str(hidden.pk) in post.content_html
    assert not is_public(hidden)
    _restored(editor, save(editor, post, "Without"), 2, now)
    assert not is_public(hidden)


@pytest.mark.parametrize("name", ["title", "slug", "excerpt", "meta_title", "meta_description"])
def test_an_editor_who_moves_an_id_into_the_content_publishes_no_file(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any, now: Any, name: str
) -> None:
    post = save(editor, write("Without", **{name: f"a-{hidden.pk}"}), _named(hidden))
    assert not is_public(hidden)
    _restored(editor, save(editor, post, "Without"), 2, now)
    assert not is_public(hidden)


def test_an_editor_who_completes_a_reference_publishes_no_file(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any
) -> None:
    definition = f"\n\n[fig1]: /api/v2/media/{_coded(str(hidden.pk))}/content"
    post = save(editor, write(f"![A][fig1{definition}"), f"![A][fig1]{definition}")
    assert str(hidden.pk) in post.content_html
    assert not is_public(hidden)


def test_an_editor_who_changes_the_format_publishes_no_file(
    write: Any, hidden: MediaFile, editor: User, is_public: Any, now: Any
) -> None:
    """The attribute is dropped from HTML. In Markdown it is no attribute, and names the file of the picture."""
    attribute = f"\n\n[fig1]: /api/v2/media/{_coded(str(hidden.pk))}/content\n\n"
    post = write(f'![A][fig1] <i data-x="{attribute}">A</i>', content_format="html")
    assert str(hidden.pk) not in post.content_html
    post = update_post(actor=editor, post=post, changes={"content_format": "markdown"}, now=now)
    assert str(hidden.pk) in post.content_html
    assert not is_public(hidden)


def test_a_text_with_too_many_codes_may_hold_each_id(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any
) -> None:
    save(editor, write("&amp;" * 20_000 + _coded(str(hidden.pk))), _named(hidden))
    assert not is_public(hidden)


def test_an_editor_publishes_a_file_beside_others_of_the_same_minute(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any
) -> None:
    other = str(hidden.pk)[:12] + str(uuid.uuid4())[12:]
    save(editor, write(f"![A](/api/v2/media/{other}) &nbsp; 100%"), f"![A](/api/v2/media/{other}) {_named(hidden)}")
    assert is_public(hidden)


def test_a_writer_who_corrects_their_own_typo_publishes_their_file(
    write: Any, save: Any, hidden: MediaFile, author: User, is_public: Any
) -> None:
    MediaFile.objects.update(uploaded_by=author)
    save(author, write(_named(hidden).replace("/content", "0/content")), _named(hidden))
    assert is_public(hidden)


def test_beyond_so_many_revisions_nobody_looks_who_wrote_them(
    write: Any, save: Any, hidden: MediaFile, author: User, is_public: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_media, "_ALONE_MAX", 1)
    MediaFile.objects.update(uploaded_by=author)
    save(author, save(author, write("A"), f"{hidden.pk}"), _named(hidden))
    assert not is_public(hidden)


def test_the_uploader_who_corrects_a_typo_of_a_co_author_publishes_no_file(
    write: Any, make_user: Any, save: Any, hidden: MediaFile, author: User, is_public: Any
) -> None:
    thief = make_user("author")
    MediaFile.objects.update(uploaded_by=author)
    post = save(thief, write("Ours", co_authors=[thief]), f"{_named(hidden)} teh end")
    save(author, post, f"{_named(hidden)} the end")
    assert not is_public(hidden)


def test_an_editor_who_inserts_the_file_publishes_it(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any
) -> None:
    post = write(_named(hidden))
    save(editor, save(editor, post, "Without"), _named(hidden))
    assert is_public(hidden)


def test_restoring_a_revision_publishes_no_file_that_was_planted_there(
    write: Any, save: Any, hidden: MediaFile, author: User, editor: User, is_public: Any, now: Any
) -> None:
    post = save(editor, write(f"{_named(hidden)} teh end"), f"{_named(hidden)} the end")
    save(author, post, "Without")
    for number in (1, 2):  # the second is the editor's own, and so is the draft that is made of either
        _restored(editor, post, number, now)
        assert not is_public(hidden)


def test_saving_the_draft_of_a_revision_publishes_no_file_that_was_planted_there(
    write: Any, save: Any, hidden: MediaFile, author: User, editor: User, is_public: Any, now: Any
) -> None:
    post = save(author, write(f"{_named(hidden)} teh end"), "Without")
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    read, texts = Read(post.version, {"content": "Without"}, draft), {"content": f"{_named(hidden)} the end"}
    post = merge_post(actor=editor, post=post, changes=texts, read=read, now=now)  # type: ignore[arg-type]
    assert str(hidden.pk) in post.content_html
    assert not is_public(hidden)


def test_saving_a_draft_as_another_format_publishes_no_file_that_was_planted_there(
    write: Any, save: Any, hidden: MediaFile, author: User, editor: User, is_public: Any, now: Any
) -> None:
    """The content stays, and its meaning changes: it shows the file from now on."""
    post = write(f"{_named(hidden)} teh end", content_format="html")
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    read = Read(post.version, {"content_format": "html"}, draft)
    post = merge_post(actor=editor, post=post, changes={"content_format": "markdown"}, read=read, now=now)
    assert str(hidden.pk) in post.content_html
    assert not is_public(hidden)


@pytest.mark.parametrize("role", ["author", "editor"])
def test_restoring_a_revision_brings_back_the_files_of_those_who_inserted_them(
    write: Any, save: Any, hidden: MediaFile, author: User, editor: User, is_public: Any, now: Any, role: str
) -> None:
    inserter = {"author": author, "editor": editor}[role]
    MediaFile.objects.update(uploaded_by=inserter)
    post = save(inserter, write("Without"), _named(hidden))
    save(author, save(editor, post, f"{_named(hidden)} and more"), "Without again")
    assert not is_public(hidden)
    _restored(editor, post, 3, now)
    assert is_public(hidden)


@pytest.mark.parametrize("planted", ["{hex}", "0{hex}", "{id}abc", "-{id}"], ids=lambda text: text)
def test_an_id_amid_other_digits_is_planted_too(
    write: Any, save: Any, hidden: MediaFile, author: User, editor: User, is_public: Any, now: Any, planted: str
) -> None:
    post = save(author, write(planted.format(id=hidden.pk, hex=hidden.pk.hex)), "Without")
    draft = restore_revision(actor=author, post=post, number=1, now=now)
    read, texts = Read(post.version, {"content": "Without"}, draft), {"content": _named(hidden)}
    merge_post(actor=editor, post=post, changes=texts, read=read, now=now)  # type: ignore[arg-type]
    assert not is_public(hidden)


@pytest.mark.parametrize(
    "coded", [("0", "&#48;"), ("0", "&#x0030;"), ("-", "\\-"), ("-", "&#X2D;")], ids=lambda c: c[1]
)
def test_an_id_in_other_characters_is_planted_too(
    write: Any, save: Any, hidden: MediaFile, editor: User, is_public: Any, now: Any, coded: Any
) -> None:
    """The editor has the decoded text, which some tools write."""
    post = save(editor, write(str(hidden.pk).replace(*coded)), _named(hidden))
    _restored(editor, save(editor, post, "Without"), 2, now)
    assert not is_public(hidden)


@pytest.mark.parametrize(("name", "most"), [("_REVISIONS_MAX", 2), ("_CHARACTERS_MAX", 8)])
def test_a_file_that_was_named_beyond_what_is_read_stays_hidden(
    *,
    write: Any,
    save: Any,
    hidden: MediaFile,
    editor: User,
    is_public: Any,
    now: Any,
    name: str,
    most: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    post = save(editor, save(editor, save(editor, write("Without"), "Not yet"), _named(hidden)), "Without")
    monkeypatch.setattr(post_media, name, most)
    _restored(editor, post, 3, now)
    assert not is_public(hidden)
    monkeypatch.undo()
    _restored(editor, save(editor, post, "Without again"), 3, now)
    assert is_public(hidden)


@pytest.fixture
def statements_to_go_back(
    write: Any, save: Any, author: User, now: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[[int], list[str]]:
    """The statements of going back to a revision with so many files, the last of several to be searched."""
    monkeypatch.setattr(post_media, "_REVISIONS_AT_ONCE", 2)

    def go_back(files: int) -> list[str]:
        values: Any = {"mime_type": "image/png", "size_bytes": 1, "sha256": "0" * 64, "uploaded_by": author}
        names = [f"{number}.png" for number in range(files)]
        rows = [MediaFile.objects.create(file=name, original_name=name, **values) for name in names]
        post = write("Without")
        for number in range(3):
            post = save(author, post, f"Without {number}")
        post = save(author, save(author, post, " ".join(map(_named, rows))), "Without")
        draft = restore_revision(actor=author, post=post, number=5, now=now)
        with CaptureQueriesContext(connection) as queries:
            applied = apply_revision(actor=author, post=post, number=draft.number, now=now)
        assert set(applied.embedded_media.all()) == set(rows)
        return [query["sql"] for query in queries.captured_queries]

    return go_back


def test_going_back_reads_the_revisions_once_for_all_files(statements_to_go_back: Any) -> None:
    statements_to_go_back(1)  # the plans are made
    assert len(statements_to_go_back(9)) == len(statements_to_go_back(2))


def test_a_file_that_has_become_public_since_is_kept_by_each_post_that_names_it(
    write: Any, save: Any, hidden: MediaFile, author: User, editor: User, is_public: Any
) -> None:
    post, other = write(_named(hidden)), write(_named(hidden), by=editor)
    save(author, post, f"{_named(hidden)} again")
    save(editor, other, "Without")
    assert is_public(hidden)


def test_addresses_without_an_end_are_searched_in_linear_time() -> None:
    def seconds(count: int) -> float:
        start = time.thread_time()
        assert not post_media.media_ids_in('<p> src="' + "/media/" * count + "</p>")
        return time.thread_time() - start

    assert min(seconds(8_000) / max(seconds(1_000), 5e-5) for _ in range(3)) < 24
