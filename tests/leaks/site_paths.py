"""The paths of the site and of its admin pages, for the walk."""

import re
from typing import Final
from urllib.parse import quote

from tests.leaks.filling import Fill, plain, with_each
from tests.leaks.world import World

ACCOUNT_PAGES: Final = (
    *("login/single-sign-on/", "login/single-sign-on/callback/"),
    *("login/second-step/", "login/set-up/", "password-reset/", "password-reset/sent/", "password-reset/new/"),
    *("invitation/", "two-factor/", "two-factor/app/", "two-factor/app/remove/", "two-factor/passkeys/"),
    *("two-factor/codes/", "profile/", "profile/picture/remove/", "profile/sessions/end-others/"),
)
SITE: Final[dict[str, Fill]] = {
    "": plain("/"),
    "metrics": plain("/metrics"),
    "canary/api/": plain("/canary/api/"),
    "canary/api/<path:words>": lambda world: [
        *(
            f"/canary/api/{verb}"
            for verb in (
                "status",
                "history",
                "history?verify=true",
                "power",
                "exclude/list",
                "crossover/status",
                "no-such-verb",
            )
        ),
        *(f"/canary/api/whatif?percent={percent}" for percent in ("50", "100")),
        *(f"/canary/api/explain?identity=user:{user.pk}" for user in world.lurkers[:SOME]),
    ],
    # A link that somebody has signed shows its post by design.
    "previews/<str:token>": lambda world: [f"/previews/{post.pk.hex}" for post in world.posts[:SOME]],
    "previews/<str:token>/media/<uuid:media_id>": lambda world: [
        f"/previews/{post.pk.hex}/media/{row.pk}" for post in world.posts[:1] for row in world.rows["mediafile"]
    ],
    "admin/canary": plain("/admin/canary"),
    "admin/canary/": plain("/admin/canary/"),
    "admin/canary/live/": plain("/admin/canary/live/"),
    "admin/canary/debt/": plain("/admin/canary/debt/"),
    "admin/canary/consumers/": plain("/admin/canary/consumers/"),
    "admin/canary/consumers.csv": plain("/admin/canary/consumers.csv"),
    "admin/canary/do/<path:words>/": lambda world: [
        f"/admin/canary/do/{form}"
        for form in ("set/?show=1&percent=50", "rollback/", "lifecycle/notify/", "no-such-verb/")
    ],
    "admin": plain("/admin"),
    "admin/": plain("/admin/"),
    "admin/login/": plain("/admin/login/"),
    **{f"admin/{path}": plain(f"/admin/{path}") for path in ACCOUNT_PAGES},
    "admin/password-reset/<str:token>/": plain("/admin/password-reset/nonsense/"),
    "admin/invitation/<str:token>/": lambda world: [
        f"/admin/invitation/{row.pk.hex}/" for row in world.rows["invitation"]
    ],
    "admin/two-factor/passkeys/<uuid:passkey_id>/remove/": lambda world: [
        f"/admin/two-factor/passkeys/{user.pk}/remove/" for user in world.lurkers[:SOME]
    ],
    "admin/profile/<slug:section>/": plain("/admin/profile/person/"),
    "admin/profile/browsers/<slug:name>/end/": plain("/admin/profile/browsers/no-such-browser/end/"),
    "admin/profile/sessions/<uuid:session_id>/end/": lambda world: [
        f"/admin/profile/sessions/{user.pk}/end/" for user in world.lurkers[:SOME]
    ],
    "admin/cms/auditevent/export/": plain("/admin/cms/auditevent/export/"),
    "admin/cms/redirect/try/": lambda world: [
        "/admin/cms/redirect/try/",
        *(f"/admin/cms/redirect/try/?path=/posts/{slug}" for slug in world.old_slugs[:SOME]),
    ],
    "admin/cms/redirect/try-address/": plain("/admin/cms/redirect/try-address/"),
    "admin/cms/transfer/export/": plain("/admin/cms/transfer/export/"),
    "admin/cms/transfer/new-export/": plain("/admin/cms/transfer/new-export/"),
    "admin/cms/mediafile/upload/": plain("/admin/cms/mediafile/upload/"),
    "admin/cms/comment/undo/": plain("/admin/cms/comment/undo/"),
    "admin/cms/post/undo-trash/": plain("/admin/cms/post/undo-trash/"),
    "admin/cms/post/preview/": plain("/admin/cms/post/preview/"),
    "admin/cms/post/page/": plain("/admin/cms/post/page/"),
    "admin/cms/post/advice/": plain("/admin/cms/post/advice/"),
    "admin/cms/post/pictures/": plain("/admin/cms/post/pictures/", "q=zq"),
    "admin/cms/post/<path:object_id>/drafts/<int:number>/discard/": lambda world: [
        f"/admin/cms/post/{post.pk}/drafts/1/discard/" for post in world.posts[:SOME]
    ],
    "admin/cms/post/<path:object_id>/revisions/<int:number>/restore/": lambda world: [
        f"/admin/cms/post/{post.pk}/revisions/1/restore/" for post in world.posts[:SOME]
    ],
    "admin/session/": plain("/admin/session/"),
    "admin/session/signed-in/": plain("/admin/session/signed-in/"),
    "admin/logout/": plain("/admin/logout/"),
    "admin/password_change/": plain("/admin/password_change/"),
    "admin/password_change/done/": plain("/admin/password_change/done/"),
    "admin/jsi18n/": plain("/admin/jsi18n/"),
    "admin/search/": lambda world: [f"/admin/search/?{query}" for query in ("s=zq", "s=post", "s=zq&extended=1")],
    "admin/autocomplete/": lambda world: [
        f"/admin/autocomplete/?app_label=cms&model_name={model}&field_name={field}&term={term}"
        for model, field in (("post", "tags"), ("post", "categories"), ("post", "co_authors"), ("category", "parent"))
        for term in ("", "zq", *world.words("lurker's e-mail")[:1])
    ],
    "admin/r/<path:content_type_id>/<path:object_id>/": lambda world: [
        f"/admin/r/{number}/{post.pk}/" for number in range(1, 4) for post in world.posts[:2]
    ],
    "admin/^(?P<app_label>cms|auth)/$": lambda world: ["/admin/cms/", "/admin/auth/"],
    "admin/(?P<url>.*)$": plain("/admin/no-such-page"),
}
TAIL_QUERIES: Final = {"file/": ("size=square-160",)}
ORACLES: Final = ("author__email__startswith=zq", "author__password__startswith=!", "post__content__contains=zq")
LIST_QUERIES: Final = {
    "post": (*("state=draft", "state=trashed", "kind=all&state=scheduled", "kind=all&o=1"), *ORACLES),
    "comment": ("status__exact=pending", "author_email__startswith=zq", *ORACLES),
    "postrevision": ("is_draft__exact=1", *ORACLES),
    "category": ("is_active__exact=0",),
    "user": ("role__exact=admin", "password__startswith=!"),
    "auditevent": ("object_type=post",),
    "webhook": ("is_active__exact=1", "secret__startswith=z"),
    "delivery": ("status__exact=pending", "webhook__secret__startswith=z"),
}
FULLY_WALKED: Final = ("change/",)
SOME: Final = 2
_OF_A_MODEL = re.compile(r"admin/(cms|auth)/(\w+)/(?:(add/)?|<(?:path:object_id|uuid:\w+)>/([\w-]+/)?)")


def site_urls(pattern: str, world: World) -> list[str] | None:
    """Pages of a model are filled by their form: whatever hangs on an object's id is asked with the ids of its rows."""
    if pattern in SITE:
        return SITE[pattern](world)
    found = _OF_A_MODEL.fullmatch(pattern)
    model = found[2] if found else ""
    rows = world.rows.get(model)
    if not found or rows is None:
        return None
    base = f"/admin/{found[1]}/{model}/"
    if "<" in pattern:
        tail = found[4] or ""
        asked = rows if tail in FULLY_WALKED else rows[:SOME]
        return with_each([f"{base}{quote(str(row.pk))}/{tail}" for row in asked], *TAIL_QUERIES.get(tail, ()))
    if found[3]:
        return [f"{base}add/"]
    return [base, *(f"{base}?{query}" for query in ("q=zq", "o=1", "all=", *LIST_QUERIES.get(model, ())))]
