"""The rules of accessible pages, by axe-core, which tests/install fetches from npm."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from playwright.sync_api import Page

AXE: Final = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
SERIOUS: Final = frozenset({"serious", "critical"})
RUN: Final = """async (context) => {
    const { violations } = await axe.run(context, { resultTypes: ["violations"], preload: false });
    return violations.flatMap(({ id, impact, nodes }) =>
        nodes.map(({ html, target, any, all }) => ({
            id, impact, html, target: target.join(" "),
            why: [...any, ...all].map(({ message }) => message).join("; "),
        })));
}"""


def faults(page: Page, *except_for: str) -> dict[tuple[str, str], str]:
    """What axe calls serious or critical on the page as it is: (rule, element) and why.

    The page must be of a context with `bypass_csp`: axe applies styles of its own.
    """
    if not page.evaluate("'axe' in window"):
        page.add_script_tag(path=AXE)
        # Colours on their way from light to dark are none that anybody reads.
        page.add_style_tag(content="* { transition: none !important; }")
    found = page.evaluate(RUN, {"exclude": [[selector] for selector in except_for]})
    return {
        (each["id"], each["html"]): f"{each['target']}: {each['why']}"
        for each in found
        if each["impact"] in SERIOUS
    }


def too_wide(page: Page) -> int:
    """By how many pixels the page must be moved sideways to be read."""
    root = "document.documentElement"
    return int(page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))
