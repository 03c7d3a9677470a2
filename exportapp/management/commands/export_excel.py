from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, get_args

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from exportapp.exceptions import ExportError, RequestRefused
from exportapp.jobs import lifecycle
from exportapp.jobs.delivery import manifest_of
from exportapp.jobs.errors import describe
from exportapp.jobs.options import CHOICES, NAMES
from exportapp.jobs.presets import save_named
from exportapp.jobs.recheck import recheck
from exportapp.jobs.reconcile import recover
from exportapp.jobs.transitions import settle
from exportapp.management import output, request, running, showing
from exportapp.models import Consistency, ExportJob
from exportapp.states import RESUMABLE, STOPPING, WORKING, JobState
from exportapp.tables.readers import Policy
from exportapp.tables.selection import Operator

FAILED, USAGE, INTERRUPTED = 1, 2, 130
VERBS = ("resume", "start_over", "pause", "cancel", "status", "manifest", "verify")


class Command(BaseCommand):
    help = "Export the rows of a model to an Excel file: here, or by the workers (--queue)."

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(request.with_orders_joined(argv))

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "model", nargs="?", help="app.Model, such as shop.Order, or a registered export's name"
        )
        asked = parser.add_argument_group("what to export")
        asked.add_argument("--filter", action="append", default=[], metavar="NAME=VALUE")
        asked.add_argument("--search", metavar="TEXT", help="as in the admin's search box")
        asked.add_argument("--order", metavar="NAMES", help="comma separated, '-' for descending")
        asked.add_argument("--columns", metavar="NAMES", help="comma separated")
        asked.add_argument("--title", action="append", default=[], metavar="NAME=TEXT")
        asked.add_argument("--codes", action="store_true", help="codes of choices, not labels")
        asked.add_argument(
            "--param",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="of a registered export; again for several values",
        )
        asked.add_argument("--preset", metavar="NAME", help="what was saved under this name")
        asked.add_argument("--save-preset", metavar="NAME", help="save this, then export it")
        asked.add_argument("--shared", action="store_true", help="with --save-preset: for all")
        asked.add_argument("--policy", choices=get_args(Policy), help="for bad values")
        asked.add_argument(
            "--consistency", choices=Consistency.values, help="snapshot: all rows at one moment"
        )
        asked.add_argument("--format", choices=CHOICES["format"], help="what the file is")
        asked.add_argument(
            "--option",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="of the file: " + ", ".join(NAMES),
        )
        asked.add_argument("--user", metavar="NAME", help="as this person; else as operator")
        asked.add_argument(
            "--notify",
            action="append",
            metavar="NAME",
            help="how to be told of the end, such as email; again for several",
        )
        how = parser.add_argument_group("how")
        how.add_argument("--output", "-o", type=Path, metavar="FILE")
        how.add_argument("--queue", action="store_true", help="leave the work to the workers")
        how.add_argument("--watch", action="store_true", help="with --queue: wait for the end")
        how.add_argument("--json", action="store_true", help="print the result for machines")
        verbs = parser.add_argument_group("exports that exist").add_mutually_exclusive_group()
        for verb in VERBS:
            verbs.add_argument(f"--{verb.replace('_', '-')}", metavar="ID")
        verbs.add_argument("--list", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._dispatch(options)
        except RequestRefused as error:
            raise CommandError(describe(error), returncode=USAGE) from error
        except (ExportError, DatabaseError, OSError) as error:
            raise CommandError(describe(error), returncode=FAILED) from error

    def _dispatch(self, options: dict[str, Any]) -> None:
        verb = next((v for v in VERBS if options[v]), None)
        if options["list"]:
            return self._list(options)
        if (options["model"] is None) == (verb is None):
            raise RequestRefused("Give a model, such as shop.Order, or one of --resume, --list, …")
        if options["output"]:
            # call_command() hands on what it was given, be it a Path or text.
            options["output"] = Path(options["output"])
            self._require_output(options)
        if verb is None:
            return self._create(options)
        job = request.find_job(options[verb])
        if verb == "resume":
            return self._resume(job, options)
        if verb == "start_over":
            new = lifecycle.start_over(job, user=Operator(), queue=options["queue"])
            return self._run(new, options)
        if verb == "manifest":
            return self._say(manifest_of(job).decode().rstrip("\n"))
        if verb == "verify":
            return self._verify(job, options)
        if verb != "status":
            getattr(lifecycle, verb)(job, user=Operator())
        return self._say(showing.as_whole(job) if options["json"] else showing.as_line(job))

    def _require_output(self, options: dict[str, Any]) -> None:
        if options["queue"] and not options["watch"]:
            raise RequestRefused("--output with --queue needs --watch: the file comes later.")
        output.require_writable(options["output"])

    def _create(self, options: dict[str, Any]) -> None:
        viewer = request.viewer(options["user"])
        recipe = request.recipe_of(options, viewer)
        if recipe.note:
            self.stderr.write(recipe.note)
        if options["save_preset"]:
            kept: dict[str, Any] = {"policy": recipe.policy, "options": recipe.options}
            kept |= {"notify": recipe.notify, "shared": options["shared"]}
            save_named(viewer, options["save_preset"], recipe.selection, **kept)
        elif options["shared"]:
            raise RequestRefused("--shared goes with --save-preset.")
        job, _ = lifecycle.create(
            recipe.selection,
            viewer,
            policy=recipe.policy,
            consistency=options["consistency"],
            options=recipe.options,
            notify=recipe.notify,
            queue=options["queue"],
        )
        self._run(job, options)

    def _resume(self, job: ExportJob, options: dict[str, Any]) -> None:
        # A killed process leaves its export running in the books: take it over.
        recover(job)
        if job.state in STOPPING:
            settle(job)
        if job.state in RESUMABLE:
            lifecycle.resume(job, user=Operator(), queue=options["queue"])
        elif job.state not in WORKING | {JobState.SUCCEEDED}:
            raise ExportError(f"Export {job.pk} is {job.state}; it cannot be resumed.")
        self._run(job, options)

    def _run(self, job: ExportJob, options: dict[str, Any]) -> None:
        if options["queue"] and not options["watch"]:
            return self._say(showing.as_data(job) if options["json"] else str(job.pk))
        try:
            self._finish(job, options)
        except DatabaseError as error:
            raise ExportError(f"{describe(error)}{_way_on(job, options)}") from error

    def _finish(self, job: ExportJob, options: dict[str, Any]) -> None:
        if not (running.watch if options["queue"] else running.work_here)(job):
            self._interrupted(job, options)
        job.refresh_from_db()
        if job.state != JobState.SUCCEEDED:
            hint = _way_on(job, {}) if job.can_resume else ""
            raise ExportError(f"Export {job.pk} {job.state}: {job.error or 'stopped'}{hint}")
        paths = output.hand_out(job, options["output"])
        data = showing.as_data(job, paths)
        self._say(data if options["json"] else showing.as_result(job, paths))

    def _verify(self, job: ExportJob, options: dict[str, Any]) -> None:
        compared = recheck(job, Operator())
        told = {"id": str(job.pk), "compared": compared.name.lower()}
        self._say(told if options["json"] else f"Export {job.pk} is as it was made: {compared}.")

    def _interrupted(self, job: ExportJob, options: dict[str, Any]) -> None:
        job.refresh_from_db()
        if options["queue"]:
            self.stderr.write(f"The workers go on. Look again: export_excel --status {job.pk}")
        else:
            if job.can_pause:
                lifecycle.pause(job, user=Operator())
            self.stderr.write(f"Interrupted.{_way_on(job, options)}")
        sys.exit(INTERRUPTED)

    def _list(self, options: dict[str, Any]) -> None:
        jobs = ExportJob.objects.all()[:100]
        if options["json"]:
            return self._say([showing.as_data(job) for job in jobs])
        return self._say("\n".join(map(showing.as_line, jobs)) or "No exports yet.")

    def _say(self, said: Any) -> None:
        self.stdout.write(said if isinstance(said, str) else showing.dumped(said))


def _way_on(job: ExportJob, options: dict[str, Any]) -> str:
    where = f" --output {options['output']}" if options.get("output") else ""
    return f" Go on: export_excel --resume {job.pk}{where}"
