"""A process that asks a breaker, in a module that a new process can import before Django is up."""

from __future__ import annotations

from multiprocessing.connection import Connection


def answer(pipe: Connection, name: str) -> None:
    """Count a failure for each "fail" and ask for each "ask", until an empty word comes."""
    import django

    django.setup()
    from exportapp.jobs.breaker import Breaker

    while word := pipe.recv():
        pipe.send(Breaker(name).failed() if word == "fail" else Breaker(name).wait())
