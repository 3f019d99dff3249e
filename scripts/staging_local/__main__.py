"""`python -m scripts.staging_local up|down|roll`: what the make targets staging-local, -down and -roll call."""

import fcntl
import json
import os
import sys
import time
from pathlib import Path
from typing import Final

from scripts.staging_local.errors import StagingError
from scripts.staging_local.own_secrets import load_or_make_secrets
from scripts.staging_local.ports import USUAL, choose_ports
from scripts.staging_local.stack import ADMIN, WEBS, Stack, new_stack
from tests.engines import EngineError
from tests.servers import ROOT

FOLDER: Final = Path(os.environ.get("STAGING_FOLDER") or ROOT / "build/staging")


def main(words: list[str]) -> int:
    verbs = {"up": up, "down": down, "roll": roll}
    if len(words) != 1 or words[0] not in verbs:
        print(f"Say one of {', '.join(verbs)}.", file=sys.stderr)
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("Another staging-local command is at work; try again when it is done.", file=sys.stderr)
            return 1
        try:
            return verbs[words[0]]()
        except (StagingError, EngineError) as error:
            print(error, file=sys.stderr)
            return 1


def up() -> int:
    began_at = time.monotonic()
    running = known_stack()
    if running is not None:
        return _say_running(running)
    ports, moved = choose_ports(USUAL)
    print("\n".join(moved) or "All usual ports are free.", flush=True)
    stack = new_stack(FOLDER, ports)
    _remember(stack)
    stack.up()
    print(f"Staging is up after {time.monotonic() - began_at:.0f} s.\n")
    print(told(stack))
    return 0


def down() -> int:
    stack = known_stack()
    if stack is None:
        print("Staging doesn't run.")
        return 0
    stack.down()
    print(f"Staging has ended, and its data is gone. Logs and secrets are in {_short(FOLDER)}.")
    return 0


def roll() -> int:
    stack = known_stack()
    if stack is None or _ended(stack):
        print("Staging doesn't run, or not all of it: make staging-local", file=sys.stderr)
        return 1
    for name in WEBS:
        stack.renew(name)
        print(f"{name} was renewed.", flush=True)
    return 0


def known_stack() -> Stack | None:
    """The one that an earlier command has started."""
    try:
        state = json.loads((FOLDER / "state.json").read_text())
    except OSError:
        return None
    return Stack(FOLDER, Path(state["place"]), state["ports"], load_or_make_secrets(FOLDER / "secrets.env"))


def told(stack: Stack) -> str:
    """Every address, and how to sign in."""
    lines = [
        ("Tandem", f"{stack.url}/"),
        ("Entrance", f"{stack.url}/api"),
        ("Pinned", f"{stack.url}/api/v1"),
        ("", f"{stack.url}/api/v2"),
        ("Admin", f"{stack.url}/admin/"),
        ("Probes", f"{stack.url}/livez"),
        ("", f"{stack.url}/readyz"),
        *[(name, f"{stack.url_of(name)}/readyz") for name in WEBS],
    ]
    if stack.processes.pid("prometheus"):
        lines.append(("Prometheus", f"{stack.url_of('prometheus')}/alerts"))
    else:
        lines.append(("Prometheus", "not installed (Debian: apt-get install prometheus)"))
    lines += [
        ("PostgreSQL", f"127.0.0.1:{stack.ports['postgres']}, user cms_user, database cms_staging"),
        ("Redis", f"127.0.0.1:{stack.ports['redis']}"),
        ("Login", f"{ADMIN}, password {stack.secrets['ADMIN_PASSWORD']}"),
        ("Secrets", _short(stack.folder / "secrets.env")),
        ("Logs", _short(stack.folder / "logs")),
    ]
    rows = [f"  {name:<11}{text}" for name, text in lines]
    return "\n".join(
        [*rows, "", "  make staging-local-roll renews the web processes, make staging-local-down ends all."]
    )


def _say_running(stack: Stack) -> int:
    ended = _ended(stack)
    if ended:
        print(f"Staging runs in part: {', '.join(ended)} has ended. First: make staging-local-down", file=sys.stderr)
        return 1
    print("Staging is running already.\n")
    print(told(stack))
    return 0


def _ended(stack: Stack) -> list[str]:
    return [name for name in stack.processes.names() if stack.processes.pid(name) is None]


def _remember(stack: Stack) -> None:
    (FOLDER / "state.json").write_text(json.dumps({"place": str(stack.place), "ports": stack.ports}))


def _short(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
