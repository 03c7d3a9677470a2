"""The signature of a webhook, as receivers know it from elsewhere.

Source: Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec), "Signature
scheme": `v1,` and the base64 of HMAC-SHA256 over "id.timestamp.body", in a header with one of
these for each secret while one takes the place of another.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
"""What stands behind it is base64 of the key."""

SHORTEST: Final = 24
"""Bytes of a key: the convention says 24 to 64."""


def key_of(secret: str) -> bytes:
    """The bytes of a secret: decoded behind "whsec_", else the text itself in UTF-8.

    Raises ValueError for what is too short to keep anything out.
    """
    key = secret.encode()
    if secret.startswith(PREFIX):
        try:
            key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except ValueError as error:
            raise ValueError(f"behind {PREFIX} stands no base64") from error
    if len(key) < SHORTEST:
        raise ValueError(f"it has {len(key)} bytes; give {SHORTEST} or more")
    return key


def headers(secrets: Sequence[str], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """`timestamp` is that of this try, in seconds since 1970: receivers refuse an old one."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(key_of(secret), signed, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }
