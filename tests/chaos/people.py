"""Who writes and operates during the chaos: authors and an operator with API keys, and a webhook that wants all events."""

from dataclasses import dataclass, field
from typing import Final

from tests.staging.site import PASSWORD, Staging

AUTHORS: Final = 4
SCOPES: Final = ("posts:read", "posts:write", "media:write")


@dataclass
class People:
    keys: list[str] = field(default_factory=list)
    """An API key of each author."""
    emails: list[str] = field(default_factory=list)
    """The address of each author, to sign in by."""
    operator_key: str = ""


def make_people(site: Staging, receiver_url: str) -> People:
    people = People()
    for _ in range(AUTHORS):
        user = site.register()
        changed = site.admin.post(f"/api/v2/users/{user['id']}/actions/set-role", json={"role": "author"})
        assert changed.status_code == 200, changed.text
        people.emails.append(user["email"])
        people.keys.append(_key(site, user["email"], PASSWORD, SCOPES))
    made = site.admin.post("/api/v2/api-keys", json={"name": "operator", "scopes": ["rollout:read", "rollout:ramp"]})
    assert made.status_code == 201, made.text
    people.operator_key = made.json()["secret"]
    hook = site.admin.post("/api/v2/webhooks", json={"url": receiver_url, "events": ["*"]})
    assert hook.status_code == 201, hook.text
    return people


def _key(site: Staging, email: str, password: str, scopes: tuple[str, ...]) -> str:
    with site.client(site.sign_in(email, password)) as client:
        made = client.post("/api/v2/api-keys", json={"name": "chaos", "scopes": list(scopes)})
    assert made.status_code == 201, made.text
    return str(made.json()["secret"])
