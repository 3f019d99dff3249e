"""`make staging-compose`: play staging's life in real containers, from nothing to nothing.

STANDINS=1 makes the images of Debian's packages, in an engine of its own (Debian 13, root); STANDINS=0 pulls the real ones
with the machine's engine. Unset, the real ones are tried first. ACTS=up,upgrade plays these acts only; KEEP=1 leaves the
containers up at the end. With the argument `prepare` it only fetches what the stand-ins are made of.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.staging_compose import standins
from scripts.staging_compose.engine import Engine, install_missing, own_engine
from scripts.staging_compose.errors import PlayError
from scripts.staging_compose.play import ACTS, image_names, nameless_images
from scripts.staging_compose.shell import run
from scripts.staging_compose.stack import FILE, Stack

ROOT: Final = Path(__file__).resolve().parent.parent.parent
PROJECT: Final = "cms-staging"
PULL_LIMIT_S: Final = 300


def main() -> int:
    wanted = [name for name in os.environ.get("ACTS", "").split(",") if name]
    unknown = set(wanted) - {act.__name__ for act in ACTS}
    if unknown:
        print(
            f"There is no act {', '.join(sorted(unknown))}: {', '.join(act.__name__ for act in ACTS)}.", file=sys.stderr
        )
        return 2
    if sys.argv[1:] == ["prepare"]:
        return _prepare()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is cleaned up
    # With them each build has another id, though nothing has changed.
    os.environ["BUILDX_NO_DEFAULT_ATTESTATIONS"] = "1"
    began = time.monotonic()
    try:
        with tempfile.TemporaryDirectory(prefix="tandem-compose-", dir="/var/tmp") as name:
            stack = Stack(_copy_of_checkout(Path(name)))
            stack.write_env()
            with _images(stack, Path(name)) as engine:
                _play(stack, engine, wanted)
    except PlayError as error:
        print(error, file=sys.stderr)
        return 1
    played = f"{len(wanted) or len(ACTS)} of {len(ACTS)} acts"
    print(f"Staging by Compose: {played} played in {time.monotonic() - began:.0f} s.")
    return 0


def _prepare() -> int:
    try:
        install_missing()
        standins.prepare(ROOT)
    except PlayError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _images(stack: Stack, folder: Path) -> Iterator[Engine]:
    """The engine that has all images that are pulled: real ones, or stand-ins."""
    choice = os.environ.get("STANDINS", "")
    if choice == "0" or (choice != "1" and _registry_answers(stack)):
        for name in image_names(stack.root):
            run(["docker", "pull", "--quiet", name])
        yield Engine()
        return
    print("Stand-ins of Debian's packages take the place of the images of a registry.", flush=True)
    install_missing()
    with _timed("root file systems and wheels"):
        standins.prepare(ROOT)
    with own_engine() as engine:
        with _timed("stand-ins"):
            standins.build(ROOT, image_names(stack.root), folder)
        yield engine


def _registry_answers(stack: Stack) -> bool:
    """Whether the machine has an engine that gets an image of the compose file."""
    command = ["docker", "compose", "-f", FILE, "pull", "--quiet", "redis"]
    try:
        done = subprocess.run(command, cwd=stack.root, capture_output=True, check=False, timeout=PULL_LIMIT_S)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _play(stack: Stack, engine: Engine, wanted: list[str]) -> None:
    _refuse_to_replace_a_staging()
    stack.nameless_before, tagged_before = nameless_images(), _tagged_images()
    try:
        for act in ACTS:
            if not wanted or act.__name__ in wanted:
                with _timed(act.__name__) as said:
                    said.append(act(stack, engine))
    except (PlayError, AssertionError):
        with contextlib.suppress(PlayError):
            print(stack.compose("ps", "--all"), stack.compose("logs", "--tail", "30"), sep="\n", file=sys.stderr)
        raise
    finally:
        if os.environ.get("KEEP"):
            input(f"Left up, with DOCKER_HOST={os.environ.get('DOCKER_HOST', '')} in {stack.root}. Enter ends it. ")
        stack.compose("down", "--volumes", "--remove-orphans", "--timeout", "5")
        made = (nameless_images() - stack.nameless_before) | (_tagged_images() - tagged_before)
        if made:
            run(["docker", "image", "rm", "--force", *made])


def _refuse_to_replace_a_staging() -> None:
    """The play has the names of a real staging, and deletes its volumes at the end."""
    ours = ("--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}")
    if run(["docker", "ps", "--all", *ours]).strip() or run(["docker", "volume", "ls", *ours]).strip():
        raise PlayError(
            f"This engine has a staging: containers or volumes of the project {PROJECT}. The play would delete its data."
            " Play it on another machine, or remove that staging first."
        )


def _tagged_images() -> set[str]:
    return set(run(["docker", "images", "--quiet", "--no-trunc", "--filter", "reference=tandem"]).split())


@contextlib.contextmanager
def _timed(name: str) -> Iterator[list[str]]:
    began, said = time.monotonic(), list[str]()
    try:
        yield said
    except (PlayError, AssertionError) as error:
        raise PlayError(f"FAILED {name} after {time.monotonic() - began:.0f} s: {error}") from error
    print(f"ok {name} ({time.monotonic() - began:.0f} s){': ' if said else ''}{''.join(said)}", flush=True)


def _copy_of_checkout(folder: Path) -> Path:
    """Copy the files that git knows, as they are on the disk. The play changes some of them."""
    copy = folder / "tandem"
    for name in run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    return copy


if __name__ == "__main__":
    sys.exit(main())
