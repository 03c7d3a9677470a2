from __future__ import annotations

import os
import shutil
from pathlib import Path

from exportapp.exceptions import RequestRefused
from exportapp.jobs.delivery import note
from exportapp.jobs.files import local_path
from exportapp.jobs.objects.fetch import on_this_machine
from exportapp.models import ExportFile, ExportJob
from exportapp.tables.selection import Operator


def require_writable(output: Path) -> None:
    """Raises RequestRefused at the door, before anything is created."""
    folder = output.absolute().parent
    if output.is_dir():
        raise RequestRefused(f"--output {output} is a folder; give the name of a file.")
    if not folder.is_dir():
        raise RequestRefused(f"--output {output}: the folder {folder} does not exist.")
    target = output if output.exists() else folder
    if not os.access(target, os.W_OK) or not os.access(folder, os.W_OK):
        raise RequestRefused(f"--output {output}: {target} is not writable.")


def hand_out(job: ExportJob, output: Path | None) -> list[Path]:
    """The finished files where the person wants them: `output`, then `output-2`, `output-3`…

    Each appears whole or not at all. Raises OSError when there is no room.
    """
    files = list(job.files.all())
    if output is None:
        return [_place(file) for file in files]
    paths = []
    for file in files:
        name = output.name if file.number == 1 else f"{output.stem}-{file.number}{output.suffix}"
        paths.append(output.with_name(name))
        with on_this_machine(job, [file]) as (near,):
            _copy(local_path(near.path), paths[-1])
        note(job, Operator(), file.number, file.filename, resumed=False)
    return paths


def _place(file: ExportFile) -> Path:
    """Where it is; behind the alias of its storage, where that is another one."""
    return Path(f"{file.storage}:{file.path}") if file.storage else local_path(file.path)


def _copy(source: Path, target: Path) -> None:
    part = target.with_name(target.name + ".part")
    try:
        shutil.copyfile(source, part)
        os.replace(part, target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
