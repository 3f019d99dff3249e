"""Media in a bucket, by django-storages: one client a process, reads that stream, and faults as of a file system.

`settings.STORAGES` names it when a bucket is configured. Nothing else imports it, because the SDK costs 24 MB a process
(ADR 20).
"""

import errno
import io
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, wraps
from threading import BoundedSemaphore, Lock
from typing import Any, Final, NoReturn

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError, NoCredentialsError
from botocore.response import StreamingBody
from django.conf import settings
from django.core.files import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from cms import limits
from cms.costs.turns import Credit
from cms.media.outages import MediaUnavailable

logger = logging.getLogger(__name__)
CHUNK_BYTES: Final = 64 * 1024
PLACE_S: Final = 0.25
"""So long a thread waits where half of all threads are asking a storage, however long that lasts."""
PATIENCE_S: Final = 2.0
"""So long it waits in a burst, such as that of a page with many pictures."""
BURST_S: Final = 30.0
"""Seconds beyond PLACE_S that all threads together wait in a burst. They come back slowly."""
_NOT_FOUND: Final = ("NoSuchKey", "404")  # a HEAD has no body to name the first
_CLIENT: Final = Config(
    connect_timeout=2,
    read_timeout=10,
    # The second attempt is for connections that the other side has closed while they were idle.
    retries={"mode": "standard", "total_max_attempts": 2},
    max_pool_connections=50,
    # A hash of the body in the signature is understood everywhere, the newer checksums in trailers are not.
    s3={"payload_signing_enabled": True},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
# One request a file: parts would have to be swept up after one that fails.
_TRANSFER: Final = TransferConfig(multipart_threshold=limits.DOCUMENT_BYTES_MAX + 1, use_threads=False)


@cache
def _connected(endpoint_url: str | None, region_name: str | None, key_id: str | None, secret: str | None) -> Any:
    """Return the one client for all threads of the process: one for each thread would take 13 MB and 70 ms."""
    session = boto3.Session(aws_access_key_id=key_id, aws_secret_access_key=secret)
    if session.get_credentials() is None:  # a client without any would stay so when the machine has got its role
        raise NoCredentialsError
    return session.resource("s3", endpoint_url=endpoint_url, region_name=region_name, config=_CLIENT)


def _asking(method: Callable[..., Any]) -> Any:
    @wraps(method)
    def ask(self: "BucketStorage", name: str, *arguments: Any, **named: Any) -> Any:
        with self._asked_for(name), self._place(name):
            return method(self, name, *arguments, **named)

    return ask


class BucketStorage(S3Storage):  # type: ignore[misc]
    """A bucket as Django's storage. Names are never in use already: each caller gives a file a name of its own."""

    def __init__(self, **options: Any) -> None:
        super().__init__(client_config=_CLIENT, transfer_config=_TRANSFER, **options)
        self._is_away = False
        self._trial = Lock()
        self._places = BoundedSemaphore(max(1, settings.WEB_THREADS // 2))
        self._burst = Credit(BURST_S)

    @property
    def connection(self) -> Any:
        return _connected(self.endpoint_url, self.region_name, self.access_key, self.secret_key)

    def _open(self, name: str, mode: str = "rb") -> "File[bytes]":
        if mode != "rb":
            raise ValueError("Files in a bucket are opened to be read.")
        key = self._normalize_name(clean_name(name))
        with self._asked_for(name), ExitStack() as place:
            place.enter_context(self._place(name))
            found = self.connection.meta.client.get_object(Bucket=self.bucket_name, Key=key)
            body = _Body(found["Body"], name, place.pop_all())
        file = File(io.BufferedReader(body, CHUNK_BYTES), name)
        file.size = found["ContentLength"]
        return file

    _save = _asking(S3Storage._save)
    delete = _asking(S3Storage.delete)
    exists = _asking(S3Storage.exists)
    listdir = _asking(S3Storage.listdir)
    size = _asking(S3Storage.size)
    get_modified_time = _asking(S3Storage.get_modified_time)

    def url(self, name: str | None, *arguments: Any, **named: Any) -> NoReturn:
        raise ValueError("Media have no address of their own: who may see a file is asked each time.")

    @contextmanager
    def _asked_for(self, name: str) -> Iterator[None]:
        """Ask the storage. While it is away, one thread at a time waits for it and all others are refused at once."""
        is_trial = self._is_away
        if is_trial and not self._trial.acquire(blocking=False):
            raise MediaUnavailable("can't be reached", name)
        try:
            with _file_errors(name):
                yield
            self._is_away = False
        except OSError as error:
            if error.__cause__:
                self._is_away = isinstance(error.__cause__, ConnectionError | HTTPClientError)
            raise
        finally:
            if is_trial:
                self._trial.release()

    @contextmanager
    def _place(self, name: str) -> Iterator[None]:
        """Half of the threads ask the storage or read from it. Other requests have the rest while it is slow."""
        began_s = time.monotonic()
        is_taken = self._places.acquire(timeout=min(PATIENCE_S, PLACE_S + self._burst.left_at(began_s)))
        self._burst.spend(max(0.0, time.monotonic() - began_s - PLACE_S))
        if not is_taken:
            raise MediaUnavailable("is slow, and half of all threads wait for it", name)
        try:
            yield
        finally:
            self._places.release()


class _Body(io.RawIOBase):
    """The bytes of a file. It keeps its place until it is closed."""

    def __init__(self, body: StreamingBody, name: str, place: ExitStack) -> None:
        self._body, self._name, self._place = body, name, place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _file_errors(self._name):
            data = self._body.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        with self._place:
            self._body.close()
            super().close()


@contextmanager
def _file_errors(name: str) -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NOT_FOUND:
            raise FileNotFoundError(errno.ENOENT, "no such file in the bucket", name) from error
        logger.error("The object storage failed: %s", error)
        raise MediaUnavailable(str(error), name) from error
