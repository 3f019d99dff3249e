"""The dispatcher on real requests: who gets which arm, with which headers, and what a fault does."""

import logging
from collections.abc import Callable

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from canary.core.bucketing import bucket
from canary.core.values import Identity
from canary.middleware import CanaryMiddleware
from canary.requests.faults import FaultLog, faults
from canary.requests.headers import ADDRESS_MAX, put
from canary.requests.identity import identify
from canary.state.store import current_snapshot
from cms.models import User

Rollout = Callable[..., None]


def versions_of(clients: list[str]) -> dict[str, str]:
    return {c: Client().get("/api/posts", headers={"x-client-id": c}).headers["API-Version"] for c in clients}


def test_each_client_is_answered_by_its_bucket_and_always_the_same(rollout: Rollout) -> None:
    rollout(weight_bp=5_000)
    clients = [f"c{i}" for i in range(60)]
    versions = versions_of(clients)
    salt = current_snapshot().salt
    assert versions == {c: "2" if bucket(Identity("client", c), salt) < 5_000 else "1" for c in clients}
    assert versions_of(clients) == versions


def test_the_edges_of_the_weight_reach_nobody_and_everybody(rollout: Rollout) -> None:
    clients = [f"c{i}" for i in range(30)]
    assert set(versions_of(clients).values()) == {"1"}
    rollout(weight_bp=10_000)
    assert set(versions_of(clients).values()) == {"2"}


def test_who_is_on_v2_stays_there_while_the_weight_grows(rollout: Rollout) -> None:
    clients = [f"c{i}" for i in range(60)]
    on_v2: set[str] = set()
    for weight_bp in (1_000, 5_000, 9_000):
        rollout(weight_bp=weight_bp)
        now_on_v2 = {client for client, version in versions_of(clients).items() if version == "2"}
        assert on_v2 <= now_on_v2
        on_v2 = now_on_v2


def test_reverse_uses_the_urlconf_of_the_version_that_answers(rollout: Rollout) -> None:
    for version, path in (("1", "/one"), ("2", "/two")):
        response = Client().get("/api/x", headers={"api-version": version})
        assert response.json() == {"arm": int(version), "reversed": path}


def test_the_entrance_is_never_cached_between_clients_and_names_the_pinned_address(rollout: Rollout) -> None:
    response = Client().get("/api/posts?page=2&q=%C3%A9")
    assert response.headers["Cache-Control"] == "private, no-cache"
    assert response.headers["Vary"] == "API-Version, Authorization, X-API-Key, X-Client-Id, Cookie, Accept"
    assert response.headers["Content-Location"] == "/api/v1/posts?page=2&q=%C3%A9"


ADDRESSES = {
    "/api/posts/%FF": "/api/v1/posts/%FF",  # no UTF-8
    "/api/%C3%A9%20x": "/api/v1/%C3%A9%20x",
    "/api/a%2541": "/api/v1/a%2541",  # stays twice escaped where it came so
    "/api/a%25FF": "/api/v1/a%25FF",
    "/api/a;b=c,d:@!$&'()*+~": "/api/v1/a;b=c,d:@!$&'()*+~",
    "/api/a%3Fb%23c": "/api/v1/a%3Fb%23c",
    "/api/a%0D%0AX-Evil:1": "/api/v1/a%0D%0AX-Evil:1",
    "/api//x": "/api/v1//x",
    "/api/..x/.y/z.": "/api/v1/..x/.y/z.",
    "/api/p?q=%FF&r=100%&s=a%2520b": "/api/v1/p?q=%FF&r=100%25&s=a%2520b",
    "/api": "/api/v1",
}


@pytest.mark.parametrize("asked", ADDRESSES)
def test_the_pinned_address_is_the_one_that_was_asked_for_escaped_once(rollout: Rollout, asked: str) -> None:
    assert Client().get(asked, RAW_URI=asked).headers["Content-Location"] == ADDRESSES[asked]


