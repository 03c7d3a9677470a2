"""What the client of S3 raises, in our words: worth another try, or for a person to see."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Final

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from exportapp.exceptions import StorageRefused, StorageUnavailable

NOT_NOW: Final = frozenset(
    {
        "BadDigest",  # bytes were changed on their way
        "IncompleteBody",
        "InternalError",
        "OperationAborted",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "TooManyRequests",
    }
)
"""Source: Amazon S3 API Reference, "List of error codes"; what is 5xx or 429 counts as well."""

GONE: Final = frozenset({"404", "NoSuchKey", "NoSuchUpload", "NotFound"})
"""Of an object or an upload. A bucket that is missing is for a person to see."""


class NotThere(Exception):
    """No such object, or no such upload (any more)."""


@contextlib.contextmanager
def in_our_words(what: str) -> Iterator[None]:
    """Raises StorageUnavailable, StorageRefused and NotThere for errors of botocore.

    `what` says what was tried, for the message.
    """
    try:
        yield
    except ClientError as error:
        told = error.response.get("Error", {})
        code = str(told.get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in GONE:
            raise NotThere(what) from error
        said = f"{what}: {told.get('Message') or code} ({code}, HTTP {status})"
        if status >= 500 or status == 429 or code in NOT_NOW:
            raise StorageUnavailable(said) from error
        raise StorageRefused(said) from error
    except HTTPClientError as error:
        # No connection, a time-out, one that broke.
        raise StorageUnavailable(f"{what}: {error}") from error
    except BotoCoreError as error:
        # No credentials, no region, a parameter that S3 does not know.
        raise StorageRefused(f"{what}: {error}") from error
