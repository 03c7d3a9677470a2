"""Presets: kept for oneself or for all, and never worth more than their user's own rights."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from exportapp.exceptions import NotAllowed, ParameterRefused, RequestRefused, UnknownName
from exportapp.jobs import lifecycle, presets
from exportapp.jobs.rights import source_for
from exportapp.models import ExportJob, ExportPreset
from exportapp.tables.selection import Operator, Selection
from tests.exports.conftest import paid, seen_by
from tests.gallery.exports import PaidOrders

pytestmark = pytest.mark.django_db

ORDERS = Selection(source="shop.order", query={"status": ["paid"]}, columns=("number", "customer"))


def named(user, label, name):
    return presets.preset_named(user, source_for(user, label), name)


def test_a_preset_is_what_was_asked_for(person):
    bea = seen_by(person())
    presets.save(bea, " monthly ", ORDERS, policy="skip")
    found = presets.recipe(named(bea.user, "shop.Order", "monthly"), bea)

    assert found.selection.columns == ("number", "customer")
    assert found.selection.query == {"status": ["paid"]}
    assert (found.policy, found.note) == ("skip", "")
    assert lifecycle.create(found.selection, bea, queue=False)[0].source == "shop.Order"


def test_required_parameters_may_be_left_for_later(person):
    bea = seen_by(person())
    presets.save(bea, "new ones", Selection(source="paid-orders", parameters={"status": ["new"]}))
    preset = named(bea.user, "paid-orders", "new ones")
    found = presets.recipe(preset, bea, paid("2024-05-01"))

    assert found.selection.parameters == {"status": ["new"], "since": "2024-05-01"}
    with pytest.raises(ParameterRefused, match="'since' is missing"):
        lifecycle.create(presets.recipe(preset, bea).selection, bea)


def test_what_is_said_comes_before_what_was_kept(person):
    bea = seen_by(person())
    preset = presets.save(bea, "mine", ORDERS)
    over = Selection(source="shop.Order", columns=("amount",), query={"gift": ["1"]})
    found = presets.recipe(preset, bea, over).selection

    assert found.columns == ("amount",)
    assert found.query == {"status": ["paid"], "gift": ["1"]}


@pytest.mark.parametrize(
    ("name", "selection", "error", "words"),
    [
        ("", ORDERS, RequestRefused, "1 to 100 characters"),
        ("x" * 101, ORDERS, RequestRefused, "1 to 100 characters"),
        ("x", Selection(source="shop.Order", columns=("numbr",)), UnknownName, "'numbr'. Did you"),
        ("x", Selection(source="shop.Order", keys=("1",)), RequestRefused, "Ticked rows"),
        ("x", paid("soon"), ParameterRefused, "'soon'"),
        ("x", paid(colour="red"), UnknownName, "parameter 'colour'"),
        ("x", Selection(source="shop.Customer"), NotAllowed, "export_customer"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_what_is_valid(person, name, selection, error, words):
    with pytest.raises(error, match=words):
        presets.save(seen_by(person()), name, selection)
    assert not ExportPreset.objects.exists()


def test_nobody_without_a_row_has_presets():
    with pytest.raises(RequestRefused, match="belongs to a person"):
        presets.save(seen_by(Operator()), "mine", ORDERS)


def test_a_private_preset_is_its_owners_alone(person):
    presets.save(seen_by(person()), "mine", ORDERS)
    for other in (person("cid"), person("root", is_superuser=True)):
        assert presets.presets_of(other) == []
        with pytest.raises(UnknownName, match="preset 'mine'"):
            named(other, "shop.Order", "mine")


def test_sharing_asks_for_its_permission(person):
    bea, dee = person(), person("dee", "export_order", "share_preset")
    with pytest.raises(NotAllowed, match=r"exportapp\.share_preset"):
        presets.save(seen_by(bea), "ours", ORDERS, shared=True)
    presets.save(seen_by(dee), "ours", ORDERS, shared=True)

    assert [preset.name for preset in presets.presets_of(bea)] == ["ours"]
    assert named(bea, "shop.Order", "ours").owner == dee


def test_a_shared_preset_is_not_shown_to_whoever_may_not_export_its_rows(person):
    dee, eve = person("dee", "export_order", "share_preset"), person("eve", "export_customer")
    preset = presets.save(seen_by(dee), "ours", ORDERS, shared=True)

    assert presets.presets_of(eve) == []
    with pytest.raises(UnknownName, match="preset"):
        presets.preset_numbered(eve, preset.pk)
    with pytest.raises(NotAllowed, match="export_order"):
        presets.recipe(preset, seen_by(eve))


def test_a_shared_preset_gives_no_column_to_whoever_may_not_have_it(person):
    root, bea = person("root", is_superuser=True), person()
    wanted = paid(columns=("number", "note"))
    preset = presets.save(seen_by(root), "with notes", wanted, shared=True)
    mine, theirs = (presets.recipe(preset, seen_by(user)) for user in (root, bea))

    assert mine.selection.columns == ("number", "note")
    assert theirs.selection.columns == ("number",)
    assert "“note”" in theirs.note
    assert [c["key"] for c in lifecycle.create(theirs.selection, seen_by(bea))[0].columns] == [
        "number"
    ]


def test_a_column_that_a_deploy_took_away_is_left_out_and_said(person, monkeypatch):
    bea = seen_by(person())
    preset = presets.save(bea, "mine", paid(columns=("number", "amount", "shout")))
    monkeypatch.setattr(PaidOrders, "columns", ("number", "status"))
    found = presets.recipe(preset, bea)

    assert found.selection.columns == ("number",)
    assert "“amount”, “shout”" in found.note


def test_a_preset_none_of_whose_columns_is_left_does_not_become_all_columns(person, monkeypatch):
    bea = seen_by(person())
    preset = presets.save(bea, "mine", paid(columns=("amount",)))
    monkeypatch.setattr(PaidOrders, "columns", ("number", "status"))

    with pytest.raises(RequestRefused, match="Valid: number, status"):
        presets.recipe(preset, bea)


def test_a_parameter_that_a_deploy_took_away_is_not_left_out(person, monkeypatch):
    bea = seen_by(person())
    preset = presets.save(bea, "mine", paid(gift="yes"))
    fields = {name: field for name, field in PaidOrders.parameters.items() if name != "gift"}
    monkeypatch.setattr(PaidOrders, "parameters", fields)

    with pytest.raises(UnknownName, match="parameter 'gift'"):
        lifecycle.create(presets.recipe(preset, bea).selection, bea)


def test_a_name_is_taken_once_by_each_and_once_by_all(person):
    dee = seen_by(person("dee", "export_order", "share_preset"))
    bea = seen_by(person("bea", "export_order", "share_preset"))
    presets.save(dee, "ours", ORDERS, shared=True)
    with pytest.raises(RequestRefused, match="'ours' of shop.Order already"):
        presets.save(dee, "ours", ORDERS)
    with pytest.raises(RequestRefused, match="already"):
        presets.save(bea, "ours", ORDERS, shared=True)
    mine = presets.save(bea, "ours", ORDERS)

    assert named(bea.user, "shop.Order", "ours") == mine
    assert presets.save_named(bea, "ours", ORDERS, policy="fail").pk == mine.pk
    assert ExportPreset.objects.get(pk=mine.pk).policy == "fail"


def test_only_its_owner_and_a_superuser_change_or_delete_a_preset(person):
    dee, bea = person("dee", "export_order", "share_preset"), person()
    preset = presets.save(seen_by(dee), "ours", ORDERS, shared=True)
    with pytest.raises(NotAllowed, match="somebody else's"):
        presets.save(seen_by(bea), "ours", ORDERS, preset=preset)
    with pytest.raises(NotAllowed, match="somebody else's"):
        presets.delete(preset, bea)
    presets.delete(preset, person("root", is_superuser=True))

    assert not ExportPreset.objects.exists()


def test_how_to_be_told_is_kept_for_those_whom_it_can_reach(person, settings):
    settings.EXPORTAPP_SITE_URL = "https://shop.example"
    dee = seen_by(person("dee", "export_order", "share_preset", email="dee@shop.example"))
    preset = presets.save(dee, "ours", ORDERS, notify=["email", "message"], shared=True)

    assert presets.recipe(preset, dee).notify == ["email", "message"]
    assert presets.recipe(preset, seen_by(person())).notify == ["message"]
    assert presets.recipe(presets.save(dee, "plain", ORDERS), dee).notify is None
    said = presets.recipe(preset, dee).with_said(None, {}, [])
    assert said.notify == []
    with pytest.raises(UnknownName, match="'emial'"):
        presets.save(dee, "mine", ORDERS, notify=["emial"])


def test_every_face_keeps_how_to_be_told(person):
    bea = person()
    client = Client()
    client.force_login(bea)
    body = {"name": "rest", "source": "shop.Order", "notify": []}
    kept = client.post("/api/exports/presets/", body, "application/json").json()
    call_command(
        "export_excel", "shop.Order", "--user=bea", "--preset=rest", "--save-preset=command",
        "--queue",
    )  # fmt: skip
    ask = reverse("admin:exportapp_exportjob_ask", args=["shop.Order"])
    page = client.get(f"{ask}?preset={kept['id']}").content.decode()
    form = {"columns": "number", "save": "1", "preset_name": "admin", "notify": "message"}
    client.post(ask, form)

    assert kept["notify"] == []
    assert ExportJob.objects.get().notify == []
    assert 'name="notify" value="message"' in page
    assert "checked" not in page.partition('name="notify"')[2].partition(">")[0]
    saved = ExportPreset.objects.values_list("name", "notify")
    assert dict(saved) == {"rest": [], "command": [], "admin": ["message"]}
