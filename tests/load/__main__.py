"""`make load`: people on two web processes of their own while the weight goes from 0 to 100 and back to 0.

DURATION= seconds (120) and USERS= people at once (40) are taken from the environment.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.load.report import write_report
from tests.measuring.site import PASSWORD, SiteError, run, running_engines, site_env
from tests.servers import ROOT, clean_environment, serve

POSTS: Final = 1_000
ACCOUNTS: Final = 10
RAMP: Final = (0, 10, 50, 100, 0)
FOLDER: Final = ROOT / "build/load"
LOCUSTFILE: Final = ROOT / "tests/load/locustfile.py"


def main() -> int:
    duration_s, users = _number("DURATION", 120), _number("USERS", 40)
    with ExitStack() as stack:
        env = stack.enter_context(site_env(stack.enter_context(running_engines())))
        try:
            prepare(env, POSTS, ACCOUNTS)
        except SiteError as error:
            sys.exit(str(error))
        hosts = [stack.enter_context(serve(env, threads=8)).base_url for _ in range(2)]
        print(f"Two web processes, {POSTS:,} posts; {users} people for {duration_s} s, the weight {RAMP}.", flush=True)
        return run_locust(hosts, duration_s, users, FOLDER, given(ACCOUNTS, RAMP, duration_s / len(RAMP)))


def prepare(env: Mapping[str, str], posts: int, accounts: int) -> None:
    """Tables, content and people, in the database of `env`."""
    make_people = f"from tests.load.people import make_people; make_people({accounts})"
    run("migrate", "--no-seed", "-v0", env=env)
    run("seed", "--posts", str(posts), env=env)
    run("shell", "-v0", "--no-imports", "-c", make_people, env=env)


def given(accounts: int, ramp: tuple[int, ...], step_s: float) -> dict[str, str]:
    """What the locustfile is told, of the people whom `prepare` has made."""
    people = {
        f"LOAD_{kind.upper()}S": ",".join(f"load_{kind}_{number}@example.org" for number in range(accounts))
        for kind in ("commenter", "author", "editor")
    }
    return {
        **people,
        "LOAD_PASSWORD": PASSWORD,
        "LOAD_OPERATOR": "load_admin@example.org",
        "LOAD_RAMP": ",".join(map(str, ramp)),
        "LOAD_STEP_S": f"{step_s:g}",
    }


def run_locust(hosts: list[str], duration_s: float, users: int, folder: Path, given: Mapping[str, str]) -> int:
    """Its exit code. The reports are in `folder`: Locust's own, and which version answered when.

    The run ends with its ramp, however long a busy machine takes for that; the limit is for one that never ends.
    """
    folder.mkdir(parents=True, exist_ok=True)
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [sys.executable, "-m", "locust", "-f", str(LOCUSTFILE), "--host", hosts[0], "--headless"]
    command += [
        "--users",
        f"{users}",
        "--spawn-rate",
        f"{max(5, users // 4)}",
        "--run-time",
        f"{3 * duration_s + 60:g}s",
    ]
    command += ["--only-summary", "--html", str(folder / "report.html"), "--stop-timeout", "20"]
    env = clean_environment({**given, "LOAD_HOSTS": ",".join(hosts), "LOAD_RESULT": str(result)})
    code = subprocess.run(command, cwd=folder, env=env, check=False).returncode
    if not result.exists():
        return code or 1
    write_report(json.loads(result.read_text()), folder / "versions.html")
    print(f"Reports: {_shown(folder / 'report.html')} and {_shown(folder / 'versions.html')}", flush=True)
    return code


def _shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not int(text):
        sys.exit(f"{name}={text!r} is not valid: use a whole number above 0.")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
