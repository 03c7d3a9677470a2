"""Who may export what, and who may see, manage and download which export.

Asked at create, before each piece of work and at download, by every face.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_permission_codename
from django.utils.translation import gettext as _

from exportapp.exceptions import NotAllowed, UnknownName
from exportapp.models import ExportJob
from exportapp.tables.selection import Operator, Viewer
from exportapp.tables.sources import Source, find_source, offered_sources


def may_export(user: Any, source: Source) -> bool:
    """Whether `user` may export this model: it is offered, and they have its export permission."""
    if isinstance(user, Operator):
        return True
    if not (user.is_active and source.is_offered):
        return False
    opts = source.model._meta
    return bool(user.has_perm(f"{opts.app_label}.{get_permission_codename('export', opts)}"))


def source_for(user: Any, label: str, site: str = "admin") -> Source:
    """The source that `user` means by `label`, if they may export it.

    Raises UnknownName for a model that is not offered, naming those that this person may export
    and no others, and NotAllowed for an offered one without the right.
    """
    if isinstance(user, Operator):
        return find_source(label, site)
    offered = {source.label.lower(): source for source in offered_sources(site)}
    source = offered.get(label.lower())
    if source is None:
        valid = [source.label for source in offered.values() if may_export(user, source)]
        raise UnknownName("model", label, sorted(valid))
    require_export(user, source)
    return source


def require_export(user: Any, source: Source) -> None:
    """Raises NotAllowed with the permission that is missing."""
    if not may_export(user, source):
        opts = source.model._meta
        permission = f"{opts.app_label}.{get_permission_codename('export', opts)}"
        raise NotAllowed(
            _("{user} may not export {source}: the permission '{permission}' is missing.").format(
                user=user, source=source.label, permission=permission
            )
        )


def may_see(user: Any, job: ExportJob) -> bool:
    return bool(user.is_superuser or (user.pk and user.pk == job.requested_by_id))


def may_download(user: Any, job: ExportJob, source: Source) -> bool:
    """The right to the rows is asked again: it may have gone since the file was made."""
    return may_see(user, job) and may_export(user, source)


def viewer_of(job: ExportJob) -> Viewer:
    """The person as whom `job` runs.

    Raises NotAllowed when that person is gone or may no longer sign in.
    """
    user: Any = Operator() if job.by_operator else job.requested_by
    if user is None or not user.is_active:
        raise NotAllowed(_("The person who asked for this export is no longer active."))
    return Viewer(user=user, language=job.language, time_zone=job.time_zone)


def create_export_permissions(app_config: Any, using: str, **kwargs: Any) -> None:
    """Make the permission `export_<model>` for every model whose admin offers the export."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    for source in offered_sources():
        opts = source.model._meta
        if opts.app_config is not app_config:
            continue
        content_type = ContentType.objects.db_manager(using).get_for_model(
            source.model, for_concrete_model=False
        )
        Permission.objects.using(using).get_or_create(
            content_type=content_type,
            codename=get_permission_codename("export", opts),
            defaults={"name": f"Can export {opts.verbose_name_raw}"},
        )
