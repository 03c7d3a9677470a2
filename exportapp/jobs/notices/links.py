"""Where the page of an export is, for those who are told of it somewhere else."""

from __future__ import annotations

from django.apps import apps
from django.contrib.admin.sites import all_sites
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.urls import NoReverseMatch, reverse

from exportapp.conf import conf
from exportapp.models import ExportJob


def job_path(job: ExportJob, site: str = "") -> str:
    """The path of its page on the admin site `site`, or on that where it was asked for.

    A site without the pages of exports is passed over for one that has them; empty where none has.
    """
    others = sorted(other.name for other in all_sites)
    for name in dict.fromkeys(filter(None, [site, job.selection["site"], "admin", *others])):
        try:
            return reverse(f"{name}:exportapp_exportjob_change", args=[job.pk])
        except NoReverseMatch:
            continue
    return ""


def job_url(job: ExportJob) -> str:
    """The same with scheme and host; empty where one of them is not known."""
    site, path = site_url(), job_path(job)
    return f"{site}{path}" if site and path else ""


def knows_site() -> bool:
    """Whether something says what the address of the site is."""
    return bool(conf.SITE_URL) or apps.is_installed("django.contrib.sites")


def site_url() -> str:
    """SITE_URL, or the current site of django.contrib.sites; empty where there is neither."""
    if conf.SITE_URL:
        return str(conf.SITE_URL).rstrip("/")
    if not apps.is_installed("django.contrib.sites"):
        return ""
    from django.contrib.sites.models import Site

    try:
        return f"https://{Site.objects.get_current().domain}"
    except (ImproperlyConfigured, ObjectDoesNotExist):
        return ""