def test_where_the_server_does_not_tell_the_bytes_the_address_leads_to_the_same_place(rollout: Rollout) -> None:
    for raw in ({}, {"RAW_URI": "/api/else"}, {"RAW_URI": "http://testserver/api/%FF"}, {"RAW_URI": "*"}):
        named = Client().get("/api/%C3%A9%FF", **raw).headers["Content-Location"]  # type: ignore[arg-type]
        assert named == "/api/v1/%C3%A9%25FF"
        assert RequestFactory().get(named).path_info == RequestFactory().get("/api/v1/%C3%A9%FF").path_info


def test_bytes_in_a_query_are_escaped_as_they_are(rollout: Rollout) -> None:
    response = Client().get("/api/p", QUERY_STRING="q=\xc3\xa9 <x>")
    assert response.headers["Content-Location"] == "/api/v1/p?q=%C3%A9%20%3Cx%3E"


@pytest.mark.parametrize("path", ["/api/..", "/api/../admin/", "/api/x/%2e%2e/%2e%2e/y", "/api/./x", "/api/x/."])
def test_an_address_that_leads_out_of_its_version_is_not_named(rollout: Rollout, path: str) -> None:
    response = Client().get(path)
    assert response.headers["API-Version"] == "1"
    assert "Content-Location" not in response.headers


def test_an_address_that_no_request_line_holds_is_not_named(rollout: Rollout) -> None:
    longest = "/api/posts?q=".ljust(ADDRESS_MAX - len("/v1"), "x")
    assert Client().get(longest).headers["Content-Location"] == longest.replace("/api", "/api/v1")
    for path in (f"{longest}x", "/api/" + "{" * 3_000):
        response = Client().get(path)
        assert response.headers["API-Version"] == "1"
        assert "Content-Location" not in response.headers


def test_a_problem_names_its_instance_as_an_address(rollout: Rollout) -> None:
    assert Client().get("/api/v3/%FF%20<x>", RAW_URI="/api/v3/%FF%20<x>").json()["instance"] == "/api/v3/%FF%20%3Cx%3E"


def test_headers_are_set_as_django_sets_them(rollout: Rollout) -> None:
    by_django, by_us = HttpResponse(headers={"vary": "x"}), HttpResponse(headers={"vary": "x"})
    by_django.headers["Vary"], by_django.headers["API-Version"] = "a, b", "1"
    for header in (("Vary", "a, b"), ("API-Version", "1")):
        put(by_us, header[0].lower(), header)
    assert by_us.headers._store == by_django.headers._store  # type: ignore[attr-defined]
    assert by_us.serialize_headers() == by_django.serialize_headers()


def test_a_pinned_answer_keeps_its_own_headers_and_ignores_the_version_header(rollout: Rollout) -> None:
    response = Client().get("/api/v1/posts", headers={"api-version": "2"})
    assert response.json()["arm"] == 1
    assert response.headers["API-Version"] == "1"
    assert response.headers["Cache-Control"] == "public, max-age=60"
    assert response.headers["Vary"] == "Accept, Cookie"
    assert "Content-Location" not in response.headers
    assert not response.cookies


def test_only_get_and_head_carry_a_content_location(rollout: Rollout) -> None:
    assert "Content-Location" in Client().head("/api/posts").headers
    assert "Content-Location" not in Client().post("/api/posts").headers


@pytest.mark.parametrize("path", ["/api/v3/posts", "/api/v0", "/api/v01/posts", "/api/v99999999999999999999"])
def test_a_version_that_does_not_exist_is_a_problem(rollout: Rollout, path: str) -> None:
    response = Client().get(path)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["instance"] == path
    assert "API-Version" not in response.headers


def test_a_refusal_to_head_has_the_headers_and_no_body(rollout: Rollout) -> None:
    got, head = Client().get("/api/v3"), Client().head("/api/v3")
    assert head.headers["Content-Length"] == got.headers["Content-Length"] == str(len(got.content))
    assert head.content == b""


def test_asking_for_the_reason_at_a_host_that_is_not_served_is_no_fault(rollout: Rollout) -> None:
    before = faults.count
    response = Client().get("/api/posts", headers={"host": "elsewhere.example", "x-canary-debug": "1"})
    assert (response.status_code, faults.count) == (400, before)


