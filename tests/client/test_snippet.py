"""The code for browsers, docs/exports.ts: checked by TypeScript, and run as that makes it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from exportapp.jobs import live
from exportapp.jobs.work import work
from exportapp.models import ExportFile
from tests.api.servers import Handler, client_of
from tests.house import ROOT

DRIVER = """
import { createHash } from "node:crypto";
import { ask, poll, follow, download } from "./exports.js";

const [api, csrf] = process.argv.slice(2);
const states = { polled: [], heard: [], crowded: [] };
const asked = await ask(api, { source: "shop.Order" }, csrf);
console.log(asked.id);
const [found, end] = await Promise.all([
  poll(asked, (now) => states.polled.push(now.state)),
  follow(asked, (now) => states.heard.push(now.state)),
  follow(asked, (now) => states.crowded.push(now.state)),
]);
console.log("ready");
await new Promise((done) => process.stdin.once("data", done));
const blob = await download(found.links.download);
const digest = createHash("sha256").update(Buffer.from(await blob.arrayBuffer())).digest("hex");
let refused = "";
await ask(api, { source: "shop.Nothing" }, csrf).catch((error) => (refused = error.message));
console.log(JSON.stringify({ states, digest, end: end.state, refused }));
process.exit();
"""


TYPESCRIPT = "5.9.3"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what the strict compiler makes of it; npm keeps the compiler."""
    if not shutil.which("npx"):
        pytest.skip("node is not installed")
    folder = tmp_path_factory.mktemp("typescript")
    npx = ["npx", "--yes", "--prefer-offline", f"--package=typescript@{TYPESCRIPT}", "--", "tsc"]
    options = ["--strict", "--skipLibCheck", "--noEmitOnError", "--target", "es2022"]
    words = [*npx, *options, "--outDir", str(folder), str(ROOT / "docs/exports.ts")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder)
    if done.returncode and "error TS" not in done.stdout:
        pytest.skip(f"TypeScript cannot be had: {done.stderr}")
    assert not done.returncode, done.stdout
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def test_the_code_for_browsers_does_what_it_says(
    site: Any, compiled: Path, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setattr(live, "SETTLED_SECONDS", 0.0)
    settings.EXPORTAPP_SSE_PER_PROCESS = 1
    (compiled / "driver.js").write_text(DRIVER)
    with client_of(site.user, site.http) as signed:
        cookies = "; ".join(f"{name}={value}" for name, value in signed.cookies.items())
    plain = Handler.get_environ
    # A browser sends its cookies by itself; node has none.
    monkeypatch.setattr(
        Handler, "get_environ", lambda self: {**plain(self), "HTTP_COOKIE": cookies}
    )
    command = ["node", "--no-warnings", "--experimental-eventsource", "driver.js"]
    with subprocess.Popen(
        [*command, f"{site.http}/api/", "t" * 32],
        cwd=compiled,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as node:
        assert node.stdin and node.stdout
        work(node.stdout.readline().strip())
        assert node.stdout.readline() == "ready\n"
        site.break_behind(9_000, times=3)
        said, _ = node.communicate("go\n", timeout=60)
    told = json.loads(said)

    assert told["digest"] == ExportFile.objects.get().sha256
    assert told["end"] == "succeeded"
    assert {states[-1] for states in told["states"].values()} == {"succeeded"}
    assert "shop.Nothing" in told["refused"] and site.broken >= 1
