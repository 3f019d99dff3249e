"""The people of a load test: accounts of each role, made inside a process of the app."""

from django.utils import timezone

from cms.choices import Role
from cms.policy import SYSTEM
from cms.services.users import create_user
from tests.measuring.site import PASSWORD

ADMIN = "load_admin"
MADE = {"commenter": Role.SUBSCRIBER, "author": Role.AUTHOR, "editor": Role.EDITOR}


def make_people(each: int) -> None:
    """So many of each kind, and an admin."""
    now = timezone.now()
    names = {f"load_{kind}_{number}": role for kind, role in MADE.items() for number in range(each)}
    for name, role in {**names, ADMIN: Role.ADMIN}.items():
        fields = {"username": name, "email": email_of(name), "role": role}
        create_user(actor=SYSTEM, fields=fields, password=PASSWORD, now=now)


def email_of(name: str) -> str:
    return f"{name}@example.org"
