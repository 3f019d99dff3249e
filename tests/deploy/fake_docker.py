"""A `docker` that keeps images, services and nginx's files in a JSON file: what `deploy/compose/upgrade` does to them.

Real containers are `make staging-compose`'s business; here every step of the script can fail.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

STATE = Path(os.environ["FAKE_DOCKER"])


def main(words: list[str]) -> int:
    state = json.loads(STATE.read_text())
    code = perform(state, words)
    STATE.write_text(json.dumps(state))
    return code


def perform(state: dict[str, Any], words: list[str]) -> int:
    tags, services = state["tags"], state["services"]
    match words:
        case ["image", "inspect", "--format", "{{.Id}}", name]:
            print(tags.get(name, ""))
            return 0 if name in tags else 1
        case ["inspect", "--format", "{{.State.Health.Status}} {{.Image}}", service]:
            print("healthy" if services[service]["is_healthy"] else "unhealthy", services[service]["image"])
        case ["tag", source, target]:
            tags[target] = tags.get(source, source)
        case ["compose", "-f", "docker-compose.staging.yml", *rest]:
            return compose(state, rest)
        case _:
            raise SystemExit(f"fake docker: {words}")
    return 0


def compose(state: dict[str, Any], words: list[str]) -> int:
    tags, services, left_out = state["tags"], state["services"], state["left_out"]
    match words:
        case ["ps", "--all", "--quiet", service]:
            print(service)
        case ["build", "web-1"]:
            tags["tandem:staging"] = state["checkout"]
        case ["run", "--rm", "--no-deps", "-T", "migrate"]:
            return int(["migrate", tags["tandem:staging"]] in state["broken"])
        case ["exec", "-T", "nginx", "wget", *_, url]:
            return int(not services[url.split("/")[2].split(":")[0]]["is_healthy"])
        case ["exec", "-T", "nginx", "rm" | "touch" as verb, *_, file]:
            name = file.rpartition("without-")[2]
            state["left_out"] = sorted({*left_out} | {name} if verb == "touch" else {*left_out} - {name})
        case ["up", "--detach", "--no-deps", "--wait", "--wait-timeout", _, *names]:
            return sum(renew(state, name) for name in names)
        case _:
            raise SystemExit(f"fake docker compose: {words}")
    return 0


def renew(state: dict[str, Any], name: str) -> int:
    services, image = state["services"], state["tags"]["tandem:staging"]
    others = [each for each in ("web-1", "web-2") if each != name and each not in state["left_out"]]
    if name.startswith("web-") and not (
        state["left_out"] == [name] and all(services[each]["is_healthy"] for each in others)
    ):
        state["outages"].append(name)
    services[name] = {"image": image, "is_healthy": [name, image] not in state["broken"]}
    return int(not services[name]["is_healthy"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
