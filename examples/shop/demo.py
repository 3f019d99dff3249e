"""`make demo`: serve the shop, and walk all its clients from version 1 to version 2. It checks each step that it shows."""

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLIENTS = [f"client-{number}" for number in range(40)]
WAIT_S = 120
FAULT = HERE / "break-v2"


def manage(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=HERE, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def canary(*words: str) -> dict:
    return json.loads(manage("canary", *words, "--json"))


def change(*words: str) -> dict:
    return canary(*words, "--reason", "demonstration")


def start(*words: str) -> subprocess.Popen:
    with (HERE / "demo.log").open("a") as log:
        return subprocess.Popen([sys.executable, "manage.py", *words], cwd=HERE, stdout=log, stderr=log)


def until(what: str, holds) -> None:
    deadline = time.monotonic() + WAIT_S
    while not holds():
        if time.monotonic() > deadline:
            sys.exit(f"{what}: not within {WAIT_S} s; see demo.log.")
        time.sleep(0.5)


def show(text: str, is_so: bool) -> None:
    print(f"{'ok   ' if is_so else 'WRONG'}  {text}", flush=True)
    if not is_so:
        sys.exit(1)


class Shop:
    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"

    def get(self, path: str, client: str = "client-0") -> tuple[int, str, dict, object]:
        asked = urllib.request.Request(self.address + path, headers={"X-Client-Id": client})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.headers["API-Version"], json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers["API-Version"] or "", json.load(error), error.headers

    def is_up(self) -> bool:
        try:
            return self.get("/api/v1/products")[0] == 200
        except OSError:
            return False

    def on_v2(self) -> set[str]:
        answers = {client: self.get("/api/products", client) for client in CLIENTS}
        if failed := [client for client, answer in answers.items() if answer[0] != 200]:
            sys.exit(f"WRONG  {failed} got no answer")
        return {client for client, answer in answers.items() if answer[1] == "2"}


def ramp(shop: Shop) -> None:
    before: set[str] = set()
    for percent in (0, 10, 50, 100):
        change("set", str(percent))
        time.sleep(3)  # every process of the site has it within two seconds
        now = shop.on_v2()
        show(f"{percent} %: {len(now)} of {len(CLIENTS)} clients are on v2, and nobody went back", before <= now)
        before = now
    show("at 100 % all of them are", len(before) == len(CLIENTS))


def fail(shop: Shop) -> None:
    change("set", "50")
    time.sleep(3)
    FAULT.touch()
    began = time.monotonic()
    until("the rollback", lambda: not shop.on_v2() and canary("status")["latched"])  # v1 answers what v2 fails
    FAULT.unlink()
    last = canary("history")["events"][0]
    show(f"rolled back after {time.monotonic() - began:.0f} s, and no client saw an error", last["verb"] == "rollback")
    print(f"       {last['reason']}")
    change("ack")


def end(shop: Shop) -> None:
    change("lifecycle", "deprecate", "--sunset", "2099-01-01", "--override")
    time.sleep(3)
    status, _, _, headers = shop.get("/api/v1/products/1")
    show(f"v1 announces its end: Sunset: {headers['Sunset']}", status == 200 and bool(headers["Deprecation"]))
    change("lifecycle", "sunset", "--override")
    time.sleep(3)
    status, _, body, _ = shop.get("/api/v1/products/1")
    way = body["equivalent"]["url"]
    show(f"v1 answers {status}, and leads to {way}", status == 410 and way.endswith("/api/v2/products/1"))
    show("the entrance answers by v2", shop.get("/api/products")[1] == "2")


def main() -> None:
    FAULT.unlink(missing_ok=True)
    manage("migrate", "-v0")
    manage("seed")
    shop = Shop()
    processes = [start("runserver", "--noreload", shop.address.removeprefix("http://")), start("run_canary_controller")]
    try:
        until("the server", shop.is_up)
        ramp(shop)
        fail(shop)
        end(shop)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


if __name__ == "__main__":
    main()
