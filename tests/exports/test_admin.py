"""The pages that ask: what there is, the form of parameters, presets."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils.html import escape

from exportapp.jobs import presets
from exportapp.jobs.words import asked_for
from exportapp.models import ExportJob, ExportPreset
from tests.exports.conftest import paid, seen_by

NEW = reverse("admin:exportapp_exportjob_new")
GOOD = {"p-since": "2020-01-01", "p-status": ["paid", "new"]}


def form_of(label):
    return reverse("admin:exportapp_exportjob_ask", args=[label])


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk(person):
    return signed_in(person())


def test_the_list_of_exports_leads_to_what_a_person_may_start(desk, person):
    jobs = desk.get(reverse("admin:exportapp_exportjob_changelist")).content.decode()
    page = desk.get(NEW).content.decode()

    assert NEW in jobs
    assert "Paid orders" in page
    assert "Orders of some states since a day." in page
    assert form_of("shop.Order") in page
    assert "Price list" not in page
    assert form_of("shop.Customer") not in page
    nothing = signed_in(person("eve", "view_order")).get(NEW).content.decode()
    assert "nothing that you may export" in nothing


def test_the_form_is_made_of_the_parameters(desk):
    page = desk.get(form_of("paid-orders")).content.decode()

    assert "Since" in page
    assert "The first day." in page
    assert "vDateField" in page
    assert '<option value="paid" selected' in page
    assert 'value="customer__name"' in page
    assert 'value="note"' not in page


def test_the_form_makes_the_export(desk):
    response = desk.post(form_of("paid-orders"), GOOD | {"columns": ["number", "shout"]})
    job = ExportJob.objects.get()

    assert response.url == reverse("admin:exportapp_exportjob_change", args=[job.pk])
    assert job.selection["parameters"]["status"] == ["new", "paid"]
    assert [column["key"] for column in job.columns] == ["number", "shout"]
    assert escape(asked_for(job)) in desk.get(response.url).content.decode()


def test_a_box_that_is_not_ticked_is_no(desk, monkeypatch):
    from tests.gallery.exports import PaidOrders

    monkeypatch.setattr(PaidOrders.parameters["gift"], "initial", True)
    desk.post(form_of("paid-orders"), GOOD)

    assert ExportJob.objects.get().selection["parameters"]["gift"] is False


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"p-since": "soon"}, "Enter a valid date"),
        ({"p-status": ["x"]}, "x is not one of the available choices"),
        ({"columns": ["note"]}, "Unknown column &#x27;note&#x27;"),
        ({"policy": "ignore"}, "ignore is not one of the available choices"),
        ({"save": "1", "preset_name": " "}, "1 to 100 characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_made(desk, wrong, words):
    response = desk.post(form_of("paid-orders"), GOOD | wrong)

    assert response.status_code == 200
    assert words in response.content.decode()
    assert not ExportJob.objects.exists()
    assert not ExportPreset.objects.exists()


def test_a_preset_is_saved_offered_used_and_deleted(desk):
    asked = GOOD | {"columns": ["number"], "preset_name": "mine", "policy": "skip"}
    saved = desk.post(form_of("paid-orders"), asked | {"save": "1"})
    preset = ExportPreset.objects.get()
    assert not ExportJob.objects.exists()
    assert preset.policy == "skip"

    filled = desk.get(saved.url).content.decode()
    assert 'value="2020-01-01"' in filled
    assert f'<option value="{preset.pk}" selected>mine' in filled
    plain = form_of("paid-orders")
    assert f'<option value="{preset.pk}">mine' in desk.get(plain).content.decode()
    used = desk.post(plain, {"use_preset": preset.pk, "use": "1"}).content.decode()
    assert '<option value="skip" selected' in used
    assert "mine</a> · Paid orders" in desk.get(NEW).content.decode()
    desk.post(reverse("admin:exportapp_exportjob_forget", args=[preset.pk]))
    assert not ExportPreset.objects.exists()


def test_a_preset_of_a_list_keeps_its_filters(desk, person):
    selection = paid().from_json(
        {"source": "shop.Order", "query": {"status": ["paid"]}, "columns": ["number"]}
    )
    kept = presets.save(seen_by(person("root", is_superuser=True)), "paid", selection, shared=True)
    desk.post(f"{form_of('shop.Order')}?preset={kept.pk}", {"columns": ["amount"]})

    job = ExportJob.objects.get()
    assert job.selection["query"] == {"status": ["paid"]}
    assert [column["key"] for column in job.columns] == ["amount"]


def test_what_a_preset_leaves_out_is_said(desk, person):
    root = seen_by(person("root", is_superuser=True))
    kept = presets.save(root, "all", paid(columns=("number", "note")), shared=True)
    page = desk.get(f"{form_of('paid-orders')}?preset={kept.pk}").content.decode()

    assert "“note”" in page
    assert 'value="number" checked' in page


def test_sharing_is_offered_to_those_who_may(desk, person):
    assert 'name="shared"' not in desk.get(form_of("paid-orders")).content.decode()
    desk.post(form_of("paid-orders"), GOOD | {"save": "1", "preset_name": "mine", "shared": "on"})
    assert not ExportPreset.objects.get().shared

    dee = signed_in(person("dee", "export_order", "share_preset"))
    assert 'name="shared"' in dee.get(form_of("paid-orders")).content.decode()
    dee.post(form_of("paid-orders"), GOOD | {"save": "1", "preset_name": "ours", "shared": "on"})
    assert ExportPreset.objects.get(name="ours").shared


def test_everybody_gets_the_pages_that_are_theirs(person, subtests):
    kept = presets.save(seen_by(person("dee")), "mine", paid())
    forget = reverse("admin:exportapp_exportjob_forget", args=[kept.pk])
    answers = {
        #                 form, form of the unknown, its preset, delete it
        "anonymous": (302, 302, 302, 302),
        "without right": (403, 404, 403, 404),
        "other": (200, 404, 404, 404),
        "superuser": (200, 404, 404, 404),
    }
    clients = {
        "anonymous": Client(),
        "without right": signed_in(person("eve", "view_order")),
        "other": signed_in(person("bea")),
        "superuser": signed_in(person("root", is_superuser=True)),
    }
    for who, expected in answers.items():
        with subtests.test(who):
            client = clients[who]
            found = (
                client.get(form_of("paid-orders")),
                client.get(form_of("paid-order")),
                client.get(f"{form_of('paid-orders')}?preset={kept.pk}"),
                client.post(forget),
            )
            assert tuple(response.status_code for response in found) == expected
    assert ExportPreset.objects.exists()
    assert clients["other"].get(f"{form_of('paid-orders')}?preset=x").status_code == 404


def test_the_form_says_how_the_file_is_to_be(desk):
    chosen = {"format": "csv", "delimiter": ";", "gzip": "true", "consistency": "live"}
    page = desk.get(form_of("paid-orders")).content.decode()
    assert "Text with delimiters (.csv)" in page
    desk.post(form_of("paid-orders"), GOOD | chosen)
    job = ExportJob.objects.get()
    assert job.options == {"format": "csv", "delimiter": ";", "gzip": True}
    assert job.filename.endswith(".csv.gz")


def test_an_option_of_another_format_is_refused_on_the_form(desk):
    page = desk.post(form_of("paid-orders"), GOOD | {"delimiter": ";"}).content.decode()
    assert "is an option of csv; the format is xlsx." in page
    assert not ExportJob.objects.exists()


def test_a_preset_brings_its_options_to_the_form(desk):
    chosen = {"format": "csv", "bom": "false", "preset_name": "bank", "save": "1"}
    desk.post(form_of("paid-orders"), GOOD | chosen)
    preset = ExportPreset.objects.get()
    assert preset.options == {"format": "csv", "bom": False}
    page = desk.get(f"{form_of('paid-orders')}?preset={preset.pk}").content.decode()
    assert '<option value="csv" selected' in page
    assert '<option value="false" selected' in page
