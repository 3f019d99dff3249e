"""An editorial story told with the Python package: `python story.py BASE_URL ADMIN_TOKEN`.

It prints, as JSON, what the database should say when it is over.
"""

import base64
import io
import json
import sys
from typing import Any

from tandem_client import AuthenticatedClient, Client
from tandem_client.api.comments import approve_comment, create_comment, list_post_comments
from tandem_client.api.finding import search_posts
from tandem_client.api.media import download_media, upload_media
from tandem_client.api.operating import create_api_key, list_api_keys
from tandem_client.api.posts import (
    apply_revision,
    archive_post,
    create_post,
    get_post,
    list_posts,
    list_revisions,
    publish_post,
    restore_revision,
    update_post,
)
from tandem_client.api.signing_in import create_token
from tandem_client.api.users import get_me, register, set_user_role
from tandem_client.models import (
    ApiKeyScope,
    CommentStatus,
    Credentials,
    NewApiKey,
    NewComment,
    NewPost,
    PostAction,
    PostChanges,
    PostStatus,
    Problem,
    ProblemType,
    Registration,
    RoleChange,
    Upload,
    UserRole,
)
from tandem_client.types import File, Response

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PASSWORD = "a long enough pass-phrase"


def expect(status: int, answer: Response[Any]) -> Any:
    """What the client made of an answer with this status."""
    assert answer.status_code == status, answer.content.decode()
    return answer.parsed


def join(base_url: str, username: str) -> tuple[Any, AuthenticatedClient]:
    """A new account and a client that speaks for it."""
    anyone, email = Client(base_url), f"{username}@example.org"
    account = expect(201, register.sync_detailed(client=anyone, body=Registration(username, email, PASSWORD)))
    tokens = expect(200, create_token.sync_detailed(client=anyone, body=Credentials(email, PASSWORD)))
    member = AuthenticatedClient(base_url, tokens.access_token)
    assert expect(200, get_me.sync_detailed(client=member)).id == account.id
    return account, member


def draft_with_picture(writer: AuthenticatedClient) -> tuple[Any, Any]:
    post = expect(
        201,
        create_post.sync_detailed(
            client=writer,
            body=NewPost("The pythonic lighthouse", "It blinks *twice*.", tags=["lighthouses"], language="en"),
        ),
    )
    assert (post.status, PostAction.PUBLISH in post.actions) == (PostStatus.DRAFT, True)
    picture = File(io.BytesIO(PIXEL), "pixel.png", "image/png")
    media = expect(
        201, upload_media.sync_detailed(client=writer, body=Upload(picture, alt_text="A lamp"), idempotency_key="p-1")
    )
    assert (media.mime_type, media.width, media.height, media.alt_text) == ("image/png", 1, 1, "A lamp")
    changes = PostChanges(featured_image=media.id)
    post = expect(200, update_post.sync_detailed(str(post.id), client=writer, body=changes))
    assert post.featured_image == media.id
    return post, media


def publish(writer: AuthenticatedClient, reader: AuthenticatedClient, post: Any, media: Any) -> Any:
    hidden = expect(404, get_post.sync_detailed(post.slug, client=reader))
    assert isinstance(hidden, Problem)
    assert hidden.type_ == ProblemType.URNPROBLEM_TYPETANDEMNOT_FOUND
    published = expect(200, publish_post.sync_detailed(str(post.id), client=writer))
    seen = expect(200, get_post.sync_detailed(post.slug, client=reader))
    assert (published.status, seen.id, seen.actions) == (PostStatus.PUBLISHED, post.id, [])
    assert download_media.sync_detailed(media.id, client=reader).content.startswith(b"\x89PNG")
    return published


def discuss(reader: AuthenticatedClient, admin: AuthenticatedClient, post: Any) -> Any:
    comment = expect(
        201, create_comment.sync_detailed(str(post.id), client=reader, body=NewComment("It blinked thrice."))
    )
    assert comment.status == CommentStatus.PENDING
    approved = expect(200, approve_comment.sync_detailed(comment.id, client=admin))
    assert approved.status == CommentStatus.PUBLISHED
    shown = expect(200, list_post_comments.sync_detailed(str(post.id), client=reader))
    assert [found.id for found in shown.data] == [comment.id]
    return comment


def find(reader: AuthenticatedClient, post: Any) -> None:
    results = expect(200, search_posts.sync_detailed(client=reader, q="pythonic lighthouse"))
    assert [hit.post.id for hit in results.data] == [post.id]
    assert [facet.slug for facet in results.facets.tags] == ["lighthouses"]
    listed = expect(200, list_posts.sync_detailed(client=reader, tag="lighthouses", include="author"))
    assert [author.id for author in listed.included.authors] == [post.author]


def read_by_key(base_url: str, member: AuthenticatedClient) -> None:
    """A program of this member may read posts and nothing else."""
    scopes = [ApiKeyScope.POSTSREAD]
    made = expect(201, create_api_key.sync_detailed(client=member, body=NewApiKey("Reader", scopes)))
    program = AuthenticatedClient(base_url, made.secret, prefix="", auth_header_name="X-API-Key")
    expect(200, list_posts.sync_detailed(client=program))
    expect(403, list_api_keys.sync_detailed(client=program))


def revise_and_go_back(writer: AuthenticatedClient, post: Any) -> None:
    """What is public changes by the revision alone that is applied."""
    answer = get_post.sync_detailed(str(post.id), client=writer)
    changes = PostChanges(title="The lighthouse of regrets")
    revised = update_post.sync_detailed(str(post.id), client=writer, body=changes, if_match=answer.headers["ETag"])
    assert expect(200, revised).title == changes.title
    late = update_post.sync_detailed(str(post.id), client=writer, body=changes, if_match=answer.headers["ETag"])
    assert expect(412, late).type_ == ProblemType.URNPROBLEM_TYPETANDEMPRECONDITION_FAILED
    assert late.headers["ETag"] == revised.headers["ETag"]
    history = expect(200, list_revisions.sync_detailed(str(post.id), client=writer))
    before = history.data[1]  # as the post was with its picture and before its new title
    draft = expect(201, restore_revision.sync_detailed(str(post.id), before.number, client=writer))
    assert (draft.is_draft, draft.title) == (True, "The pythonic lighthouse")
    assert expect(200, get_post.sync_detailed(str(post.id), client=writer)).title == changes.title
    applied = expect(200, apply_revision.sync_detailed(str(post.id), draft.number, client=writer))
    assert (applied.title, applied.status) == ("The pythonic lighthouse", PostStatus.PUBLISHED)


def main(base_url: str, admin_token: str) -> dict[str, str]:
    admin = AuthenticatedClient(base_url, admin_token)
    account, writer = join(base_url, "pythonic_author")
    _, reader = join(base_url, "pythonic_reader")
    role = RoleChange(UserRole.AUTHOR)
    assert expect(200, set_user_role.sync_detailed(account.id, client=admin, body=role)).role == UserRole.AUTHOR
    post, media = draft_with_picture(writer)
    post = publish(writer, reader, post, media)
    comment = discuss(reader, admin, post)
    find(reader, post)
    read_by_key(base_url, writer)
    revise_and_go_back(writer, post)
    archived = expect(200, archive_post.sync_detailed(str(post.id), client=writer))
    assert archived.status == PostStatus.ARCHIVED
    expect(404, get_post.sync_detailed(post.slug, client=reader))
    return {"post": str(post.id), "media": str(media.id), "comment": str(comment.id), "author": str(account.id)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
