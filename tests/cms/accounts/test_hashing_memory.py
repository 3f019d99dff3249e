"""What a process keeps of the memory that passwords' hashes take."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.servers import HEAP, ROOT, clean_environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
HASH_MB = 19
SPARE_MB = 5
# Eight threads hash by turns, or at once, and of what each does beside it a little stays for some time.
PROGRAM = """
import sys, threading, time
import django.conf
django.conf.settings.configure(WEB_THREADS=8)
from argon2.low_level import Type, hash_secret_raw
from cms.accounts.hashers import OwaspArgon2PasswordHasher

def by_hand():
    hash_secret_raw(b"password", b"0123456789abcdef", 2, 19 * 1024, 1, 32, Type.ID)

def by_the_hasher():
    hasher = OwaspArgon2PasswordHasher()
    assert hasher.verify("password", hasher.encode("password", "0123456789abcdef"))

how, is_at_once = {"by hand": by_hand, "by the hasher": by_the_hasher}[sys.argv[1]], sys.argv[2] == "at once"
mb = lambda: int(open("/proc/self/statm").read().split()[1]) / 256
at_once, turn, kept, before = threading.Barrier(8), threading.Lock(), [], mb()

def work():
    for _ in range(10):
        if is_at_once:
            at_once.wait()
            how()
        else:
            with turn:
                how()
                kept.append(bytearray(40_000))
                if len(kept) > 20:
                    del kept[::2]

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
most = before
while any(thread.is_alive() for thread in threads):
    most = max(most, mb())
    time.sleep(0.001)
print(most - before, mb() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at once", "by turns"])
def test_a_process_keeps_the_memory_of_one_hash_whoever_asks_for_them(when: str) -> None:
    most, kept = mb("by the hasher", when)
    assert most < HASH_MB + SPARE_MB
    assert kept > HASH_MB


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at once", "by turns"])
def test_allocating_as_in_the_image_it_gives_that_back(when: str) -> None:
    most, kept = mb("by the hasher", when, HEAP)
    assert most < HASH_MB + SPARE_MB
    assert kept < SPARE_MB


@pytest.mark.slow
@pytest.mark.parametrize("when", ["at once", "by turns"])
def test_left_to_glibc_it_keeps_several(when: str) -> None:
    """Else the thread of the hashes is there for nothing."""
    most, _ = mb("by hand", when)
    assert most > 3 * HASH_MB


def mb(how: str, when: str, env: Mapping[str, str] = {}) -> tuple[float, float]:
    """By how much more a process had than before, at most and at the end."""
    command = [sys.executable, "-c", PROGRAM, how, when]
    done = subprocess.run(command, cwd=ROOT, env=clean_environment(env), capture_output=True, text=True, check=True)
    most, kept = map(float, done.stdout.split())
    return most, kept
