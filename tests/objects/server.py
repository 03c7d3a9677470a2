"""A real S3 server on the loopback: moto's, and before it what moto does not look at.

`Gate` holds MD5 headers against bodies and checks the signature and the age of signed URLs, with
botocore's own signer; it counts requests, and refuses those that a test tells it to.
"""

from __future__ import annotations

import base64
import hashlib
import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode
from xml.sax.saxutils import escape

import boto3
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.moto_server.werkzeug_app import create_backend_app
from moto.s3 import models
from werkzeug.serving import make_server

BUCKET = "exports"
KEY, SECRET, REGION = "somebody", "only-for-tests", "eu-central-1"

Environ = dict[str, Any]
Refusal = tuple[int, str]


@dataclass
class Gate:
    app: Any
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    """Method and query of each request, in order."""
    refuse: Callable[[str, str, dict[str, str]], Refusal | None] = lambda *_: None
    """Asked with method, path and query: the status and code of an error, or None."""

    def __call__(self, environ: Environ, start: Any) -> Iterable[bytes]:
        query = dict(parse_qsl(environ["QUERY_STRING"], keep_blank_values=True))
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        method = environ["REQUEST_METHOD"]
        refused = self.refuse(method, environ["PATH_INFO"], query) or self._wrong(
            environ, query, body
        )
        self.seen.append((method, query))
        if refused is None:
            return self.app(environ, start)
        status, code = refused
        start(f"{status} Refused", [("Content-Type", "application/xml")])
        return [f"<Error><Code>{escape(code)}</Code><Message>{code}</Message></Error>".encode()]

    def count(self, method: str, named: str) -> int:
        """Requests of this method with a member of the query."""
        return sum(found == method and named in query for found, query in self.seen)

    def _wrong(self, environ: Environ, query: dict[str, str], body: bytes) -> Refusal | None:
        told = environ.get("HTTP_CONTENT_MD5")
        md5 = hashlib.md5(body, usedforsecurity=False).digest()
        if told and base64.b64decode(told) != md5:
            return 400, "BadDigest"
        if environ.get("HTTP_AUTHORIZATION"):
            return None
        return self._wrong_url(environ, query)

    def _wrong_url(self, environ: Environ, query: dict[str, str]) -> Refusal | None:
        """Source: AWS, "Authenticating Requests: Using Query Parameters (Signature Version 4)"."""
        signature = query.pop("X-Amz-Signature", None)
        if signature is None:
            return 403, "AccessDenied"
        begun = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        seconds = int(query["X-Amz-Expires"])
        if datetime.now(UTC) > begun + timedelta(seconds=seconds):
            return 403, "AccessDenied"
        url = f"http://{environ['HTTP_HOST']}{environ['RAW_URI'].partition('?')[0]}"
        request = AWSRequest(
            environ["REQUEST_METHOD"], f"{url}?{urlencode(query, quote_via=quote, safe='')}"
        )
        request.context["timestamp"] = query["X-Amz-Date"]
        signer = S3SigV4QueryAuth(Credentials(KEY, SECRET), "s3", REGION, seconds)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        right = signer.signature(text, request)
        return None if right == signature else (403, "SignatureDoesNotMatch")


@dataclass(frozen=True)
class Server:
    url: str
    gate: Gate

    def storage(self, **options: Any) -> dict[str, Any]:
        """An entry of STORAGES."""
        told = {
            "bucket_name": BUCKET,
            "endpoint_url": self.url,
            "access_key": KEY,
            "secret_key": SECRET,
            "region_name": REGION,
            "signature_version": "s3v4",
            "addressing_style": "path",
            "location": "made/here",
        }
        return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": told | options}

    @property
    def client(self) -> Any:
        keys = {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}
        return boto3.client("s3", endpoint_url=self.url, region_name=REGION, **keys)

    def objects(self) -> list[str]:
        """The keys in the bucket."""
        found = self.client.list_objects_v2(Bucket=BUCKET).get("Contents", ())
        return [each["Key"] for each in found]

    def uploads(self) -> list[str]:
        """The ids of uploads that are not ended."""
        found = self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", ())
        return [each["UploadId"] for each in found]


@contextmanager
def running() -> Iterator[Server]:
    # Parts of 5 MiB would make every test a large one.
    models.S3_UPLOAD_PART_MIN_SIZE = 1  # type: ignore[misc]
    gate = Gate(create_backend_app("s3"))
    server = make_server("127.0.0.1", 0, gate, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.port}", gate)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
