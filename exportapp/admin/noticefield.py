"""The boxes "Tell me when it is ready" for a form that asks for an export."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from exportapp.jobs.notices.booking import available, chosen
from exportapp.jobs.notices.channels import label_of


def notice_field(user: Any) -> forms.MultipleChoiceField:
    """Channels that can reach `user`; what is cleaned goes to `lifecycle.create(notify=…)`."""
    return forms.MultipleChoiceField(
        label=_("Tell me when it ends"),
        choices=[(name, label_of(name)) for name in available(user)],
        initial=chosen(None, user),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
