"""`make demo`: serve the shop, and walk all its clients from version 1 to 2, and then to 3. Each shown step is checked."""

import json
import os
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


def refusal(*words: str) -> str:
    """Return why a change is refused, empty once it is made."""
    asked = [sys.executable, "manage.py", "canary", *words, "--reason", "demonstration", "--json"]
    done = subprocess.run(asked, cwd=HERE, check=False, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return json.loads(done.stdout).get("error", "")


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
    """A server of the shop, and the controller beside it, with the settings that are in force as they start."""

    def __init__(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.place = f"127.0.0.1:{free.getsockname()[1]}"
        self.processes = [start("runserver", "--noreload", self.place), start("run_canary_controller")]
        until("the server", self.is_up)

    def get(self, path: str, client: str = "client-0") -> tuple[int, str, dict, object]:
        asked = urllib.request.Request(f"http://{self.place}{path}", headers={"X-Client-Id": client})
        try:
            with urllib.request.urlopen(asked, timeout=30) as answer:
                return answer.status, answer.headers["API-Version"], json.load(answer), answer.headers
        except urllib.error.HTTPError as error:
            return error.code, error.headers["API-Version"] or "", json.load(error), error.headers

    def is_up(self) -> bool:
        try:
            return self.get("/api/v2/products")[0] == 200
        except OSError:
            return False

    def clients_on(self, version: str) -> set[str]:
        answers = {client: self.get("/api/products", client) for client in CLIENTS}
        if failed := [client for client, answer in answers.items() if answer[0] != 200]:
            sys.exit(f"WRONG  {failed} got no answer")
        return {client for client, answer in answers.items() if answer[1] == version}

    def stop(self) -> None:
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(30)
        self.processes = []


def ramp(shop: Shop, version: str) -> None:
    before: set[str] = set()
    for percent in (0, 10, 50, 100):
        change("set", str(percent))
        time.sleep(3)  # every process of the site has it within two seconds
        now = shop.clients_on(version)
        told = f"{percent} %: {len(now)} of {len(CLIENTS)} clients are on v{version}, and nobody went back"
        show(told, before <= now)
        before = now
    show(f"at 100 % all of them are on v{version}", len(before) == len(CLIENTS))


def fail(shop: Shop) -> None:
    change("set", "50")
    time.sleep(3)
    FAULT.touch()
    began = time.monotonic()
    until("the rollback", lambda: not shop.clients_on("2") and canary("status")["latched"])  # v1 answers what v2 fails
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
    wake(shop)
    change("lifecycle", "sunset", "--override")
    time.sleep(3)
    status, _, body, _ = shop.get("/api/v1/products/1")
    way = body["equivalent"]["url"]
    show(f"v1 answers {status}, and leads to {way}", status == 410 and way.endswith("/api/v2/products/1"))
    show("the entrance answers by v2", shop.get("/api/products")[1] == "2")


def wake(shop: Shop) -> None:
    window = ("2026-01-01", "2098-01-01")  # it has begun, so it begins now
    change("lifecycle", "brownout", "add", *window, "--consumer", "client:client-1", "--override")
    time.sleep(3)
    sleeper, other = (shop.get("/api/v1/products/1", client) for client in ("client-1", "client-2"))
    is_so = (sleeper[0], sleeper[2].get("consumer"), other[0]) == (410, "client:client-1", 200)
    show(f"a brownout of client-1 alone: v1 answers it {sleeper[0]}, and client-2 {other[0]}", is_so)
    show("on the entrance v2 answers client-1", shop.get("/api/products", "client-1")[1] == "2")
    change("lifecycle", "brownout", "end")
    time.sleep(3)
    show("it is over, and v1 answers client-1", shop.get("/api/v1/products/1", "client-1")[0] == 200)


def statuses(shop: Shop) -> list[int]:
    return [shop.get(f"/api/v{version}/products/1")[0] for version in (1, 2, 3)]


def advance(old: Shop, new: Shop) -> None:
    """Deploy v3 beside a server that does not know it, and begin the next journey once that has ended."""
    for shop in (old, new):
        told = statuses(shop)
        show(f"old and new code: v1, v2 and v3 answer {told}", told == [410, 200, 404])
        show("all clients are on v2", len(shop.clients_on("2")) == len(CLIENTS))
    why = refusal("lifecycle", "advance")
    show(f"it is too early: {why}", "other names" in why)
    old.stop()
    until("the next journey", lambda: not refusal("lifecycle", "advance"))
    time.sleep(3)
    told = statuses(new)
    show(f"v1, v2 and v3 answer {told}, and nobody has moved", told == [404, 200, 200] and not new.clients_on("3"))


def tell(shop: Shop) -> None:
    """Show that the past is told in its own names."""
    first = canary("history", "--limit", "1000")["events"][-1]["at"]
    time.sleep(1)
    past, now = canary("explain", "client:client-0", "--at", first), canary("explain", "client:client-0")
    show(
        f"client-0 was on v{past['api_version']} at first, and is on v{now['api_version']} now", now["api_version"] == 3
    )
    show("the event log is whole", canary("history", "--verify")["chain"]["is_whole"])
    body = shop.get("/api/products/1")[2]
    show(f"v3 answers {body}", body["price"]["currency"] == "EUR")


def main() -> None:
    FAULT.unlink(missing_ok=True)
    manage("migrate", "-v0")
    manage("seed")
    shops = [Shop()]
    try:
        ramp(shops[0], "2")
        fail(shops[0])
        end(shops[0])
        os.environ["SHOP_JOURNEY"] = "2"
        shops.append(Shop())
        advance(*shops)
        ramp(shops[1], "3")
        tell(shops[1])
    finally:
        for shop in shops:
            shop.stop()


if __name__ == "__main__":
    main()
