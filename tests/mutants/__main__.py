"""Plants each fault in a copy of the tree, runs the tests of `canary/core` on it, and tells which faults nobody noticed.

Fails below FLOOR. A run that hangs has noticed: nobody merges that.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import Queue
from typing import Final

from tests.mutants.planting import CORE, Mutant, mutants

ROOT: Final = Path(__file__).resolve().parents[2]
TESTS: Final = "tests/canary/core"
FLOOR: Final = 0.95
AT_ONCE: Final = 2
TIMEOUT_S: Final = 300
# The core is the standard library alone, and so are its tests: without Django each run begins a few seconds earlier.
PYTEST_INI: Final = """[pytest]
addopts = -x -q -m "not soak" --noconftest --import-mode=importlib --hypothesis-seed=0
    -p no:django -p no:randomly -p no:cacheprovider -p no:xdist -p no:locust
pythonpath = .
markers = soak
filterwarnings = error
"""


def main() -> int:
    with ExitStack() as stack:
        trees: Queue[Path] = Queue()
        for _ in range(AT_ONCE):
            trees.put(_copy(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tandem-mutants-")))))
        if not _is_green(tree := trees.get()):
            sys.stderr.write("The tests fail without any fault planted.\n")
            return 1
        trees.put(tree)
        planted = mutants()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            noticed = list(pool.map(lambda mutant: _is_noticed(mutant, trees), planted))
    survivors = [mutant for mutant, is_noticed in zip(planted, noticed, strict=True) if not is_noticed]
    for mutant in survivors:
        print(f"nobody noticed  {mutant}")
    share = sum(noticed) / len(noticed)
    print(f"{sum(noticed)} of {len(noticed)} planted faults were noticed ({share:.1%}; the floor is {FLOOR:.0%}).")
    return int(share < FLOOR)


def _copy(folder: Path) -> Path:
    for name in ("canary", "tests"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    (folder / "pytest.ini").write_text(PYTEST_INI)
    return folder


def _is_noticed(mutant: Mutant, trees: "Queue[Path]") -> bool:
    tree, began = trees.get(), time.monotonic()
    path = tree / CORE / mutant.module
    sound = path.read_text()
    try:
        _write(path, mutant.plant(sound))
        is_noticed = not _is_green(tree, mutant)
    finally:
        _write(path, sound)
        trees.put(tree)
    print(f"{'noticed' if is_noticed else 'SURVIVED':8} {time.monotonic() - began:5.1f} s  {mutant}", flush=True)
    return is_noticed


def _write(path: Path, text: str) -> None:
    """Each time a second later than before: bytecode of the same size and second would be taken for the text's."""
    later = path.stat().st_mtime + 2
    path.write_text(text)
    os.utime(path, (later, later))


def _is_green(tree: Path, mutant: Mutant | None = None) -> bool:
    """Those tests first that are about the module, for most faults end there."""
    words = Path(mutant.module).with_suffix("").parts if mutant else ()
    nearest = [path for path in sorted((tree / TESTS).rglob("test_*.py")) if any(word in path.stem for word in words)]
    command = [sys.executable, "-m", "pytest", f"{TESTS}/test_edges.py", *map(str, nearest), TESTS]
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_"))}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    try:
        done = subprocess.run(command, cwd=tree, env=env, capture_output=True, timeout=TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return False
    if done.returncode not in (
        0,
        1,
    ):  # 1: tests failed; anything else is no verdict, but a fault that keeps it from loading is one
        return False
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
