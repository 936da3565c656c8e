"""A bucket of an object store that speaks S3: the files of an attempt below its name.

The manifest is written last of them, and `current`, which names the attempt, after that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common.digests import file_sha256
from common.settings.destinations import Destination
from pipelines.domain.errors import FailureCode, StepFailed
from pipelines.steps.publish.folder import POINTER, refuse_doubles

_DIGEST = "sha256"
"""Metadata of an object: how it is recognised again."""


class Bucket:
    """The bucket of a destination. Methods raise StepFailed."""

    def __init__(self, destination: Destination) -> None:
        bucket, _, prefix = str(destination.s3).partition("/")
        self._bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self._where = f"s3://{destination.s3}"
        self._client = _client(destination)

    def publish(self, files: Sequence[Path], attempt: str) -> Sequence[str]:
        """Upload files below the name of an attempt; returns those that were not there, in order.

        Raises StepFailed (BAD_REQUEST) if one is there with other bytes; NETWORK, COMMAND_FAILED.
        """
        refuse_doubles(files)
        added = []
        with self._explained():
            for path in files:
                key = f"{self._prefix}{attempt}/{path.name}"
                digest = file_sha256(path)
                if self._is_there(key, digest):
                    continue
                self._upload(path, key, digest)
                added.append(path.name)
            if added or self._was_interrupted(f"{self._prefix}{attempt}/{files[-1].name}"):
                self.point_to(attempt)
        return added

    def point_to(self, attempt: str) -> str:
        """Let the pointer name this attempt; returns what it named before, "" for nothing."""
        key = f"{self._prefix}{POINTER}"
        with self._explained():
            found = self._head(key)
            before = ""
            if found is not None:
                body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
                before = body.read().decode("utf-8", "replace").strip()
            if before != attempt:
                self._client.put_object(
                    Bucket=self._bucket, Key=key, Body=f"{attempt}\n".encode(),
                    ContentType="text/plain", CacheControl="no-cache",
                )  # fmt: skip
        return before

    def _is_there(self, key: str, digest: str) -> bool:
        found = self._head(key)
        if found is None:
            return False
        there = found["Metadata"].get(_DIGEST, "unknown")
        if there != digest:
            raise StepFailed(
                FailureCode.BAD_REQUEST,
                f"s3://{self._bucket}/{key} has other bytes: SHA-256 {there} there, {digest} here."
                " Remove it, or build the job again.",
            )
        return True

    def _upload(self, path: Path, key: str, digest: str) -> None:
        """In parts if it is large; the store compares each with its checksum."""
        self._client.upload_file(
            str(path),
            self._bucket,
            key,
            ExtraArgs={"Metadata": {_DIGEST: digest}, "ChecksumAlgorithm": "SHA256"},
        )

    def _was_interrupted(self, last: str) -> bool:
        """Whether a publication was killed before it moved the pointer."""
        pointer, manifest = self._head(f"{self._prefix}{POINTER}"), self._head(last)
        if pointer is None or manifest is None:
            return True
        return bool(pointer["LastModified"] < manifest["LastModified"])

    def _head(self, key: str) -> Mapping[str, Any] | None:
        from botocore.exceptions import ClientError  # noqa: PLC0415 - takes a while

        try:
            found: Mapping[str, Any] = self._client.head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:  # noqa: PLR2004
                return None
            raise
        return found

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Errors of the library as one line."""
        from boto3.exceptions import Boto3Error  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            yield
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            message = f"cannot publish to {self._where}: {code}: {_one_line(error)}"
            raise StepFailed(FailureCode.COMMAND_FAILED, message) from error
        except (BotoCoreError, Boto3Error) as error:
            message = f"cannot publish to {self._where}: {_one_line(error)}"
            raise StepFailed(FailureCode.NETWORK, message, retryable=True) from error


def _client(destination: Destination) -> Any:
    try:
        import boto3  # noqa: PLC0415 - only for those who publish there
        from botocore.config import Config  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ImportError as error:
        message = "boto3 is not installed. Run scripts/setup."
        raise StepFailed(FailureCode.TOOL_MISSING, message) from error
    try:
        session = boto3.session.Session(profile_name=destination.profile)
        return session.client(
            "s3",
            endpoint_url=destination.endpoint,
            region_name=session.region_name or "us-east-1",
            config=Config(connect_timeout=15, retries={"max_attempts": 3, "mode": "standard"}),
        )
    except (BotoCoreError, ValueError) as error:
        message = f"cannot use s3://{destination.s3}: {_one_line(error)}"
        raise StepFailed(FailureCode.BAD_REQUEST, message) from error


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
