"""The code for browsers in docs/client.md, run as it stands there."""

from __future__ import annotations

import json
import re
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
import { ask, poll, listen, download } from "./snippet.mjs";

const [api, csrf] = process.argv.slice(2);
const states = { polled: [], heard: [] };
const asked = await ask(api, { source: "shop.Order" }, csrf);
console.log(asked.id);
const [found, end] = await Promise.all([
  poll(asked, (now) => states.polled.push(now.state)),
  listen(asked, (now) => states.heard.push(now.state)),
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


@pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")
def test_the_code_for_browsers_does_what_it_says(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "SETTLED_SECONDS", 0.0)
    (snippet,) = re.findall(
        r"^```js\n(.*?)^```$", (ROOT / "docs/client.md").read_text(), re.M | re.S
    )
    (tmp_path / "snippet.mjs").write_text(snippet)
    (tmp_path / "driver.mjs").write_text(DRIVER)
    with client_of(site.user, site.http) as signed:
        cookies = "; ".join(f"{name}={value}" for name, value in signed.cookies.items())
    plain = Handler.get_environ
    # A browser sends its cookies by itself; node has none.
    monkeypatch.setattr(
        Handler, "get_environ", lambda self: {**plain(self), "HTTP_COOKIE": cookies}
    )
    command = ["node", "--no-warnings", "--experimental-eventsource", "driver.mjs"]
    with subprocess.Popen(
        [*command, f"{site.http}/api/", "t" * 32],
        cwd=tmp_path,
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
    assert told["end"] == told["states"]["polled"][-1] == told["states"]["heard"][-1] == "succeeded"
    assert "shop.Nothing" in told["refused"] and site.broken >= 1
