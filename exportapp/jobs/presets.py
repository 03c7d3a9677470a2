"""What people ask for again and again, kept under a name, for themselves or for all.

A preset gives no right: whoever uses it asks for its rows and columns as themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from exportapp.exceptions import NotAllowed, RequestRefused, UnknownName
from exportapp.jobs.notices.booking import chosen, still_available
from exportapp.jobs.options import said
from exportapp.jobs.rights import source_for, sources_of
from exportapp.models import ExportPreset
from exportapp.tables.bounds import require_bounded
from exportapp.tables.params import settled
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sources import AnySource
from exportapp.tables.titles import check_titles

SHARE: Final = "exportapp.share_preset"
"""The permission to share a preset with everybody who may export the same."""

NAME_LENGTH: Final = 100


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a preset comes to for one person today."""

    selection: Selection
    policy: str | None
    dropped: tuple[str, ...]
    """Its columns that are gone, or that this person may not have."""
    options: Mapping[str, Any]
    """Of the file, by name."""
    notify: Sequence[str] | None = None
    """How to be told of the end, of what can reach this person."""

    def with_said(
        self, policy: str | None, options: Mapping[str, Any], notify: Sequence[str] | None
    ) -> Recipe:
        """The same where a person says otherwise about it."""
        told = self.notify if notify is None else notify
        both = {**self.options, **options}
        return replace(self, policy=policy or self.policy, options=both, notify=told)

    @property
    def note(self) -> str:
        """What a person should know about it; empty when all of it is there."""
        if not self.dropped:
            return ""
        said = ngettext(
            "The preset's column %(names)s is not there for you any more and is left out.",
            "The preset's columns %(names)s are not there for you any more and are left out.",
            len(self.dropped),
        )
        return said % {"names": ", ".join(f"“{name}”" for name in self.dropped)}


def presets_of(user: Any, source: AnySource | None = None) -> list[ExportPreset]:
    """What `user` saved and what is shared with them, of what they may export today."""
    labels = [source.label] if source else [found.label for found in sources_of(user)]
    return list(ExportPreset.objects.visible_to(user).filter(source__in=labels))


def preset_named(user: Any, source: AnySource, name: str) -> ExportPreset:
    """The preset that `user` means: their own before a shared one. Raises UnknownName."""
    known = presets_of(user, source)
    # Own ones last, so that they win.
    named = {p.name: p for p in sorted(known, key=lambda p: p.owner_id == user.pk)}
    if name not in named:
        raise UnknownName("preset", name, named)
    return named[name]


def preset_numbered(user: Any, number: int) -> ExportPreset:
    """Raises UnknownName, also for what this person may not use."""
    known = {preset.pk: preset for preset in presets_of(user)}
    if number not in known:
        raise UnknownName("preset", str(number), map(str, known))
    return known[number]


def may_change(user: Any, preset: ExportPreset) -> bool:
    return bool(user.is_superuser or (user.pk and user.pk == preset.owner_id))


def may_share(user: Any) -> bool:
    return bool(user.has_perm(SHARE))


def recipe(preset: ExportPreset, viewer: Viewer, over: Selection | None = None) -> Recipe:
    """What `preset` asks for, as `viewer`; what `over` says comes before it.

    Only columns are left out when they are gone. A filter or a parameter that is gone is refused
    when the export is made: without it there would be other rows. Raises NotAllowed, UnknownName,
    and RequestRefused when no column is left.
    """
    kept = Selection.from_json(preset.selection)
    source = source_for(viewer.user, kept.source, kept.site)
    over = over or Selection(source=kept.source)
    names = over.columns or kept.columns or ()
    taken = tuple(name for name in names if over.columns or source.takes(name, viewer))
    if names and not taken:
        valid = ", ".join(source.available_columns(viewer))
        raise RequestRefused(
            _("No column of the preset '{name}' is there. Valid: {valid}.").format(
                name=preset, valid=valid
            )
        )
    selection = replace(
        kept,
        columns=taken or None,
        order=over.order or kept.order,
        query={**kept.query, **over.query},
        parameters={**kept.parameters, **over.parameters},
        keys=over.keys,
        titles=_titles(kept, taken, source, viewer) | dict(over.titles),
        codes=over.codes or kept.codes,
    )
    dropped = tuple(name for name in names if name not in taken)
    told = None if preset.notify is None else still_available(preset.notify, viewer.user)
    return Recipe(selection, preset.policy or None, dropped, preset.options, told)


