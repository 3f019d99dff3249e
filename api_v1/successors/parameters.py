"""The query parameters of v1's lists, and what each is in v2."""

from typing import Final

from api_v1.successors.shape import Parameter


def _parameter(
    v1: str, v2: str | None, rule: str = "same", note: str = "", choices: dict[str, str] | None = None
) -> Parameter:
    return {
        "v1": v1,
        "v2": v2,
        "rule": rule,
        "choices": choices or {},
        "maximum": None,
        "length_max": None,
        "is_for_writers": False,
        "note": note,
    }


def _limit(maximum: int, default: int) -> Parameter:
    return {**_parameter("limit", "limit", "number", f"1 to {maximum}, {default} unless said"), "maximum": maximum}


def _text(v1: str, length_max: int, note: str) -> Parameter:
    return {**_parameter(v1, "q", note=note), "length_max": length_max}


def _same_choices(*values: str) -> dict[str, str]:
    return {value: value for value in values}


_POST_SORTS: Final = tuple(
    f"{sign}{key}" for key in ("created_at", "updated_at", "published_at", "title") for sign in ("", "-")
)
LIMIT: Final = _limit(100, 20)
PAGES: Final = (_parameter("page", None, "from_page", "follow `page.next`, or send its `cursor`"), LIMIT)
_CHOOSING: Final = (
    _parameter("author", "author", note="ids as before; usernames and several with commas are taken too"),
    _parameter("tag", "tag", "slug"),
    _parameter("sort", "sort", "choice", "unless said, v1 sorts by `-created_at`", _same_choices(*_POST_SORTS)),
)
_STATES: Final = {"draft": "draft", "archived": "archived", "published": "published,scheduled"}
_STATUS_NOTE: Final = "`published` of v1 holds what v2 calls `scheduled`"
_STATUS_OF_WRITERS: Final[Parameter] = {
    **_parameter("status", "status", "choice", f"{_STATUS_NOTE}; v1 listened to authors and above alone", _STATES),
    "is_for_writers": True,
}
POSTS: Final = (*PAGES, _STATUS_OF_WRITERS, *_CHOOSING)
POSTS_OF_ALL_STATES: Final = (*PAGES, _parameter("status", "status", "choice", _STATUS_NOTE, _STATES), *_CHOOSING)
USERS: Final = (
    *PAGES,
    _parameter("role", "role", "word", "", _same_choices("admin", "editor", "author", "subscriber")),
    _parameter("active", "is_active", "word", "", _same_choices("true", "false")),
    _parameter("sort", None, "dropped", "v2 lists the newest accounts first; sort what you got"),
)
SEARCH: Final = (
    _text("q", 500, "required, not blank, at most 500 characters; v1 found nothing without it and read no more of it"),
    LIMIT,
    _parameter("offset", None, "from_page", "follow `page.next`"),
    _parameter(
        *("sort_by", "sort", "choice", "relevance unless said, as before; v1 sorted downwards unless told `asc`"),
        {key: f"-{key}" for key in ("created_at", "updated_at", "published_at", "title")},
    ),
    _parameter("sort_order", "sort", "sign", "beside `sort_by` alone", {"asc": ""}),
)
SUGGEST: Final = (
    _text(
        "prefix",
        100,
        "required, not blank, at most 100 characters; v1 suggested nothing without it and read no more of it",
    ),
    _limit(50, 10),
)
