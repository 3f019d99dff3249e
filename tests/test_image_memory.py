"""What a process of the image keeps of memory that it needed for a moment only."""

import os
import re
import subprocess
import sys

import pytest

from tests.servers import ROOT


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_a_worker_of_the_image_keeps_the_memory_of_few_hashes_whichever_of_its_threads_made_them() -> None:
    [given] = re.findall(r"^ENV (.* MALLOC_ARENA_MAX=.*)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    hashes = """
import sys, threading
from argon2.low_level import Type, hash_secret_raw
mb = lambda: int(open("/proc/self/statm").read().split()[1]) / 256
turns, done, before = [threading.Semaphore(0) for _ in range(8)], threading.Semaphore(0), mb()
def work(turn):
    turn.acquire()
    hash_secret_raw(b"password", b"0123456789abcdef", 2, 19 * 1024, 1, 32, Type.ID)
    done.release()
for turn in turns:
    threading.Thread(target=work, args=(turn,)).start()
for turn in turns:
    turn.release()
    done.acquire()
print(mb() - before)
"""
    kept: dict[str, float] = {}
    for name, environment in {"image": dict(pair.split("=", 1) for pair in given.split()), "bare": {}}.items():
        own = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
        env = {**own, **environment, "PATH": os.environ["PATH"]}
        done = subprocess.run([sys.executable, "-c", hashes], env=env, capture_output=True, text=True, check=True)
        kept[name] = float(done.stdout)
    assert kept["image"] < 3 * 19 + 5 < kept["bare"]


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_hashes_that_are_asked_for_at_once_are_kept_as_few() -> None:
    hashes = """
import threading
import django.conf
django.conf.settings.configure()
from cms.hashers import OwaspArgon2PasswordHasher
hasher, start = OwaspArgon2PasswordHasher(), threading.Barrier(8)
mb = lambda: int(open("/proc/self/statm").read().split()[1]) / 256
hasher.encode("password", "0123456789abcdef")
before = mb()
def work():
    for turn in range(5):
        start.wait()
        assert hasher.verify("password", hasher.encode("password", "0123456789abcdef"))
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
most = before
while any(thread.is_alive() for thread in threads):
    most = max(most, mb())
print(most - before)
"""
    own = {key: value for key, value in os.environ.items() if not key.startswith("MALLOC_")}
    command = [sys.executable, "-c", hashes]
    done = subprocess.run(
        command, cwd=ROOT, env={**own, "MALLOC_ARENA_MAX": "2"}, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2 * 19 + 5
