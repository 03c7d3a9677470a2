"""`export_excel` with the names of registered exports, parameters and presets."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from openpyxl import load_workbook

from exportapp.jobs import presets
from exportapp.models import ExportJob, ExportPreset
from project.shop.models import Order
from tests.exports.conftest import paid, seen_by


def rows_in(path):
    return list(load_workbook(path).worksheets[0].iter_rows(values_only=True))


@pytest.mark.usefixtures("shop")
def test_parameters_are_given_by_name_and_again_for_several(tmp_path):
    given = ["since=2020-01-01", "status=new", "status=shipped"]
    output = tmp_path / "out.xlsx"
    arguments = [f"--param={text}" for text in given]
    call_command("export_excel", "paid-orders", *arguments, output=str(output))

    orders = Order.objects.filter(status__in=["new", "shipped"]).order_by("-amount")
    assert [row[0] for row in rows_in(output)[1:]] == [order.number for order in orders]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["paid-orders"], ["'since' is missing", "such as 2026-01-31"]),
        (["paid-orders", "--param=since=soon"], ["'since' is 'soon'"]),
        (["paid-orders", "--param=since"], ["--param takes name=value", "'since'"]),
        (["paid-orders", "--param=since=2020-01-01", "--param=since=x"], ["one value"]),
        (["paid-orders", "--param=sinc=x"], ["Unknown parameter 'sinc'", "since"]),
        (["paid-order"], ["Unknown export 'paid-order'", "paid-orders"]),
        (["shop.Order", "--param=a=b"], ["Unknown parameter 'a'"]),
        (["shop.Order", "--preset=mine"], ["Unknown preset 'mine'"]),
        (["shop.Order", "--save-preset=mine"], ["--user"]),
        (["shop.Order", "--shared"], ["--save-preset"]),
        (["shop.Order", "--option=delimiter=;"], ["'delimiter' is an option of csv"]),
        (["shop.Order", "--option=gzip"], ["--option takes name=value", "'gzip'"]),
        (["shop.Order", "--option=zip=1"], ["Unknown option 'zip'", "gzip"]),
    ],
)
def test_what_is_wrong_is_a_usage_error_that_says_what_is_valid(arguments, words):
    with pytest.raises(CommandError) as refused:
        call_command("export_excel", *arguments)

    assert refused.value.returncode == 2
    assert all(word in str(refused.value) for word in words), str(refused.value)
    assert not ExportJob.objects.exists()


@pytest.mark.usefixtures("shop")
def test_a_preset_is_saved_and_used_as_its_person(person, tmp_path):
    person()
    as_bea = ["shop.Order", "--user=bea", f"--output={tmp_path / 'a.xlsx'}"]
    said = ["--filter=status=paid", "--columns=number,status", "--policy=skip"]
    call_command("export_excel", *as_bea, *said, "--save-preset=mine")
    call_command("export_excel", *as_bea, "--preset=mine", "--columns=status")
    preset = ExportPreset.objects.get()

    assert (preset.owner.username, preset.policy, preset.shared) == ("bea", "skip", False)
    assert rows_in(tmp_path / "a.xlsx")[0] == ("Status",)
    assert {row[0] for row in rows_in(tmp_path / "a.xlsx")[1:]} == {"Paid"}
    assert ExportJob.objects.first().policy == "skip"


@pytest.mark.usefixtures("shop")
def test_what_was_left_out_of_a_preset_is_said_on_stderr(person, capsys, tmp_path):
    root = seen_by(person("root", is_superuser=True))
    person()
    presets.save(root, "all", paid(columns=("number", "note")), shared=True)
    call_command(
        "export_excel",
        "paid-orders",
        preset="all",
        user="bea",
        output=str(tmp_path / "a.xlsx"),
    )

    assert "“note”" in capsys.readouterr().err
    assert rows_in(tmp_path / "a.xlsx")[0] == ("Number",)


@pytest.mark.usefixtures("shop")
def test_the_file_is_of_the_format_that_was_named(tmp_path):
    output = tmp_path / "out.csv"
    chosen = ["--format=csv", "--option=delimiter=;", "--option=bom=no"]
    call_command("export_excel", "shop.Order", *chosen, "--columns=number", output=str(output))
    orders = Order.objects.order_by("-created_at", "-id")
    assert output.read_text().splitlines() == ["Number", *(order.number for order in orders)]
