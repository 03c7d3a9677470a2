"""A signed POST to an address of the project's settings, and what its answer means."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

from exportapp.conf import conf
from exportapp.exceptions import NoticeRefused
from exportapp.jobs.notices import signing
from exportapp.jobs.notices.addresses import addresses
from exportapp.jobs.notices.links import job_url
from exportapp.models import ExportJob, ExportNotice
from exportapp.states import JobState

if TYPE_CHECKING:
    import httpx

SECONDS: Final = 10.0
"""How long connecting, sending and the answer's head may take, each."""

ANSWER_BYTES: Final = 500
"""As much of an answer is read as is told of an error."""


@dataclass(frozen=True, slots=True)
class Webhook:
    url: str
    secrets: tuple[str, ...]
    """The first is the newest; each signs."""

    @classmethod
    def of(cls, name: str) -> Self:
        """Raises NoticeRefused for one that was not set up well; `manage.py check` finds it."""
        return cls.from_settings(name, conf.WEBHOOKS[name])

    @classmethod
    def from_settings(cls, name: str, told: Mapping[str, Any]) -> Self:
        try:
            secret = told["secret"]
            secrets = (secret,) if isinstance(secret, str) else tuple(secret)
            if not secrets:
                raise ValueError("its list of secrets is empty")
            for each in secrets:
                signing.key_of(each)
            return cls(_required_url(told["url"]), secrets)
        except KeyError as error:
            raise NoticeRefused(f"The webhook '{name}' has no {error}.") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise NoticeRefused(f"The webhook '{name}' is wrong: {error}") from error

    def send(self, notice: ExportNotice) -> None:
        """Raises NoticeRefused where no try will do, and ConnectionError or OSError else."""
        body = json.dumps(payload(notice), separators=(",", ":")).encode()
        head = signing.headers(self.secrets, f"msg_{notice.pk.hex}", int(time.time()), body)
        _post(self.url, head | {"content-type": "application/json"}, body)


def payload(notice: ExportNotice) -> dict[str, Any]:
    """What is sent, as plain JSON. No value of a row is in it, nor in the message of an error."""
    job = notice.job
    files = ("number", "filename", "size", "sha256", "rows")
    found = list(job.files.values(*files)) if job.can_download else []
    return {
        "type": f"export.{notice.outcome}",
        "timestamp": (job.finished_at or notice.created_at).isoformat(),
        "data": {
            "id": str(job.pk),
            "source": job.source,
            "state": notice.outcome,
            "filename": job.filename,
            "requested_by": job.requested_by_id and str(job.requested_by_id),
            "trace_id": job.trace_id,
            "url": job_url(job) or None,
            "files": found,
            "error": _error(job),
        },
    }


def _error(job: ExportJob) -> dict[str, str] | None:
    return {"code": job.error_code} if job.state == JobState.FAILED else None


def _required_url(text: str) -> str:
    """Raises ValueError with what is wrong with an address."""
    import httpx

    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError) as error:
        raise ValueError(f"its url {text!r} cannot be read ({error})") from error
    schemes = ("https", "http") if conf.WEBHOOK_HTTP else ("https",)
    if url.scheme not in schemes or not url.host:
        raise ValueError(f"its url '{text}' must begin with {' or '.join(schemes)}://, and a host")
    if url.userinfo:
        raise ValueError("its url has a name or a password, which would be in every log line")
    return text


def _post(text: str, headers: Mapping[str, str], body: bytes) -> None:
    try:
        import httpx
    except ImportError as error:
        raise NoticeRefused("Webhooks need httpx: pip install 'exportapp[webhooks]'.") from error
    url = httpx.URL(text)
    port = url.port or (443 if url.scheme == "https" else 80)
    found = addresses(url.host, port, conf.WEBHOOK_HOSTS)
    # No proxy of the environment: it would resolve the name anew, out of reach of the check.
    with httpx.Client(trust_env=False, follow_redirects=False, timeout=SECONDS) as client:
        _judge(*_answer_of_first(client, url, found, headers, body))


def _answer_of_first(
    client: httpx.Client,
    url: httpx.URL,
    found: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
) -> tuple[int, str]:
    """The status and the beginning of the answer of the first address that takes a connection."""
    import httpx

    # The certificate is that of the name, not of the address (httpx: extensions, sni_hostname).
    named = {**headers, "host": url.netloc.decode()}
    for last, address in enumerate(found, 1 - len(found)):
        pinned = url.copy_with(host=address)
        tls = {"sni_hostname": url.raw_host.decode()}
        try:
            with client.stream(
                "POST", pinned, headers=named, content=body, extensions=tls
            ) as answer:
                return answer.status_code, _beginning(answer)
        except httpx.ConnectError as error:
            if not last:
                raise ConnectionError(f"{url.host}: {error}") from error
        except httpx.TransportError as error:
            raise ConnectionError(f"{url.host}: {error!r}") from error
    raise ConnectionError(f"{url.host} has no address")


def _beginning(answer: httpx.Response) -> str:
    # Not decoded: a few bytes may unpack to gigabytes.
    text = next(answer.iter_raw(ANSWER_BYTES), b"").decode(errors="replace")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _judge(status: int, text: str) -> None:
    """2xx is a yes. 410 is a no for ever, as the convention has it; a redirect is not followed."""
    if 200 <= status < 300:
        return
    if 300 <= status < 400 or status == HTTPStatus.GONE:
        raise NoticeRefused(f"The webhook answered {status}: {text}")
    raise ConnectionError(f"The webhook answered {status}: {text}")
