"""Downloads that break on the way, with a real client and a real server."""

from __future__ import annotations

import hashlib
import json
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from project.demo.valkey import free_port
from tests.house import Builder, House, wait_for

SPLIT = {"TEST_SETTINGS": json.dumps({"EXPORTAPP_SHEET_ROWS": 1000, "EXPORTAPP_WORKBOOK_BYTES": 1})}


@dataclass
class Shop:
    """A house whose web server answers, with curl signed in as "ada"."""

    house: House
    url: str
    jar: Path

    def curl(self, *args: str) -> list[str]:
        return ["curl", "--silent", "--show-error", "--fail", "--cookie", str(self.jar), *args]

    def export(self, **env: str) -> str:
        """The address of a finished export of hers."""
        args = ("export_excel", "shop.Order", "--user", "ada", "--json")
        done = self.house.manage(*args, **env)
        assert done.returncode == 0, done.stderr
        return f"{self.url}/api/exports/{json.loads(done.stdout)['id']}/"

    def downloads(self) -> int:
        sql = "SELECT count(*) FROM exportapp_exportevent WHERE kind = 'downloaded'"
        return int(self.house.rows(sql)[0][0])


@pytest.fixture(scope="module")
def shop(_builder: Builder, tmp_path_factory: pytest.TempPathFactory):
    house = _builder.build(orders=4000, database="postgresql")
    user = ("createsuperuser", "--noinput", "--username", "ada", "--email", "ada@example.com")
    assert house.manage(*user, DJANGO_SUPERUSER_PASSWORD="secret").returncode == 0
    url = f"http://127.0.0.1:{free_port()}"
    server = house.start("runserver", "--noreload", "--insecure", url.removeprefix("http://"))
    ask = ["curl", "--silent", "--fail", "--output", "/dev/null", f"{url}/healthz"]
    wait_for(lambda: not subprocess.run(ask, check=False).returncode or not server.alive)
    assert server.alive, server.log()
    yield Shop(house, url, sign_in(url, tmp_path_factory.mktemp("jar") / "cookies.txt"))
    _builder.demolish(house)


def sign_in(url: str, jar: Path) -> Path:
    cookies = ["curl", "--silent", "--fail", "--cookie", str(jar), "--cookie-jar", str(jar)]
    login = f"{url}/admin/login/"
    subprocess.run([*cookies, "--output", "/dev/null", login], check=True)
    token = next(line for line in jar.read_text().splitlines() if "csrftoken" in line).split()[-1]
    form = f"csrfmiddlewaretoken={token}&username=ada&password=secret&next=/admin/"
    subprocess.run([*cookies, "--output", "/dev/null", "--data", form, login], check=True)
    assert "sessionid" in jar.read_text()
    return jar


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def broken_and_resumed(shop: Shop, address: str, target: Path) -> None:
    """Download with curl, kill that in the middle, and have another one go on."""
    # What it has buffered comes at once, whatever the limit.
    slow = shop.curl("--limit-rate", "1K", "--output", str(target), address)
    with subprocess.Popen(slow) as client:
        wait_for(
            lambda: (
                client.poll() is not None or (target.exists() and target.stat().st_size > 30_000)
            )
        )
        assert client.poll() is None, "it was to break before its end"
        client.kill()
    got = target.stat().st_size
    again = shop.curl("--continue-at", "-", "--output", str(target), "--dump-header", "-", address)
    done = subprocess.run(again, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert " 206 " in done.stdout.splitlines()[0]
    assert f"Content-Range: bytes {got}-" in done.stdout


def test_a_broken_download_that_curl_resumes_is_the_same_file(shop: Shop, tmp_path: Path) -> None:
    address, before = shop.export(), shop.downloads()
    listed = subprocess.run(shop.curl(address), capture_output=True, check=True).stdout
    (file,) = json.loads(listed)["files"]
    target = tmp_path / "orders.xlsx"

    broken_and_resumed(shop, f"{address}download/", target)

    assert hashlib.sha256(target.read_bytes()).hexdigest() == file["sha256"]
    assert shop.downloads() == before + 1


def test_a_broken_download_of_several_files_is_the_same_zip(shop: Shop, tmp_path: Path) -> None:
    address = f"{shop.export(**SPLIT)}download/"
    whole, target = tmp_path / "whole.zip", tmp_path / "orders.zip"
    subprocess.run(shop.curl("--output", str(whole), address), check=True)

    broken_and_resumed(shop, address, target)

    assert target.read_bytes() == whole.read_bytes()
    with zipfile.ZipFile(target) as found:
        assert found.testzip() is None
        manifest = json.loads(found.read("manifest.json"))
        for file in manifest["files"]:
            assert hashlib.sha256(found.read(file["name"])).hexdigest() == file["sha256"]
        assert len(manifest["files"]) == 4


def test_the_head_of_a_download_tells_its_size_and_is_none(shop: Shop) -> None:
    address, before = shop.export(), shop.downloads()
    done = subprocess.run(
        shop.curl("--head", f"{address}download/"), capture_output=True, text=True, check=True
    )
    headers = {
        name.lower(): value.strip()
        for name, _, value in (line.partition(":") for line in done.stdout.splitlines())
    }
    assert int(headers["content-length"]) > 0
    assert headers["accept-ranges"] == "bytes"
    assert shop.downloads() == before
