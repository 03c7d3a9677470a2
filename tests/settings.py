from __future__ import annotations

import json
import os

from project.settings import *  # noqa: F403
from project.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework.authtoken", "tests.gallery"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A kept connection would stand in the way when the test database is dropped.
DATABASES["default"]["CONN_MAX_AGE"] = 0
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # A file, as in the demo: threads and processes of a test see the same database.
    DATABASES["default"]["TEST"] = {"NAME": f"{DATABASES['default']['NAME']}.test"}

# A second database, which has the gallery's relics and nothing else.
DATABASES["archive"] = DATABASES["default"] | {
    "NAME": f"{DATABASES['default']['NAME']}.archive",
    "TEST": {"NAME": f"{DATABASES['default']['NAME']}.archive.test", "MIGRATE": False},
}
DATABASE_ROUTERS = ["tests.gallery.routing.ArchiveRouter"]

# Processes of a house are told their EXPORTAPP_ settings as JSON: they cannot be patched.
globals().update(json.loads(os.environ.get("TEST_SETTINGS", "{}")))
