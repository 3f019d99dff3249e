"""The web server of `make run`, and beside it a worker and the canary's controller: one Ctrl-C ends all of them.

`python -m scripts.serving PORT COMMAND…` runs COMMAND, and the others once something listens on PORT: they cost the
web server nothing of its start. When one of them ends, all end.
"""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence

BESIDE = ("run_worker", "run_canary_controller")
LOOK_EVERY_S = 0.2
END_WITHIN_S = 15


def main(port: int, web: Sequence[str]) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    running = [subprocess.Popen(web)]
    try:
        while all(process.poll() is None for process in running):
            if len(running) == 1 and _is_listening(port):
                running += [subprocess.Popen([sys.executable, "manage.py", name]) for name in BESIDE]
            time.sleep(LOOK_EVERY_S)
        first = next(process for process in running if process.poll() is not None)
        print(f"{' '.join(map(str, first.args))} has ended; all others end with it.", file=sys.stderr)  # type: ignore[arg-type]
        return first.returncode or 1
    except _Stopped:
        return 0
    finally:
        _end(running)


class _Stopped(BaseException):
    """Somebody pressed Ctrl-C, or sent SIGTERM."""


def _stop(number: int, frame: object) -> None:
    for other in (signal.SIGINT, signal.SIGTERM):
        signal.signal(other, signal.SIG_IGN)
    raise _Stopped


def _is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=LOOK_EVERY_S):
        return True
    return False


def _end(running: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in running:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
