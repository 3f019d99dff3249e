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


def test_the_upgrade_leaves_a_web_process_out_by_a_file_that_nginx_looks_for() -> None:
    looked_for = set(
        re.findall(r"-f (/run/tandem/without-web-\d)", (ROOT / "deploy/nginx/tandem/server.conf").read_text())
    )
    script = (ROOT / "deploy/systemd/upgrade").read_text()
    assert {file[:-1] for file in looked_for} == {"/run/tandem/without-web-"}
    assert 'touch "/run/tandem/without-web-$1"' in script
    site = (ROOT / "deploy/nginx/vps/tandem.conf").read_text()
    assert dict(re.findall(r"upstream only-web-(\d) { server 127.0.0.1:800(\d); }", site)) == {"1": "1", "2": "2"}
