"""Users with access tokens, made by a process that has the site's environment: run inside `manage.py shell`."""

import json
from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from cms.policy import SYSTEM
from cms.services.sessions import open_session
from cms.services.users import create_user
from cms.tokens.access import make_token, read_token
from tests.servers import manage

A_DAY_S: Final = 24 * 3600
"""How long their tokens are good for: a long run lasts longer than the site's own tokens."""
PRINT: Final = "from tests.canary.live.people import print_people; print_people({!r}, {})"


@dataclass(frozen=True)
class Person:
    id: str
    token: str


def make_people(env: dict[str, str], role: str, count: int) -> list[Person]:
    """So many users of this role, signed in, in the database of `env`."""
    made = manage("shell", "-v0", "--no-imports", "-c", PRINT.format(role, count), env=env)
    assert made.returncode == 0, made.stderr
    return [Person(*each) for each in json.loads(made.stdout)]


def print_people(role: str, count: int) -> None:
    """Without passwords, which would take a twentieth of a second each."""
    now, people = timezone.now(), []
    for number in range(count):
        fields = {"username": f"{role}_{number}", "email": f"{role}_{number}@example.org", "role": role}
        user = create_user(actor=SYSTEM, fields=fields, password=None, now=now)  # type: ignore[arg-type]
        claims = read_token("access", open_session(user=user, now=now).access_token, now)
        people.append((str(user.pk), make_token("access", claims, now, A_DAY_S)))
    print(json.dumps(people))
