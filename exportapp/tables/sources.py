"""Where rows come from: a model as its ModelAdmin shows it to a person.

The rule who may export is not here. What is here holds for everybody: rows come through the
ModelAdmin's own queryset, search and filters as that person, and a column is either one that the
developer put on the list or a field that the person may see anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from django.apps import apps
from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.admin import site as default_site
from django.contrib.admin.sites import all_sites
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model, QuerySet
from django.utils.text import slugify
from django.utils.translation import gettext as _

from exportapp.exceptions import NotAllowed, RequestRefused, UnknownName
from exportapp.tables.bounds import require_bounded
from exportapp.tables.changelist import change_list, request_of, sort_field, turned
from exportapp.tables.columns import ColumnSpec
from exportapp.tables.exports import export_permission, registered
from exportapp.tables.filters import Filters
from exportapp.tables.fitting import require_fitting
from exportapp.tables.offered import Offered, declared_columns
from exportapp.tables.params import Fields
from exportapp.tables.registered import ExportSource
from exportapp.tables.resolve import Resolver, column_name, with_unique_keys
from exportapp.tables.selection import Selection, Viewer
from exportapp.tables.sheets import SheetSpec
from exportapp.tables.ticked import key_of
from exportapp.tables.titles import own_title, renamed
from exportapp.tables.withheld import Withheld
from exportapp.tables.wording import list_words


@dataclass(frozen=True, slots=True)
class Source:
    model_admin: ModelAdmin[Any]

    @property
    def model(self) -> type[Model]:
        return self.model_admin.model

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def is_offered(self) -> bool:
        """Whether the developer offers this model's rows, by its ModelAdmin's `export_offered`."""
        return bool(getattr(self.model_admin, "export_offered", False))

    @property
    def title(self) -> str:
        return str(self.model._meta.verbose_name_plural)

    @property
    def models(self) -> list[type[Model]]:
        return [self.model]

    @property
    def permissions(self) -> tuple[str, ...]:
        return (export_permission(self.model),)

    def permits(self, user: Any) -> bool:
        return bool(user.has_perms(self.permissions))

    def fields(self, viewer: Viewer) -> Fields:
        """None: a list is narrowed by its filters."""
        return {}

    def settled(self, selection: Selection, viewer: Viewer) -> Selection:
        """As it is. Raises UnknownName for parameters, RequestRefused for what is too large.

        And for values of filters that their columns cannot have.
        """
        require_bounded(selection)
        for name in selection.parameters:
            raise UnknownName("parameter", name, ())
        with viewer.active():
            takes = Filters.of(self.model_admin, viewer).takes
            query = selection.query.items()
            require_fitting(self.model, {name: values for name, values in query if takes(name)})
        return selection

    def words(self, selection: Selection, viewer: Viewer) -> tuple[str, ...]:
        """What narrows and orders the rows, for people. Raises as `queryset` does for a query."""
        return list_words(self.model_admin, selection, viewer)

    def filename(self, selection: Selection, viewer: Viewer) -> str:
        """What the file is called, without its ending."""
        with viewer.active():
            return slugify(self.title) or "export"

    def sheets(self, selection: Selection, viewer: Viewer) -> tuple[SheetSpec, ...]:
        """The list as one sheet. Raises as `queryset` and `columns` do, and NotAllowed."""
        columns = self.columns(selection.columns, viewer, codes=selection.codes)
        rows = self.queryset(selection, viewer)
        if not columns:
            raise NotAllowed(
                _("The list of {name} has no column that you may have.").format(name=self.label)
            )
        columns = renamed(columns, selection.titles)
        return (SheetSpec(columns=columns, rows=rows),)

    def queryset(self, selection: Selection, viewer: Viewer) -> QuerySet[Any]:
        """The rows of the list page with these parameters, ordered, not evaluated, not counted.

        Evaluate it within `viewer.active()`. Raises UnknownName or RequestRefused for what the
        list page would not take either, for random orders, and for what asks about a column that
        this viewer may not have.
        """
        with viewer.active():
            listed = change_list(Filters.of(self.model_admin, viewer), selection.query)
            rows: QuerySet[Any] = listed.queryset
            if selection.keys is not None:
                rows = rows.filter(pk__in=[key_of(self.model, text) for text in selection.keys])
            if selection.order:
                items = (self.order_item(name, listed, viewer) for name in selection.order)
                rows = rows.order_by(*items)
        if "?" in rows.query.order_by:
            raise RequestRefused(_("A random order cannot be exported: order by a field."))
        if rows.query.is_sliced:
            raise RequestRefused(
                _("The list of {name} is cut off by its own queryset.").format(name=self.label)
            )
        return rows

    def columns(
        self, names: Sequence[str] | None, viewer: Viewer, *, codes: bool = False
    ) -> tuple[ColumnSpec, ...]:
        """The columns named, or the source's own where `names` is None.

        `codes` gives choices as their code. Raises UnknownName for what this viewer cannot name,
        and RequestRefused for a path to many rows.
        """
        request = request_of(viewer, {})
        with viewer.active():
            rows = self.model_admin.get_queryset(request)
            resolver = Resolver(self.model, self.model_admin, rows, codes)
            offered = Offered(self.model_admin, viewer)
            chosen = offered.own() if names is None else offered.chosen(names)
            return with_unique_keys(resolver.resolve(entry) for entry in chosen)

    def available_columns(self, viewer: Viewer) -> tuple[str, ...]:
        """What `columns` takes: own columns first, then the list's, then the fields.

        Paths like "customer__name" are taken too where the viewer may see the related field.
        """
        with viewer.active():
            return Offered(self.model_admin, viewer).names()

    def own_columns(self, viewer: Viewer) -> tuple[str, ...]:
        """The names of those that an export has where none are named."""
        with viewer.active():
            return tuple(map(column_name, Offered(self.model_admin, viewer).own()))

    def titles(self, names: Sequence[str], viewer: Viewer) -> dict[str, str]:
        """What these columns are called by themselves, by name. Raises UnknownName."""
        with viewer.active():
            chosen = Offered(self.model_admin, viewer).chosen(names)
            titles = [own_title(entry, self.model, self.model_admin) for entry in chosen]
            return dict(zip(names, titles, strict=True))

    def sheet_titles(self) -> dict[str, str]:
        """None: a list is one sheet."""
        return {}

    def takes(self, name: str, viewer: Viewer) -> bool:
        """Whether `columns` takes this name."""
        try:
            return bool(self.columns([name], viewer))
        except RequestRefused:
            return False

    def withheld(self, user: Any) -> Withheld:
        """The columns of `export_columns` that this person lacks the permission for."""
        return Withheld.of(self.model, declared_columns(self.model_admin) or (), user)

    def order_item(self, name: str, listed: ChangeList, viewer: Viewer) -> Any:
        """What order_by() takes for `name`. Raises UnknownName."""
        plain, descending = name.removeprefix("-"), name.startswith("-")
        if Offered(self.model_admin, viewer).may_name(plain):
            return name
        item = sort_field(listed, plain) if plain in self.available_columns(viewer) else None
        if item is None or self.withheld(viewer.user).covers_any(item):
            raise UnknownName("order", plain, self.available_columns(viewer))
        return turned(item) if descending else item


AnySource: TypeAlias = Source | ExportSource
"""A ModelAdmin's list or a registered export: the same doors to rows and columns."""


