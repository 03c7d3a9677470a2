"""The demo, act by act. Whatever it starts is ended when it is left, by whatever door."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django_rq import get_connection
from rq import Worker

from project.demo.children import manage
from project.demo.valkey import Valkey, server_pid
from project.shop.models import Order

WORKERS = 2
PATIENCE_SECONDS = 60
LOOPBACK = {"127.0.0.1", "localhost", "::1"}

Say = Callable[[str], object]


def perform(*, rows: int, address: str | None, folder: Path, say: Say) -> None:
    """Start what is missing, export `rows` orders through the workers, serve the admin.

    `address` is where, as host:port; None stops before that.
    Logs, the Valkey's data and the finished file go to `folder`. Raises CommandError outside
    development, and when the Redis of REDIS_URL is neither there nor ours to start.
    """
    if not settings.DEBUG:
        raise CommandError("The demo makes a user admin/admin: it runs with DEBUG=1 only.")
    folder.mkdir(parents=True, exist_ok=True)
    with _sigterm_as_exit(), ExitStack() as stack:
        start_valkey(stack, folder, say)
        prepare(rows, say)
        start_workers(stack, folder, say)
        export(folder / "orders.xlsx", say)
        if address:
            # Only while it serves: a person may kill a worker then and see it healed.
            stack.enter_context(manage("rqcron", "project/cron.py", log=folder / "cron.log"))
            web = stack.enter_context(manage("runserver", "--noreload", address))
            say(f"\nAdmin: http://{address}/admin/shop/order/  user admin, password admin")
            say("Ctrl-C ends it.")
            web.wait()


def start_valkey(stack: ExitStack, folder: Path, say: Say) -> None:
    queue = settings.RQ_QUEUES["exports"]
    if server_pid(settings.REDIS.url) is not None:
        say(f"Redis: the one that answers at {queue['HOST']}:{queue['PORT']}")
        return
    if queue["HOST"] not in LOOPBACK:
        raise CommandError(f"No Redis answers at {queue['HOST']}:{queue['PORT']}.")
    valkey = stack.enter_context(Valkey(folder / "valkey", queue["PORT"]))
    say(f"Redis: our own Valkey on port {valkey.port}")


def prepare(rows: int, say: Say) -> None:
    """The tables, the shop's rows and somebody who may log in."""
    call_command("migrate", verbosity=0)
    say(f"Shop: {rows:,} orders ({settings.DATABASES['default']['ENGINE'].rpartition('.')[2]})")
    call_command("seed_shop", orders=rows)
    users = get_user_model()._default_manager
    if not users.filter(username="admin").exists():
        users.create_superuser("admin", "admin@example.com", "admin")


def start_workers(stack: ExitStack, folder: Path, say: Say) -> None:
    """Return once they listen, so that the export's time is the export's alone."""
    connection = get_connection("exports")
    strangers = Worker.count(connection)
    for number in range(1, WORKERS + 1):
        log = folder / f"worker-{number}.log"
        # DEBUG keeps every statement in memory, which is no way to measure.
        env = {"DEBUG": "0", "SECRET_KEY": str(settings.SECRET_KEY)}
        env |= {"REDIS_RETRIES": "60", "LOG_LEVEL": "INFO"}
        worker = stack.enter_context(manage("rqworker", "exports", log=log, **env))
        say(f"Worker {number}: process {worker.pid}, log {log}")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while Worker.count(connection) < strangers + number:
            if worker.poll() is not None or time.monotonic() > deadline:
                raise CommandError(f"Worker {number} did not start; see {log}.")
            time.sleep(0.05)


def export(output: Path, say: Say) -> None:
    started = time.monotonic()
    call_command("export_excel", "shop.Order", queue=True, watch=True, output=output)
    seconds, rows = time.monotonic() - started, Order.objects.count()
    size = output.stat().st_size / 2**20
    say(f"\n{output}: {rows:,} rows, {size:.1f} MiB, {seconds:.1f} s, {rows / seconds:,.0f} rows/s")


@contextmanager
def _sigterm_as_exit() -> Iterator[None]:
    """So that a plain `kill` runs the clean-up as well as Ctrl-C does."""

    def leave(signum: int, frame: FrameType | None) -> None:
        sys.exit(128 + signum)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
