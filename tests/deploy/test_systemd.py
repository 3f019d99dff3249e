"""The units of deploy/systemd/ start what the image starts, behind a proxy that buffers."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
UNIT = (ROOT / "deploy/systemd/tandem-web@.service").read_text()
IMAGE = (ROOT / "Dockerfile").read_text()


def without_address(words: list[str]) -> list[str]:
    place = words.index("--bind")
    return words[words.index("gunicorn") : place] + words[place + 2 :]


def test_the_web_unit_starts_what_the_image_starts() -> None:
    of_unit = re.search(r"^ExecStart=(.+)$", UNIT, re.MULTILINE)
    of_image = re.search(r"^CMD (\[.+\])$", IMAGE, re.MULTILINE)
    assert of_unit
    assert of_image
    assert without_address(of_unit[1].split()) == without_address(json.loads(of_image[1]))
    assert "--bind 127.0.0.1:%i" in of_unit[1]


def test_the_web_unit_has_the_allocator_of_the_image() -> None:
    of_unit, of_image = (re.search(r"GLIBC_TUNABLES=(\S+)", text) for text in (UNIT, IMAGE))
    assert of_unit
    assert of_image
    assert of_unit[1] == of_image[1]


def test_the_proxy_buffers_and_drops_no_file_that_the_application_takes() -> None:
    proxy = (ROOT / "deploy/caddy/Caddyfile").read_text()
    assert {"buffer_requests", "buffer_responses", "max_size 64MiB", "respond @metrics 404"} <= {
        line.strip() for line in proxy.splitlines()
    }