@pytest.mark.parametrize("path", ["/api/v2x/posts", "/api/version", "/api/", "/api"])
def test_a_path_that_only_looks_like_a_version_is_split(rollout: Rollout, path: str) -> None:
    assert Client().get(path, headers={"api-version": "2"}).headers["API-Version"] == "2"


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/apix", "/static/x"])
def test_paths_outside_the_entrance_are_left_alone(rollout: Rollout, db: None, path: str) -> None:
    assert "API-Version" not in Client().get(path).headers


def test_an_unknown_version_header_is_refused_with_the_supported_ones(rollout: Rollout) -> None:
    response = Client().get("/api/posts", headers={"api-version": "7"})
    assert response.status_code == 400
    assert "1 and 2" in response.json()["detail"]
    assert response.headers["Cache-Control"] == "private, no-cache"


def test_with_v2_off_its_path_is_not_found_and_all_get_v1(rollout: Rollout) -> None:
    rollout(weight_bp=10_000, IS_V2_ENABLED=False)
    assert Client().get("/api/v2/posts").status_code == 404
    assert Client().get("/api/posts").headers["API-Version"] == "1"


def test_with_v1_gone_its_path_is_gone_and_all_get_v2(rollout: Rollout) -> None:
    rollout(weight_bp=0, IS_V1_ENABLED=False)
    assert Client().get("/api/v1/posts").status_code == 410
    assert Client().get("/api/posts", headers={"api-version": "1"}).status_code == 410
    assert Client().get("/api/posts").headers["API-Version"] == "2"


def test_the_cookie_keeps_an_anonymous_visitor_where_the_first_answer_was(rollout: Rollout) -> None:
    rollout(weight_bp=5_000)
    for i in range(12):
        browser = Client()
        first = browser.get("/api/posts", REMOTE_ADDR=f"192.0.2.{i}").headers["API-Version"]
        moved = [browser.get("/api/posts", REMOTE_ADDR=f"198.51.100.{j}") for j in range(3)]
        assert {response.headers["API-Version"] for response in moved} == {first}
        assert not any(response.cookies for response in moved)  # it carries the identity already