def find_source(label: str, site: str = "admin") -> AnySource:
    """The source of a model, "shop.Order", or of a registered export; both in any case.

    A model without a ModelAdmin on that site gets a plain one, for the command line.
    Raises UnknownName with the names or sites there are.
    """
    exports = {source.label.lower(): source for source in registered_sources()}
    if label.lower() in exports:
        return exports[label.lower()]
    try:
        model = apps.get_model(label)
    except (LookupError, ValueError) as error:
        valid = sorted(known._meta.label for known in apps.get_models())
        names = [] if "." in label else [source.label for source in exports.values()]
        raise UnknownName(kind_of_name(label), label, [*names, *valid]) from error
    admin_site = _find_site(site)
    if admin_site.is_registered(model):
        return Source(admin_site.get_model_admin(model))
    return Source(ModelAdmin(model, admin_site))


def offered_sources(site: str | None = None) -> list[Source]:
    """Every model that a ModelAdmin of `site`, or of any site, offers to export; each once."""
    sites = [_find_site(site)] if site else sorted(all_sites, key=lambda found: found.name)
    admins = [model_admin for found in sites for model_admin in found._registry.values()]
    sources = {model_admin.model: Source(model_admin) for model_admin in admins}
    return [source for source in sources.values() if source.is_offered]


def registered_sources() -> list[ExportSource]:
    """Every registered export; of equal names the first."""
    exports = {export.name.lower(): export for export in reversed(registered())}
    return [ExportSource(export) for export in reversed(exports.values())]


def kind_of_name(label: str) -> str:
    """What a person means by it: names of models have a dot, names of exports none."""
    return "model" if "." in label else "export"


def _find_site(name: str) -> AdminSite:
    # The default site is made when it is first asked for.
    sites = {site.name: site for site in (default_site, *all_sites)}
    if name not in sites:
        raise UnknownName("admin site", name, sorted(sites))
    return sites[name]