def save(
    viewer: Viewer,
    name: str,
    selection: Selection,
    *,
    policy: str | None = None,
    options: Mapping[str, Any] | None = None,
    notify: Sequence[str] | None = None,
    shared: bool = False,
    preset: ExportPreset | None = None,
) -> ExportPreset:
    """Keep `selection` under `name`, in place of `preset` where one is given.

    Parameters that are not given are asked for when it is used. Raises RequestRefused
    (UnknownName, ParameterRefused) for what is wrong with it and NotAllowed for a missing right.
    """
    user = viewer.user
    source = source_for(user, selection.source, selection.site)
    _require_rights(user, preset, shared)
    kept = preset or ExportPreset(owner=user)
    kept.name = _name(name)
    kept.source = source.label
    kept.selection = _checked(source, selection, viewer).to_json()
    kept.policy, kept.shared = policy or "", shared
    kept.options = said(options or {})
    kept.notify = None if notify is None else chosen(notify, user)
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError as error:
        raise RequestRefused(
            _("There is a preset '{name}' of {source} already: take another name.").format(
                name=kept.name, source=source.label
            )
        ) from error
    return kept


def save_named(viewer: Viewer, name: str, selection: Selection, **kept: Any) -> ExportPreset:
    """The same in place of the person's own preset of that name, if there is one."""
    label = source_for(viewer.user, selection.source, selection.site).label
    mine = Q(owner_id=viewer.user.pk, source=label, name=_name(name))
    preset = ExportPreset.objects.filter(mine).first()
    return save(viewer, name, selection, preset=preset, **kept)


def delete(preset: ExportPreset, user: Any) -> None:
    """Raises NotAllowed for somebody else's."""
    _require_rights(user, preset, shared=False)
    preset.delete()


def _require_rights(user: Any, preset: ExportPreset | None, shared: bool) -> None:
    if user.pk is None:
        raise RequestRefused(_("A preset belongs to a person: say to whom, as with --user."))
    if preset and not may_change(user, preset):
        raise NotAllowed(_("The preset “{name}” is somebody else's.").format(name=preset))
    if shared and not may_share(user):
        said = _("{user} may not share presets: the permission '{permission}' is missing.")
        raise NotAllowed(said.format(user=user, permission=SHARE))


def _name(given: str) -> str:
    name = given.strip()
    if not name or len(name) > NAME_LENGTH:
        raise RequestRefused(
            _("'{name}' cannot be the name of a preset: give 1 to {most} characters.").format(
                name=given, most=NAME_LENGTH
            )
        )
    return name


def _titles(
    kept: Selection, taken: Sequence[str], source: AnySource, viewer: Viewer
) -> dict[str, str]:
    """The preset's titles of columns that are still there."""
    there = taken or [name for name in kept.titles if source.takes(name, viewer)]
    return {name: title for name, title in kept.titles.items() if name in there}


def _checked(source: AnySource, selection: Selection, viewer: Viewer) -> Selection:
    if selection.keys is not None:
        raise RequestRefused(_("Ticked rows are not kept in a preset: filter the list instead."))
    require_bounded(selection)
    _require_columns(source, selection.columns or (), viewer)
    _require_columns(source, tuple(selection.titles), viewer)
    check_titles(selection.titles)
    with viewer.active():
        fields = source.fields(viewer)
        for name in selection.parameters:
            if name not in fields:
                raise UnknownName("parameter", name, fields)
        given = {name: fields[name] for name in selection.parameters}
        parameters = settled(given, selection.parameters)
    return replace(selection, source=source.label, parameters=parameters)


def _require_columns(source: AnySource, names: Sequence[str], viewer: Viewer) -> None:
    for name in names:
        if not source.takes(name, viewer):
            raise UnknownName("column", name, source.available_columns(viewer))
