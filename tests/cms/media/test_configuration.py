"""What `MEDIA_S3_…` may say, and what it may not; the SDK is loaded only where they say something."""

import json
from typing import Any

import pytest

from cms.media.configuration import media_storage
from tests.buckets import Bucket
from tests.servers import manage

WHOLE = {"MEDIA_S3_BUCKET": "media", "MEDIA_S3_ACCESS_KEY_ID": "id", "MEDIA_S3_SECRET_ACCESS_KEY": "hunter2"}


def test_without_a_bucket_files_are_in_the_folder() -> None:
    empty = dict.fromkeys((*WHOLE, "MEDIA_S3_PREFIX", "MEDIA_S3_ENDPOINT_URL", "MEDIA_S3_REGION"), "")
    assert media_storage(empty)["BACKEND"] == "django.core.files.storage.FileSystemStorage"


@pytest.mark.parametrize(
    "changed",
    [
        {"MEDIA_S3_PREFIX": "a/b.c/d-e_f"},
        {"MEDIA_S3_ENDPOINT_URL": "http://[::1]:9000", "MEDIA_S3_REGION": "garage"},
        {"MEDIA_S3_ENDPOINT_URL": "https://storage.example.org/s3/"},
        {"MEDIA_S3_ACCESS_KEY_ID": "", "MEDIA_S3_SECRET_ACCESS_KEY": ""},
    ],
)
def test_what_goes_together(changed: dict[str, str]) -> None:
    assert media_storage(WHOLE | changed)["OPTIONS"]["bucket_name"] == "media"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"MEDIA_S3_BUCKET": ""}, "MEDIA_S3_BUCKET"),
        ({"MEDIA_S3_BUCKET": "Media"}, "MEDIA_S3_BUCKET"),
        ({"MEDIA_S3_BUCKET": "s3://media"}, "MEDIA_S3_BUCKET"),
        ({"MEDIA_S3_SECRET_ACCESS_KEY": ""}, "MEDIA_S3_SECRET_ACCESS_KEY"),
        ({"MEDIA_S3_SECRET_ACCESS_KEY": "hunter2\n"}, "MEDIA_S3_SECRET_ACCESS_KEY"),
        ({"MEDIA_S3_ACCESS_KEY_ID": ""}, "MEDIA_S3_ACCESS_KEY_ID"),
        ({"MEDIA_S3_PREFIX": "/a"}, "MEDIA_S3_PREFIX"),
        ({"MEDIA_S3_PREFIX": "a/"}, "MEDIA_S3_PREFIX"),
        ({"MEDIA_S3_PREFIX": "a/../b"}, "MEDIA_S3_PREFIX"),
        ({"MEDIA_S3_ENDPOINT_URL": "minio:9000"}, "MEDIA_S3_ENDPOINT_URL"),
        ({"MEDIA_S3_ENDPOINT_URL": "http://minio:port"}, "MEDIA_S3_ENDPOINT_URL"),
        ({"MEDIA_S3_ENDPOINT_URL": "https://me:hunter2@minio"}, "MEDIA_S3_ENDPOINT_URL"),
        ({"MEDIA_S3_ENDPOINT_URL": "me:hunter2@minio"}, "MEDIA_S3_ENDPOINT_URL"),
        ({"MEDIA_S3_REGION": "eu central"}, "MEDIA_S3_REGION"),
    ],
)
def test_what_does_not_go_together_ends_the_process_in_a_sentence(changed: dict[str, str], named: str) -> None:
    with pytest.raises(SystemExit) as ended:
        media_storage(WHOLE | changed)
    sentence = str(ended.value.code)
    assert sentence.startswith(f"{named}=")
    assert " is not valid: use " in sentence or "required" in sentence
    assert "hunter2" not in sentence


def test_the_sdk_is_loaded_where_a_bucket_is_used_and_nowhere_else(bucket: Bucket, tmp_path: Any) -> None:
    code = (
        "import json, sys, cms.wsgi; from django.core.files.storage import default_storage as s;"
        "s.exists('media/x'); print(json.dumps('boto3' in sys.modules))"
    )
    env = {"DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}", "SECRET_KEY": "x" * 32}
    loaded = [
        json.loads(manage("shell", "-v0", "-c", code, env=env | more).stdout.splitlines()[-1])
        for more in ({"MEDIA_ROOT": str(tmp_path)}, bucket.env)
    ]
    assert loaded == [False, True]
    half = manage("check", env=env | {"MEDIA_S3_REGION": "eu-central-1"})
    assert (half.returncode, half.stderr.count("\n")) == (1, 1)
