"""An object storage for tests: moto's server as a process of its own, which checks signatures and policies.

Its user may do what docs/operations.md says that Tandem needs, and no more.
"""

import json
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from cms.media.configuration import media_storage
from tests.servers import HOST, ROOT, clean_environment, free_port, spawn, stop_process

REGION, PREFIX = "eu-central-1", "site/files"
START_TIMEOUT_S = 60
# What makes the user comes before the server looks at who asks.
UNCHECKED = {"INITIAL_NO_AUTH_ACTION_COUNT": "4"}


@dataclass(frozen=True)
class Folder:
    """Media as files, to be looked at as those of a Bucket."""

    root: Path

    @property
    def env(self) -> dict[str, str]:
        return {"MEDIA_ROOT": str(self.root)}

    def names(self) -> list[str]:
        return sorted(path.relative_to(self.root).as_posix() for path in self.root.rglob("*") if path.is_file())

    def read(self, name: str) -> bytes:
        return (self.root / name).read_bytes()

    def write(self, name: str, content: bytes) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_bytes(content)

    def delete(self, name: str) -> None:
        (self.root / name).unlink()


@dataclass(frozen=True)
class Bucket:
    """A new one for each test, with the storage's settings for it."""

    store: "ObjectStore"
    name: str

    @property
    def env(self) -> dict[str, str]:
        return {
            "MEDIA_S3_BUCKET": self.name,
            "MEDIA_S3_PREFIX": PREFIX,
            "MEDIA_S3_ENDPOINT_URL": self.store.url,
            "MEDIA_S3_REGION": REGION,
            "MEDIA_S3_ACCESS_KEY_ID": self.store.keys["tandem"][0],
            "MEDIA_S3_SECRET_ACCESS_KEY": self.store.keys["tandem"][1],
        }

    def settings(self, **changed: str) -> dict[str, Any]:
        """What `cms/settings.py` makes of `env`."""
        given = self.env | changed
        return {
            "MEDIA_S3": given,
            "STORAGES": {
                "default": media_storage(given),
                "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
            },
        }

    def names(self) -> list[str]:
        """Of the files below the prefix; nothing may be beside it."""
        keys = [row["Key"] for row in self._rows()]
        assert all(key.startswith(f"{PREFIX}/") for key in keys)
        return sorted(key.removeprefix(f"{PREFIX}/") for key in keys)

    def read(self, name: str) -> bytes:
        content: bytes = self.store.client.get_object(Bucket=self.name, Key=f"{PREFIX}/{name}")["Body"].read()
        return content

    def write(self, name: str, content: bytes) -> None:
        self.store.client.put_object(Bucket=self.name, Key=f"{PREFIX}/{name}", Body=content)

    def delete(self, name: str) -> None:
        self.store.client.delete_object(Bucket=self.name, Key=f"{PREFIX}/{name}")

    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.store.client.list_objects_v2(Bucket=self.name).get("Contents", [])
        return rows


@dataclass
class ObjectStore:
    url: str
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    """The ids and secrets of its users: `tandem`, and `owner`, who may do everything."""

    @cached_property
    def client(self) -> Any:
        return self._client("s3", *self.keys["owner"])

    def new_bucket(self) -> Bucket:
        bucket = Bucket(self, f"test-{secrets.token_hex(8)}")
        self.client.create_bucket(Bucket=bucket.name, CreateBucketConfiguration={"LocationConstraint": REGION})
        return bucket

    def make_users(self) -> None:
        iam = self._client("iam", "nobody", "nothing")
        iam.create_user(UserName="owner")
        self.keys["owner"] = _key(iam.create_access_key(UserName="owner"))
        iam.put_user_policy(UserName="owner", PolicyName="all", PolicyDocument=_policy_of(["*"], "*"))
        iam.create_user(UserName="tandem")  # the last that nobody asks for credentials
        iam = self._client("iam", *self.keys["owner"])
        self.keys["tandem"] = _key(iam.create_access_key(UserName="tandem"))
        document = documented_policy().replace("NAME", "test-*")
        iam.put_user_policy(UserName="tandem", PolicyName="media", PolicyDocument=document)

    def _client(self, service: str, key_id: str, secret: str) -> Any:
        import boto3  # noqa: PLC0415 - no other test pays for it

        keys = {"aws_access_key_id": key_id, "aws_secret_access_key": secret}
        return boto3.client(service, endpoint_url=self.url, region_name=REGION, **keys)


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(port)]
    with tempfile.TemporaryDirectory(prefix="tandem-bucket-") as folder:
        log = Path(folder) / "log"
        process = spawn(command, log=log, cwd=ROOT, env=clean_environment(UNCHECKED))
        try:
            store = ObjectStore(f"http://{HOST}:{port}")
            deadline = time.monotonic() + START_TIMEOUT_S
            while not _answers(store.url):
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, log.read_text()
                time.sleep(0.02)
            store.make_users()
            yield store
        finally:
            stop_process(process)


def documented_policy() -> str:
    text = (ROOT / "docs/operations.md").read_text()
    [policy] = re.findall(r"```json\n(\{.*?\"s3:.*?\})\n```", text, re.DOTALL)
    return str(policy)


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/moto-api/").status_code < 500
    except httpx.TransportError:
        return False


def _key(answer: dict[str, Any]) -> tuple[str, str]:
    return answer["AccessKey"]["AccessKeyId"], answer["AccessKey"]["SecretAccessKey"]


def _policy_of(actions: list[str], resource: str) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
