"""The wheel is what people install: it must hold everything and work away from a checkout."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

import pytest
from openpyxl import load_workbook
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.services import services

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
QUICKSTART = (ROOT / "docs" / "quickstart.md").read_text()

MODELS = """
from django.db import models

class Customer(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name

class Order(models.Model):
    number = models.CharField(max_length=20)
    customer = models.ForeignKey(Customer, models.CASCADE)
    amount = models.DecimalField(max_digits=9, decimal_places=2)
    rate = models.DecimalField(max_digits=9, decimal_places=2)
    postage = models.DecimalField(max_digits=9, decimal_places=2)
    created_at = models.DateTimeField(auto_now_add=True)
"""
ADMIN = """
from decimal import Decimal
from django.contrib import admin
from django.db.models import F
from django.utils.translation import gettext_lazy as _
from shop.models import Order
"""
FIRST_EXPORT = """
import exportapp
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client

assert exportapp.__file__.startswith({site!r}), exportapp.__file__
call_command("makemigrations", "shop", verbosity=0)
call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING")
assert Permission.objects.filter(codename="export_order").exists()

from shop.models import Customer, Order

ann = Customer.objects.create(name="Ann")
Order.objects.create(number="N1", customer=ann, amount="10.50", rate=2, postage="4.90")
call_command("export_excel", "shop.Order", "--output=orders.xlsx")

client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.create_superuser("ann"))
for page in ("shop/order/", "exportapp/exportjob/"):
    answer = client.get(f"/admin/{{page}}")
    assert answer.status_code == 200 and b"exportapp/export.css" in answer.content, page
assert client.get("/admin/django_rq/dashboard/").status_code == 404
"""
TOLD = """
from django.contrib.auth.models import User
from django.test import Client
from mysite import cron

client = Client(SERVER_NAME="localhost")
client.force_login(User.objects.get())
page = client.get("/admin/").content.decode()
assert ">Orders</a> is ready." in page, page
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    folder = tmp_path_factory.mktemp("wheel")
    build = ["wheel", "--no-index", "--no-build-isolation", "--no-deps", "-w", str(folder)]
    run(ROOT, "-m", "pip", "--disable-pip-version-check", *build, str(ROOT))
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as file:
        yield file


def run(folder: Path, *args: str, **env: str) -> str:
    """Python with `args` in `folder`; its output. A failure shows everything it said."""
    done = subprocess.run(
        [sys.executable, *args],
        cwd=folder,
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def files(folder: Path) -> set[str]:
    """Every file below, relative, without what Python makes by itself."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path.relative_to(folder).as_posix() for path in found}


def test_the_wheel_holds_the_package_and_its_templates_and_nothing_else(
    wheel: zipfile.ZipFile,
) -> None:
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    package = {f"exportapp/{name}" for name in files(ROOT / "exportapp")}
    templates = {f"exportapp/templates/{name}" for name in files(ROOT / "templates")}

    assert inside == package | templates
    assert {
        "exportapp/jobs/anchors.lua",
        "exportapp/locale/zh_Hans/LC_MESSAGES/django.mo",
        "exportapp/migrations/0001_initial.py",
        "exportapp/py.typed",
        "exportapp/static/exportapp/export.css",
        "exportapp/templates/exportapp/job.html",
    } <= inside


def test_the_wheel_says_what_it_is(wheel: zipfile.ZipFile) -> None:
    folder = f"exportapp-{PROJECT['version']}.dist-info"
    said = wheel.read(f"{folder}/METADATA").decode()

    assert f"\nVersion: {PROJECT['version']}\n" in said
    assert said.endswith((ROOT / "README.md").read_text())
    assert wheel.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


@pytest.mark.parametrize("face", ["api", "client", "everything else"])
def test_what_the_package_imports_is_required(face: str) -> None:
    extras = PROJECT["optional-dependencies"]
    # What an option or a setting asks for says itself how to install it.
    by_setting = [
        name for extra in ("s3", "sendfile", "verify", "webhooks") for name in extras[extra]
    ]
    asked = PROJECT["dependencies"] + by_setting
    parts = {name: [*(ROOT / "exportapp" / name).rglob("*.py")] for name in ("api", "client")}
    paths = parts.get(face) or [
        path
        for path in (ROOT / "exportapp").rglob("*.py")
        if path not in {*parts["api"], *parts["client"]}
    ]
    if face == "client":
        # It needs nothing of the rest.
        asked = extras["client"]
    elif face == "api":
        asked = asked + extras["api"]
    installed = metadata.packages_distributions()
    imported = {name for path in paths for name in imports(ast.parse(path.read_text()))}
    third = imported - sys.stdlib_module_names - {"exportapp"}

    assert third and ("django" in third) is (face != "client")
    required = with_their_own(asked)
    missing = {
        name
        for name in third
        if not required & {canonicalize_name(owner) for owner in installed[name]}
    }
    assert not missing


@pytest.mark.parametrize("columns", ["of the list", "of its own"])
def test_the_quickstart_leads_to_a_file(
    columns: str, wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    written = re.findall(r"```python\n(.*?)```", QUICKSTART, re.DOTALL)
    settings, of_list, of_its_own, cron = written
    settings = settings.replace("redis://127.0.0.1:6379", services.valkey.url.rpartition("/")[0])
    site, home = tmp_path / "site", tmp_path / "home"
    wheel.extractall(site)
    home.mkdir()
    environment = {"PYTHONPATH": str(site), "DJANGO_SETTINGS_MODULE": "mysite.settings"}
    run(home, "-m", "django", "startproject", "mysite", ".", **environment)
    run(home, "manage.py", "startapp", "shop", **environment)
    with (home / "mysite" / "settings.py").open("a") as file:
        file.write(f"{settings}\nINSTALLED_APPS.append('shop')\n")
    (home / "shop" / "models.py").write_text(MODELS)
    admin = of_list if columns == "of the list" else of_its_own
    (home / "shop" / "admin.py").write_text(ADMIN + admin)

    first = FIRST_EXPORT.format(site=str(site))
    run(home, "manage.py", "shell", "--no-imports", "-c", first, **environment)

    header, *rows = load_workbook(home / "orders.xlsx").active.iter_rows(values_only=True)
    if columns == "of the list":
        assert header == ("Number", "Customer", "Amount", "Created at")
        assert [row[:3] for row in rows] == [("N1", "Ann", 10.5)]
        (home / "mysite" / "cron.py").write_text(cron)
        for command in ("export_excel shop.Order --queue --user ann", "rqworker exports --burst"):
            run(home, "manage.py", *command.split(), **environment)
        run(home, "manage.py", "export_reconcile", **environment)
        run(home, "manage.py", "shell", "--no-imports", "-c", TOLD, **environment)
    else:
        assert header == ("Number", "Customer", "Customer no.", "Amount in EUR", "Total")
        assert rows == [("N1", "Ann", 1, 21, 15.4)]


def imports(tree: ast.AST) -> Iterator[str]:
    """Top-level names imported anywhere in a module but for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]
        yield from imports(node)


def with_their_own(asked: Iterable[str]) -> set[str]:
    """The names of these requirements and of all that they require themselves."""
    names: set[str] = set()
    waiting = [Requirement(text) for text in asked]
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        if name not in names and (one.marker is None or one.marker.evaluate({"extra": ""})):
            names.add(name)
            waiting += map(Requirement, metadata.requires(one.name) or ())
    return names
