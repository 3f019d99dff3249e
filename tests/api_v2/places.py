"""What the examples of the document are about, made by the API: an object for each path, in a state for what is done there."""

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from api_v2.openapi.bodies import EXAMPLES
from cms.models import Comment, Delivery, Post, Redirect, User
from tests.api_v2.sending import send

SECOND: Final = "The *ferry* was late.\n\nThe sea was not."
OLD_PATH: Final = "/old/url"
_PUBLISHED: Final = ("/unpublish", "/archive", "/restore", "/apply", "/comments")
_PENDING: Final = ("/approve", "/reject", "/spam")


def a_picture() -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (800, 600)).save(file, "JPEG")
    return SimpleUploadedFile("quay.jpg", file.getvalue(), "image/jpeg")


@dataclass(frozen=True)
class Places:
    """`of("get", "/tags/{slug_or_id}")`: the path of something that was made for it. A list gets something to show."""

    admin: Client
    make_user: Callable[..., User]
    make_comment: Callable[..., Comment]

    def of(self, verb: str, path: str) -> str:
        makers: dict[str, Callable[[str, str], str]] = {
            "posts": self._post,
            "comments": self._comment,
            "tags": lambda *_: self._posted("/tags", {"name": "Quays"}),
            "categories": lambda *_: self._category(),
            "media": lambda *_: self._media(),
            "users": self._user,
            "sessions": lambda *_: str(self._got("/me/sessions")["data"][0]["id"]),
            "api-keys": lambda *_: self._posted("/api-keys", EXAMPLES["NewApiKey"]),
            "webhooks": self._webhook,
            "deliveries": lambda *_: self._delivery(),
            "previews": self._preview,
            "search": self._post,
            "audit": self._post,
            "redirects": lambda *_: self._old_path(),
        }
        noun = "sessions" if "{session_id}" in path else path.split("/")[1]
        is_new = "{" not in path and verb == "post"
        made = "" if is_new or noun not in makers else makers[noun](verb, path)
        number = "2" if verb == "delete" else {"/apply": "3", "/diff": "2"}.get(path[path.rfind("/") :], "1")
        path = path.replace("{number}", number).replace("{spec}", "width-320")
        return re.sub(r"{\w+}", made, path)

    def _posted(self, path: str, body: Any = None) -> str:
        answer = send(self.admin, "post", path, body)
        assert answer.status_code in (200, 201), answer.content
        return str(answer.json().get("id"))

    def _got(self, path: str) -> Any:
        return send(self.admin, "get", path).json()

    def _post(self, verb: str, path: str) -> str:
        """As the examples tell it: a draft, or published and then changed, with one of everything that hangs on it."""
        more = {
            "categories": [self._category()],
            "co_authors": [str(self.make_user(username="ben").pk)],
            "featured_image": self._media(),
        }
        id = self._posted("/posts", {**EXAMPLES["NewPost"], **more})
        Post.objects.filter(pk=id).update(author=self.make_user("author", username="mia"))
        if path.endswith(_PUBLISHED) or (verb == "get" and "preview" not in path):
            self._posted(f"/posts/{id}/actions/publish", EXAMPLES["Publication"])
            assert send(self.admin, "patch", f"/posts/{id}", {"content": SECOND}).status_code == 200
        if path.endswith("/apply") or (verb == "delete" and path.endswith("/{number}")):
            self._posted(f"/posts/{id}/revisions/1/actions/restore")  # its draft is number 3, or 2 to be deleted
        elif path.endswith("/comments"):
            self._posted(f"/posts/{id}/comments", EXAMPLES["NewComment"])
        elif path.endswith("}/actions/restore") and "/revisions/" not in path:
            assert send(self.admin, "delete", f"/posts/{id}").status_code == 204
        return id

    def _preview(self, verb: str, path: str) -> str:
        id = self._post(verb, path)
        url: str = send(self.admin, "post", f"/posts/{id}/actions/preview").json()["url"]
        return url.rpartition("/")[2]

    def _comment(self, verb: str, path: str) -> str:
        post = Post.objects.get(pk=self._post("get", ""))
        status = "pending" if path.endswith(_PENDING) else "published"
        return str(self.make_comment(post, status=status).pk)

    def _user(self, verb: str, path: str) -> str:
        if verb != "get":
            return str(self.make_user(username="somebody").pk)
        return str(Post.objects.get(pk=self._post("get", "")).co_authors.get().pk)  # profiles are of those who write

    def _category(self) -> str:
        above = self._posted("/categories", {"name": "Places"})
        return self._posted("/categories", {"name": "Coasts", "parent": above})

    def _media(self) -> str:
        return str(self.admin.post("/api/v2/media", {**EXAMPLES["Upload"], "file": a_picture()}).json()["id"])

    def _webhook(self, verb: str, path: str) -> str:
        id = self._posted("/webhooks", EXAMPLES["NewWebhook"])
        if path.endswith("/deliveries"):
            self._dead_deliveries()
        return id

    def _delivery(self) -> str:
        self._posted("/webhooks", EXAMPLES["NewWebhook"])
        return self._dead_deliveries()

    def _dead_deliveries(self) -> str:
        self._post("get", "")
        Delivery.objects.update(status="dead", attempts=10, last_status=503, last_error="The receiver answered 503.")
        return str(Delivery.objects.all()[0].pk)

    def _old_path(self) -> str:
        Redirect.objects.create(old_path=OLD_PATH, post_id=self._post("get", ""))
        return ""
