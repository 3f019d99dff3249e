"""How a command starts: without the modules that only servers and other commands need."""

import subprocess
import sys

from tests.servers import ROOT, clean_environment

STARTED = """
import sys, django
django.setup()
from canary.management.commands.canary import Command
Command().create_parser("manage.py", "canary")
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""
DEAR = {"PIL", "boto3", "cmarkgfm", "fido2", "httpx", "nh3", "snowballstemmer"}


def test_the_rollout_is_changed_without_loading_pages_pictures_and_passkeys() -> None:
    env = clean_environment({"DJANGO_SETTINGS_MODULE": "cms.settings", "DATABASE_URL": "sqlite:///:memory:"})
    loaded = subprocess.run(
        [sys.executable, "-c", STARTED], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert DEAR & {*loaded.stdout.split()} == set()
