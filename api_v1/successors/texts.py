"""Differences of every call, in sentences."""

from typing import Final

from api_v1.successors.shape import Difference, Fault

DIFFERENCES: Final[tuple[Difference, ...]] = (
    {
        "topic": "Envelope",
        "v1": "`{success, data, message, error}` around everything",
        "v2": "the bare object; whether it went well is the status alone",
    },
    {
        "topic": "Lists",
        "v1": "`data.items` with `total`, `page`, `limit` and `total_pages`",
        "v2": (
            "`data` with `page.next`, `page.previous`, `page.has_more` and `page.limit`; "
            "`page.total` with `count=exact`"
        ),
    },
    {
        "topic": "Turning pages",
        "v1": "`page=2`",
        "v2": (
            "follow `page.next` as it is until it is null; "
            "rows that come and go meanwhile neither repeat nor hide others"
        ),
    },
    {
        "topic": "Unknown names and values",
        "v1": "unknown parameters, values and members are ignored",
        "v2": "400 for parameters and their values, 422 for members of a body; the answer lists what is allowed",
    },
    {
        "topic": "Changing",
        "v1": "PUT, in which null counts as absent",
        "v2": "PATCH with a JSON merge patch: what is absent stays, null takes away",
    },
    {
        "topic": "Lost updates",
        "v1": "the last one wins",
        "v2": "the same, unless `If-Match` sends back the `ETag` that was read: then 412 when somebody was faster",
    },
    {
        "topic": "Sending again",
        "v1": "creates a second object",
        "v2": "the stored answer, when the POST has an `Idempotency-Key`",
    },
    {
        "topic": "Deleting",
        "v1": "200 with a message",
        "v2": "204 without a body",
    },
    {
        "topic": "Ids and slugs in paths",
        "v1": "posts by id; tags and categories by slug",
        "v2": "either of them for all three; a post's old slug is a 301",
    },
    {
        "topic": "Access tokens",
        "v1": "`Authorization: Bearer …`",
        "v2": (
            "the same header and the same tokens: one issued by either version works on both, "
            "and nobody has to sign in again"
        ),
    },
    {
        "topic": "API keys",
        "v1": "`X-API-Key: …` with `permissions`",
        "v2": "the same header and the same keys; `permissions` are called `scopes`",
    },
    {
        "topic": "Browser sessions",
        "v1": "the cookie and `X-CSRFToken`, whose value `/csrf-token` gives",
        "v2": (
            "the same cookie and header; the value is that of the cookie `csrftoken`, "
            "set when signing in at the admin site"
        ),
    },
    {
        "topic": "Limits",
        "v1": "429 with `Retry-After`",
        "v2": "the same, counted together with v1; `RateLimit` in every answer tells what is left",
    },
    {
        "topic": "Instants",
        "v1": "RFC 3339, UTC, six digits of a second, `Z`",
        "v2": "the same; all their names end in `_at`",
    },
)
ERRORS: Final[tuple[Fault, ...]] = (
    {
        "what": "Shape",
        "v1": "`{success: false, data: null, message, error}`",
        "v2": "`application/problem+json`: `type`, `title`, `status`, `detail`, `instance`, `request_id`, `errors`",
    },
    {
        "what": "The sentence",
        "v1": "`error`",
        "v2": "`detail`; what programs go by is `type`, one for each kind of failure",
    },
    {
        "what": "A wrong member",
        "v1": "422, `validation_errors: [{field, message}]`",
        "v2": "422, `errors: [{pointer, code, message}]`; `pointer` is `/title` for the field `title`",
    },
    {"what": "An unknown member", "v1": "ignored", "v2": "422 `unknown_member`"},
    {"what": "A wrong or unknown parameter", "v1": "ignored", "v2": "400 with `errors: [{parameter, code, message}]`"},
    {"what": "Malformed JSON", "v1": "400", "v2": "400"},
    {"what": "A malformed id in the path", "v1": "400", "v2": "404"},
    {"what": "No or bad credentials", "v1": "401", "v2": "401"},
    {"what": "Not allowed, or beyond the key's scopes", "v1": "403", "v2": "403"},
    {"what": "Not there, or hidden", "v1": "404", "v2": "404"},
    {"what": "A verb that the path doesn't have", "v1": "405 with `Allow`", "v2": "405 with `Allow`"},
    {"what": "An answer in another form than asked for", "v1": "JSON all the same", "v2": "406"},
    {"what": "A duplicate, or a state that doesn't allow it", "v1": "409", "v2": "409"},
    {"what": "Changed by somebody else meanwhile", "v1": "not noticed", "v2": "412, when `If-Match` was sent"},
    {"what": "Too large a body; not JSON", "v1": "413; 415", "v2": "413; 415"},
    {"what": "Too many requests", "v1": "429 with `Retry-After`", "v2": "429 with `Retry-After`"},
    {
        "what": "A fault of the server",
        "v1": "500, the request id in `message`",
        "v2": "500, the request id in `request_id`",
    },
    {"what": "The database can't be reached", "v1": "503", "v2": "503 with `Retry-After`"},
)
