"""Texts of errors, of which any library may be the author, without what nobody should read."""

from __future__ import annotations

import re
from typing import Final

HIDDEN: Final = "***"

SECRETS: Final = (
    # The password of a URL: RFC 3986, 3.2.1.
    (re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+(?=@)"), rf"\g<1>{HIDDEN}"),
    # "password=x" of a connection string, "Authorization: Bearer x" of a header.
    (
        re.compile(
            r"((?:password|passwd|pwd|secret|token|api_?key|sessionid|csrftoken|signature)"
            r"['\"]?\s*[=:]\s*['\"]?)[^\s'\"&;,]+",
            re.IGNORECASE,
        ),
        rf"\g<1>{HIDDEN}",
    ),
    (re.compile(r"(\b(?:Bearer|Basic)\s+)[\w+/=.~-]{8,}", re.IGNORECASE), rf"\g<1>{HIDDEN}"),
)


def on_one_line(text: str) -> str:
    """The text on one line, without secrets and signs that do something to a terminal."""
    line = " ".join(text.split())
    for secret, shown in SECRETS:
        line = secret.sub(shown, line)
    return "".join(sign if sign.isprintable() else _escaped(sign) for sign in line)


def _escaped(sign: str) -> str:
    return "\\0" if sign == "\0" else sign.encode("unicode_escape").decode()
