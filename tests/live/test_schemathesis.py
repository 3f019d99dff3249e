"""schemathesis over the document that the server gives out, in every role: each answer is one that the document describes.

It follows the links between operations, and sends what the document allows and what it doesn't. Never a 5xx, an undocumented
status, type or header, a body or header that violates its schema, or an acceptance of what the schema forbids.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.live.site import BASE, PASSWORD, Site, running_site, unique
from tests.servers import ROOT

ROLES = ["anonymous", "subscriber", "author", "editor", "admin"]
CASES = re.compile(r"Test cases:\n\s+([\d,]+) generated")
LINKS = re.compile(r"API Links:\s+(\d+) covered")
WRITERS = ("author", "editor", "admin")
# A role that signs itself out would see nothing but 401 from then on; the anonymous one tries these too.
SIGNING_OUT = ("log_out", "end_session", "delete_user", "suspend_user", "set_user_role")
CONFIG = """
seed = {seed}
continue-on-failure = true
suppress-health-check = ["all"]
warnings = false
hooks = "{hooks}"

[generation]
database = "none"
with-security-parameters = false

[checks]
enabled = false
not_a_server_error.enabled = true
status_code_conformance.enabled = true
content_type_conformance.enabled = true
response_headers_conformance.enabled = true
response_schema_conformance.enabled = true
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429]
unsupported_method.enabled = true
allow_header_conformance.enabled = true

[phases.examples]
enabled = {is_long}

[phases.coverage]
enabled = {is_long}

[phases.fuzzing.generation]
max-examples = {examples}

[phases.stateful]
max-steps = 20

# What the document forbids is sent by the phase before; from here only what leads on.
[phases.stateful.generation]
mode = "positive"
max-examples = {scenarios}

# In multipart/form-data everything is a text, whatever type it is meant to be of.
[[operations]]
include-operation-id = "upload_media"
checks.negative_data_rejection.enabled = false
"""


@pytest.fixture(scope="module")
def site(template_of: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site of its own, without any limit: what is written here is nothing that another test should meet."""
    limits = (
        f"RATE_LIMIT_{name}"
        for name in ("ANONYMOUS", "CREDENTIAL", "LOGIN", "REGISTER", "MAIL", "COMMENTS", "OWN_CHANGES")
    )
    with running_site(template_of("postgresql"), tmp_path_factory.mktemp("schemathesis"), *limits) as site:
        yield site


def token_of(site: Site, role: str) -> str:
    """Of a new account with this role: in the story of another role the old ones may have come to an end."""
    user = site.register(unique(f"fuzzing_{role}"))
    site.database.execute("UPDATE cms_user SET role = %s WHERE id = %s", [role, user["id"]])
    answer = site.anonymous.post("/auth/token", json={"email": user["email"], "password": PASSWORD})
    return str(answer.raise_for_status().json()["access_token"])


def cases_run(site: Site, role: str, folder: Path, **numbers: object) -> int:
    """How many cases schemathesis has made up, all of them answered as the document says."""
    hooks = ROOT / "tests" / "live" / "schemathesis_hooks.py"
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG.format(hooks=hooks, **numbers))
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", config, "--no-color", "run"]
    command += [f"{site.server.base_url}{BASE}/openapi.json"]
    token = "" if role == "anonymous" else token_of(site, role)
    if token:
        command += ["--header", f"Authorization: Bearer {token}"]
        command += [part for name in SIGNING_OUT for part in ("--exclude-operation-id", name)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    if token:
        me = site.anonymous.get("/me", headers={"Authorization": f"Bearer {token}"})
        assert me.status_code == 200, "the credential came to an end on the way"
    assert "Traceback" not in site.server.log
    found, links = CASES.search(done.stdout), LINKS.search(done.stdout)
    assert found, done.stdout
    assert role not in WRITERS or (links and int(links[1]) > 0), (
        "no operation was called with what another had answered"
    )
    return int(found[1].replace(",", ""))


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_answer_is_one_that_the_document_describes(site: Site, role: str, tmp_path: Path) -> None:
    """The same cases in every run, 60 at least for each of the five roles."""
    numbers = {"seed": 20_261_125, "is_long": "false", "examples": 1, "scenarios": 8}
    assert cases_run(site, role, tmp_path, **numbers) >= 60


@pytest.mark.soak
@pytest.mark.parametrize("role", ROLES)
def test_thousands_of_answers_are_what_the_document_describes(site: Site, role: str, tmp_path: Path) -> None:
    seed = int.from_bytes(os.urandom(4))
    print(f"seed = {seed}")
    numbers = {"seed": seed, "is_long": "true", "examples": 5, "scenarios": 60}
    assert cases_run(site, role, tmp_path, **numbers) >= 2_000
