"""Where v2 keeps what an address of v1 names: the quick answer is that of the whole translation."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from canary.core.mapping import Lead, Leads, equivalent
from tests.canary.core.test_mapping_requests import DECLARED

LEADS = Leads(DECLARED)
PATHS = (
    "",
    "/",
    "/posts",
    "/posts/7",
    "/posts/a b",
    "/posts/",
    "/posts/stats",
    "/posts/7/x",
    "/keys",
    "/find",
    "/nowhere",
)
QUERIES = (
    "",
    "limit=3",
    "page=2",
    "page=1&limit=500",
    "tag=a+b&state=out",
    "q=%C3%A9&by=age&order=asc",
    "offset=1",
    "a&b=",
)
TEXT = st.text(st.characters(codec="latin-1"), max_size=20)


def slowly(method: str, path: str, query: str, *, has_credentials: bool) -> Lead | None:
    """What a GET becomes, else the request itself."""
    for tried in ("GET", method):
        asked = query if method in ("GET", "HEAD") else ""
        found = equivalent(DECLARED, tried, path, asked, has_credentials=has_credentials)
        if found is not None and found.method:
            return Lead(found.target, bool(found.pages_left_out))
    return None


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "OPTIONS", "PATCH", "odd"])
def test_every_call_is_led_where_its_translation_leads(method: str) -> None:
    for path in PATHS:
        for query in QUERIES:
            for has_credentials in (False, True):
                told = LEADS.find(method, path, query, has_credentials=has_credentials)
                assert told == slowly(method, path, query, has_credentials=has_credentials), (path, query)


@given(value=TEXT, query=TEXT)
@example(value="%", query="limit=%31&page=00002")
@example(value="x", query="&".join(["limit=2"] * 1_001))
@example(value="x", query="limit=4&" + "x" * 300)
def test_whatever_is_asked_for_it_is_the_same(value: str, query: str) -> None:
    told = LEADS.find("GET", f"/posts/{value}", query, has_credentials=False)
    assert told == slowly("GET", f"/posts/{value}", query, has_credentials=False)
    assert LEADS.find("GET", "/find", query, has_credentials=True) == slowly(
        "GET", "/find", query, has_credentials=True
    )


@pytest.mark.parametrize("value", [".", ".."])
def test_a_dot_segment_leads_nowhere(value: str) -> None:
    """Whoever follows the link would resolve it to another address."""
    assert LEADS.find("GET", f"/posts/{value}", "", has_credentials=False) is None
    assert equivalent(DECLARED, "GET", f"/posts/{value}", "", has_credentials=False) is None


@pytest.mark.parametrize(
    ("path", "query", "is_first_page"),
    [
        *(("/posts", "page=2&limit=3", True), ("/posts", "page=1", False), ("/posts", "page=0", False)),
        *(("/posts", "page=few", False), ("/posts", "", False), ("/find", "page=2", False)),
        *(("/find", "offset=1", True), ("/find", "offset=0", False)),
    ],
)
def test_a_later_page_is_led_to_the_first_one_and_says_so(path: str, query: str, is_first_page: bool) -> None:
    told = LEADS.find("GET", path, query, has_credentials=False)
    assert told is not None
    assert told.is_first_page == is_first_page
    assert ("limit=3" in told.target) == ("limit=3" in query)