def test_the_cookie_has_the_attributes_of_one_that_scripts_never_see(rollout: Rollout) -> None:
    cookie = Client().get("/api/posts").cookies["canary_id"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/", True, "Lax")


@pytest.mark.parametrize("client_id", ["a", "ab", "abc", 'with "quotes"; and = signs', "x" * 128])
def test_the_cookie_carries_any_id_without_quoting(rollout: Rollout, client_id: str) -> None:
    browser = Client()
    browser.get("/api/posts", headers={"x-client-id": client_id})
    assert '"' not in browser.cookies["canary_id"].OutputString()
    request = RequestFactory().get("/api/posts")
    request.META["HTTP_COOKIE"] = f"canary_id={browser.cookies['canary_id'].value}"
    assert identify(request) == Identity("client", client_id)


def test_a_fault_in_the_decision_is_counted_and_served_by_v1(rollout: Rollout) -> None:
    rollout(weight_bp=10_000, IDENTIFY="tests.canary.test_middleware.broken_identify")
    before = faults.count
    response = Client().get("/api/posts")
    assert (response.status_code, response.headers["API-Version"]) == (200, "1")
    assert faults.count == before + 1


def test_a_fault_while_v1_is_gone_is_served_by_v2(rollout: Rollout) -> None:
    rollout(IS_V1_ENABLED=False, IDENTIFY="tests.canary.test_middleware.broken_identify")
    assert Client().get("/api/posts").headers["API-Version"] == "2"


def test_an_error_of_the_view_is_no_fault_of_the_canary(rollout: Rollout) -> None:
    before = faults.count
    with pytest.raises(RuntimeError, match="planted"):
        Client().get("/api/posts?fail=1", headers={"api-version": "1"})
    assert faults.count == before


def test_faults_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    log = FaultLog()
    with caplog.at_level(logging.ERROR, logger="canary"):
        for _ in range(50):
            log.record(RuntimeError("planted"))
    assert log.count == 50
    assert len(caplog.records) == 1


def broken_identify(request: HttpRequest) -> None:
    raise RuntimeError("planted")


@pytest.mark.parametrize("client_id", ["", "null", "Undefined", "anonymous", "UNKNOWN", "0", "-", "  "])
def test_what_programs_send_for_no_id_counts_as_absent(rollout: Rollout, client_id: str) -> None:
    found = identify(RequestFactory().get("/api", headers={"x-client-id": client_id}))
    assert found is not None
    assert found.kind == "anon"


@pytest.mark.parametrize("client_id", ["x" * 129, "caf\xe9", "tab\tbed"])
def test_an_id_that_can_be_none_is_answered_by_v1_for_that_reason(rollout: Rollout, client_id: str) -> None:
    rollout(weight_bp=10_000)
    response = Client().get("/api/posts", headers={"x-client-id": client_id})
    assert response.headers["API-Version"] == "1"
    assert not response.cookies


def test_identities_are_taken_in_their_order(rollout: Rollout) -> None:
    browser = Client()
    browser.get("/api/posts", headers={"x-client-id": "first"})
    request = RequestFactory().get("/api/posts")
    request.META["HTTP_COOKIE"] = f"canary_id={browser.cookies['canary_id'].value}"
    assert identify(request) == Identity("client", "first")
    request.META["HTTP_X_CLIENT_ID"] = "second"
    assert identify(request) == Identity("client", "second")


@pytest.mark.parametrize("cookie", ["", "user.MQ==", "user.MQ==.", "user.MQ==.00", "root.MQ==.00", "....", "user.é.x"])
def test_a_cookie_that_we_did_not_sign_is_ignored(rollout: Rollout, cookie: str) -> None:
    request = RequestFactory().get("/api/posts")
    request.META["HTTP_COOKIE"] = f"canary_id={cookie}"
    found = identify(request)
    assert found is not None
    assert found.kind == "anon"


def test_the_reason_is_told_only_to_whoever_may_see_it(rollout: Rollout) -> None:
    headers = {"x-canary-debug": "1", "x-client-id": "c1"}

    def answered_for(is_permitted: bool) -> HttpResponse:
        request = RequestFactory().get("/api/posts", headers=headers)
        request.user = AnonymousUser()
        if is_permitted:
            request.user.has_perm = lambda name: name == "canary.view"  # type: ignore[method-assign,assignment,misc]
        return CanaryMiddleware(lambda _: HttpResponse())(request)

    assert answered_for(True).headers["X-Canary-Reason"] == "bucket"
    assert answered_for(True).headers["X-Canary-Bucket"].isdigit()
    assert "X-Canary-Reason" not in answered_for(False).headers


@pytest.mark.parametrize(
    ("scopes", "is_told"),
    [(("posts:read",), False), (("posts:read", "rollout:ramp"), False), (("posts:read", "rollout:read"), True)],
    ids=str,
)
def test_an_api_key_is_told_the_reason_only_within_its_scopes(
    make_user: Callable[..., User], make_key: Callable[..., tuple[str, str]], scopes: tuple[str, ...], is_told: bool
) -> None:
    raw_key = make_key(make_user("admin"), *scopes)[1]
    response = Client().get("/api/posts", headers={"x-api-key": raw_key, "x-canary-debug": "1"})
    assert response.status_code == 200
    assert ("X-Canary-Reason" in response.headers, "X-Canary-Bucket" in response.headers) == (is_told, is_told)


def test_a_key_beside_a_session_tells_no_more_than_the_key_may(
    make_user: Callable[..., User], make_key: Callable[..., tuple[str, str]]
) -> None:
    admin, browser = make_user("admin"), Client()
    browser.force_login(admin)
    headers = {"x-canary-debug": "1"}
    assert "X-Canary-Reason" in browser.get("/api/posts", headers=headers).headers
    keys = (make_key(admin, "posts:read")[1], "tdm_no_key_at_all")
    answers = [browser.get("/api/posts", headers={**headers, "x-api-key": key}) for key in keys]
    assert not [answer for answer in answers if "X-Canary-Reason" in answer.headers]


def test_a_site_that_says_nothing_of_scopes_lets_no_key_see_the_reason(rollout: Rollout) -> None:
    request = RequestFactory().get("/api/posts", headers={"x-canary-debug": "1", "x-api-key": "k"})
    request.user = AnonymousUser()
    request.user.has_perm = lambda name: True  # type: ignore[method-assign,assignment,misc]
    assert "X-Canary-Reason" not in CanaryMiddleware(lambda _: HttpResponse())(request).headers
