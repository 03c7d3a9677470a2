"""Who may export what, and who may see, manage and download which export.

Asked at create, before each piece of work and at download, by every face.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.auth import get_permission_codename, get_user_model
from django.db import router
from django.db.models import Model
from django.utils.translation import gettext as _

from exportapp.exceptions import NotAllowed, UnknownName
from exportapp.models import ExportJob
from exportapp.tables.exports import export_permission
from exportapp.tables.selection import Operator, Viewer
from exportapp.tables.sources import (
    AnySource,
    find_source,
    kind_of_name,
    offered_sources,
    registered_sources,
)


def may_export(user: Any, source: AnySource) -> bool:
    """Whether `user` may have these rows: they are offered, and the source permits this person."""
    if isinstance(user, Operator):
        return True
    return bool(user.is_active and source.is_offered and source.permits(user))


def sources_of(user: Any, site: str | None = None) -> list[AnySource]:
    """Everything that `user` may export: registered exports, then models of `site` or any site."""
    return [source for source in _offered(site) if may_export(user, source)]


def source_for(user: Any, label: str, site: str = "admin") -> AnySource:
    """The source that `user` means by `label`, if they may export it.

    Raises UnknownName for what is not offered, naming what this person may export and nothing
    else, and NotAllowed for what is offered, without the right.
    """
    if isinstance(user, Operator):
        return find_source(label, site)
    source = {source.label.lower(): source for source in _offered(site)}.get(label.lower())
    if source is None:
        kind = kind_of_name(label)
        known = sorted(source.label for source in sources_of(user, site))
        # Whoever names a model is told of models.
        valid = [name for name in known if kind != "model" or kind_of_name(name) == kind]
        raise UnknownName(kind, label, valid)
    require_export(user, source)
    return source


def require_export(user: Any, source: AnySource) -> None:
    """Raises NotAllowed with the permission that is missing."""
    if may_export(user, source):
        return
    said = _("{user} may not export {source}.")
    missing = ", ".join(name for name in source.permissions if not user.has_perm(name))
    if missing:
        said = _("{user} may not export {source}: the permission '{permission}' is missing.")
    raise NotAllowed(said.format(user=user, source=source.label, permission=missing))


def _offered(site: str | None) -> list[AnySource]:
    return [*registered_sources(), *offered_sources(site)]


def require_columns(user: Any, job: ExportJob, source: AnySource) -> None:
    """Raises NotAllowed when a column of `job` asks for a permission that `user` lacks."""
    source.withheld(user).require(_keys(job), user)


def may_see(user: Any, job: ExportJob) -> bool:
    return bool(user.is_superuser or (user.pk and user.pk == job.requested_by_id))


def may_download(user: Any, job: ExportJob, source: AnySource) -> bool:
    """The right to rows and columns is asked again: it may have gone since the file was made."""
    if not (may_see(user, job) and may_export(user, source)):
        return False
    return not source.withheld(user).among(_keys(job))


def viewer_of(job: ExportJob) -> Viewer:
    """The person as whom `job` runs, read anew: their rights are those of now.

    Raises NotAllowed when that person is gone or may no longer sign in.
    """
    user: Any = Operator() if job.by_operator else _person(job)
    if user is None or not user.is_active:
        raise NotAllowed(_("The person who asked for this export is no longer active."))
    return Viewer(user=user, language=job.language, time_zone=job.time_zone)


def _person(job: ExportJob) -> Any:
    # Not the one that the job holds: a worker keeps that, and with it what Django found of rights.
    known = job.requested_by_id
    return known and get_user_model()._base_manager.filter(pk=known).first()


def _keys(job: ExportJob) -> list[str]:
    return [column["key"] for column in job.columns]


def models_with_permission() -> Iterator[type[Model]]:
    """The models whose permission `export_<model>` somebody who exports is asked for."""
    for source in _offered(None):
        for model in source.models:
            if export_permission(model) in source.permissions:
                yield model


def create_export_permissions(app_config: Any, using: str, **kwargs: Any) -> None:
    """Make the permission `export_<model>` for every model whose rows are offered by it."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType

    if not router.allow_migrate_model(using, Permission):
        return
    for model in models_with_permission():
        opts = model._meta
        if opts.app_config is not app_config:
            continue
        content_type = ContentType.objects.db_manager(using).get_for_model(
            model, for_concrete_model=False
        )
        Permission.objects.using(using).get_or_create(
            content_type=content_type,
            codename=get_permission_codename("export", opts),
            defaults={"name": f"Can export {opts.verbose_name_raw}"},
        )
