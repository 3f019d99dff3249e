"""The Dockerfile and the proxy's configuration pass their own tools."""

import re
from pathlib import Path

from tests.deploy.tools import ROOT, SERVICES, run


def test_hadolint_finds_nothing_in_the_dockerfile_and_something_in_a_bad_one(tmp_path: Path) -> None:
    done = run("hadolint", ROOT / "Dockerfile")
    assert (done.returncode, done.stdout) == (0, "")
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN apt-get install python3\nMAINTAINER me\n")
    assert run("hadolint", bad).returncode == 1


def test_the_image_holds_every_package_and_runs_as_an_ordinary_user() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert set(re.findall(r"^COPY (\w+) \1$", text, re.MULTILINE)) == {"cms", "api_v1", "api_v2", "canary"}
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE)[-1] == SERVICES["web-1"]["user"]
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert allowed == {"requirements.txt", "manage.py", "cms", "api_v1", "api_v2", "canary"}


def test_nginx_takes_its_configuration(tmp_path: Path) -> None:
    site = re.sub(r"web-\d:8000", "127.0.0.1:8001", (ROOT / "deploy/nginx/staging.conf").read_text())
    (tmp_path / "site.conf").write_text(
        site.replace("/dev/stdout", f"{tmp_path}/access.log").replace("conf.d/", f"{ROOT}/deploy/nginx/")
    )
    main = f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(main)
    done = run("nginx", "-t", "-p", tmp_path, "-e", tmp_path / "log", "-c", tmp_path / "nginx.conf")
    assert done.returncode == 0, done.stderr
