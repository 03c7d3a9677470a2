"""The face in Django's admin.

mixin      ExportAdminMixin: the action and the button on the list of any model
jobs       ExportJobAdmin: the exports of a person, live, with their buttons
listing    what the list of exports is filtered by
deeds      the buttons, and what each says will happen; pressed is what is answered to them
asking     the page on which an export is chosen and started
askform    all that it asks: columnform, fileform, noticefield and parameters
carried    the rows that a list hands to it: filters and ticks
pages      what the templates need to show one export; drawing makes its curve
operations  the page of superusers: how the whole of it does
downloads  files and manifests, or the page with the reason why not
linking    the button that makes a link to a file
notices    a middleware: what waits for a person is said on their next page
noticefield  how they want to be told, for a form
happened   the kinds of its events in words
advice     what a person can do about an error
"""

from __future__ import annotations

from exportapp.admin.jobs import ExportJobAdmin
from exportapp.admin.mixin import ExportAdminMixin

__all__ = ["ExportAdminMixin", "ExportJobAdmin"]
