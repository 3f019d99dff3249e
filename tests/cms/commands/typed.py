"""A command as somebody types it, in a process of its own: what it prints, or the sentence with which it refuses."""

import os
from pathlib import Path

import pytest
from django.core.management import ManagementUtility

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


def status_of(name: str, *arguments: str) -> int:
    """The status with which a command ends that is given these arguments, in this process.

    `execute_from_command_line` would set Django up again, and its log would go on in the stream that `capsys` closes.
    """
    argv = ["manage.py", name, *arguments]
    with pytest.raises(SystemExit) as ended:
        ManagementUtility(argv).fetch_command(name).run_from_argv(argv)
    assert isinstance(ended.value.code, int)
    return ended.value.code


def file_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))
