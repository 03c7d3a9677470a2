"""The checks of how people are told of an end."""

from __future__ import annotations

import pytest

from tests.jobs.notices import SECRET
from tests.test_checks import found

HOOK = {"url": "https://hooks.example/", "secret": SECRET}


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("NOTIFY", "message", "is not a tuple of names"),
        ("NOTIFY", ("message", "fax"), "there is no channel 'fax'. Valid: message, email"),
        ("WEBHOOKS", ["https://hooks.example/"], "is not webhooks by name"),
        ("WEBHOOKS", {"erp": "https://hooks.example/"}, "no mapping with `url` and `secret`"),
        ("WEBHOOKS", {"erp": HOOK | {"secret": None}}, "'erp' is wrong"),
        ("WEBHOOKS", {"erp": HOOK | {"secret": []}}, "its list of secrets is empty"),
        ("WEBHOOKS", {"erp": HOOK | {"secret": "short"}}, "give 24 or more"),
        ("WEBHOOKS", {"erp": HOOK | {"url": "http://hooks.example/"}}, "begin with https://"),
        ("WEBHOOKS", {"email": HOOK}, "the name 'email' is taken"),
        ("WEBHOOKS", {"the erp": HOOK}, "'the erp' cannot be a name"),
        ("WEBHOOK_HOSTS", ("https://hooks.internal",), "neither the name of a host nor a network"),
        ("CHANNELS", {"chat": "shop.nothing.Chat"}, "'chat' names 'shop.nothing.Chat'"),
        ("CHANNELS", {"chat": "exportapp.conf.conf"}, "has no send(notice)"),
        ("CHANNELS", {"message": "exportapp.jobs.notices.mail.send"}, "'message' is taken"),
        ("SITE_URL", "shop.example", "no address such as https://shop.example"),
    ],
)
def test_what_tells_people_is_checked_before_an_export_ends(settings, name, value, part):
    setattr(settings, f"EXPORTAPP_{name}", value)
    assert found().keys() == {"E020"}
    assert part in found()["E020"] and f"EXPORTAPP_{name}" in found()["E020"]


def test_a_mail_needs_the_address_of_the_site_and_a_message_its_middleware(settings):
    settings.EXPORTAPP_NOTIFY = ["message", "email"]
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "Notice" not in name]
    assert found().keys() == {"E021", "W003"}
    settings.EXPORTAPP_SITE_URL = "https://shop.example"
    settings.EXPORTAPP_NOTIFY = ["email", "erp"]
    settings.EXPORTAPP_WEBHOOKS = {"erp": HOOK}
    assert found() == {}
