"""A command as somebody types it, in a process of its own: what it prints, or the sentence with which it refuses."""

import os
from pathlib import Path

from tests.engines import _wheel_postgres
from tests.servers import manage

PATH = os.pathsep.join([os.environ["PATH"], *map(str, _wheel_postgres())])  # with PostgreSQL's programs


def run(*arguments: str, env: dict[str, str]) -> str:
    done = manage(*arguments, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(*arguments: str, env: dict[str, str]) -> str:
    """The one sentence of a command that is refused."""
    done = manage(*arguments, env=env)
    assert done.returncode == 1, done.stdout
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("CommandError: ")


def last_line(*arguments: str, env: dict[str, str]) -> str:
    """The sentence of a refusal that the log has said before."""
    done = manage(*arguments, env=env)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    return done.stderr.splitlines()[-1].removeprefix("CommandError: ")


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
