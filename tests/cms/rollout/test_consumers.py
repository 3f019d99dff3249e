"""Consumers of v1 are told by mail: each its own calls, at the address of the key or of the user."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from cms.models import ApiKey, Job, User
from cms.rollout.consumers import MAILED, NO_ADDRESS, ROUTES_SHOWN, notify_consumers, send_v1_usage
from cms.services.api_keys import create_api_key

LIFE = {"dates": ["Version 1 ends at 2027-06-01T00:00:00Z."], "guide": "/api/v2/docs/v1-to-v2"}


def usage_of(consumer: str, routes: int = 1) -> dict[str, Any]:
    rows = [
        {"route": f"GET /{number}", "calls": 3, "last_seen_at": "2026-12-01T00:00:00+00:00", "v2": "GET /api/v2/x"}
        for number in range(routes)
    ]
    return {"consumer": consumer, "days": 30, "calls": 3 * routes, "refused": 2, "routes": rows}


@pytest.fixture
def key_of() -> Callable[..., ApiKey]:
    def make(owner: User, **fields: Any) -> ApiKey:
        values: Any = {"name": "Mia's\napp", "scopes": ["posts:read"], **fields}
        return create_api_key(actor=owner, owner=owner, fields=values, now=timezone.now()).api_key

    return make


def send(consumer: str, usage: dict[str, Any] | None = None) -> bool:
    kind, _, identifier = consumer.partition(":")
    return send_v1_usage.func(kind, identifier, usage or usage_of(consumer), LIFE)


def test_a_key_is_told_at_its_owners_address_and_a_contact_that_nobody_proved_gets_no_mail(
    author: User, key_of: Callable[..., ApiKey], mailoutbox: list[Any]
) -> None:
    for key in (key_of(author, contact_email="stranger@example.net"), key_of(author)):
        assert send(f"key:{key.prefix}")
    assert [mail.to for mail in mailoutbox] == [[author.email]] * 2


def test_an_address_gets_one_mail_about_all_its_consumers(
    author: User, editor: User, key_of: Callable[..., ApiKey], mailoutbox: list[Any]
) -> None:
    keys = [key_of(author, name=f"App {number}", contact_email=f"s{number}@example.net") for number in range(3)]
    consumers = [*(f"key:{key.prefix}" for key in keys), f"user:{author.pk}", f"user:{editor.pk}"]
    outcome = notify_consumers([usage_of(consumer) for consumer in consumers], LIFE)
    assert outcome == dict.fromkeys(consumers, MAILED)
    call_command("run_worker", "--once", "--queues", "mail")
    assert sorted(mail.to for mail in mailoutbox) == sorted([[author.email], [editor.email]])
    (body,) = [mail.body for mail in mailoutbox if mail.to == [author.email]]
    assert [body.count(words) for words in ("still calls version 1", "3 in total", "in v2:")] == [4, 4, 4]
    assert [f"App {number}" in body for number in range(3)] == [True] * 3
    assert (body.count(LIFE["dates"][0]), body.count(LIFE["guide"])) == (1, 1)  # type: ignore[arg-type]


def test_the_mail_has_its_own_calls_the_dates_and_the_way(
    author: User, key_of: Callable[..., ApiKey], mailoutbox: list[Any]
) -> None:
    key = key_of(author)
    send(f"key:{key.prefix}")
    (mail,) = mailoutbox
    assert f'Your API key "Mia\'s app" ({key.prefix}…) still calls version 1' in mail.body
    assert LIFE["dates"][0] in mail.body
    assert "- GET /0: 3, last at 2026-12-01T00:00:00+00:00\n  in v2: GET /api/v2/x" in mail.body
    assert "3 in total, of which 2 were refused" in mail.body
    assert LIFE["guide"] in mail.body


def test_the_mail_is_in_the_language_of_its_reader(
    make_user: Callable[..., User], key_of: Callable[..., ApiKey], mailoutbox: list[Any]
) -> None:
    aiko = make_user("author", username="aiko", language="ja")
    key = key_of(aiko)
    notify_consumers([usage_of(f"key:{key.prefix}"), usage_of(f"user:{aiko.pk}", ROUTES_SHOWN + 3)], LIFE)
    call_command("run_worker", "--once", "--queues", "mail")
    (mail,) = mailoutbox
    assert mail.subject == "API バージョン 1 の呼び出しについて"
    assert f'API キー "Mia\'s app"（{key.prefix}…）が、まだ API のバージョン 1 を呼び出しています。' in mail.body
    assert "アカウント aiko を使うプログラム: 過去 30 日間のバージョン 1 の呼び出し" in mail.body
    assert (
        "、うち 2 回は拒否）:\n\n- GET /0: 3 回、最終 2026-12-01T00:00:00+00:00\n  v2 では: GET /api/v2/x" in mail.body
    )
    assert "- ほか 3 件" in mail.body
    assert not {"calls", "version", "told"} & set(mail.body.split())


def test_a_user_is_told_at_their_address(author: User, mailoutbox: list[Any]) -> None:
    assert send(f"user:{author.pk}")
    assert [mail.to for mail in mailoutbox] == [[author.email]]


def test_a_long_list_is_cut_and_says_so(author: User, mailoutbox: list[Any]) -> None:
    send(f"user:{author.pk}", usage_of(f"user:{author.pk}", ROUTES_SHOWN + 3))
    assert (mailoutbox[0].body.count("in v2:"), "- and 3 more" in mailoutbox[0].body) == (ROUTES_SHOWN, True)


def test_whoever_has_no_address_is_named_and_gets_no_job(
    make_user: Callable[..., User], author: User, key_of: Callable[..., ApiKey]
) -> None:
    gone = make_user("author", username="gone")
    key, revoked = key_of(gone), key_of(author)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    ApiKey.objects.filter(pk=revoked.pk).update(is_active=False)
    Job.objects.all().delete()
    nobody = [f"key:{key.prefix}", f"key:{revoked.prefix}", f"user:{gone.pk}", "user:5", "key:none", "client:app"]
    outcome = notify_consumers([usage_of(name) for name in (*nobody, f"user:{author.pk}")], LIFE)
    assert outcome == {**dict.fromkeys(nobody, NO_ADDRESS), f"user:{author.pk}": MAILED}
    (job,) = Job.objects.all()
    assert [usage["consumer"] for usage in job.args[1]] == [f"user:{author.pk}"]
    assert author.email not in str(job.args)


def test_who_left_between_job_and_mail_gets_none(author: User, mailoutbox: list[Any]) -> None:
    User.objects.filter(pk=author.pk).update(is_active=False)
    assert not send(f"user:{author.pk}")
    assert not mailoutbox
