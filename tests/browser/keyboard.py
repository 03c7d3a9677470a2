from __future__ import annotations

from playwright.sync_api import Page

RING = """(element) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) > 0) || boxShadow !== "none";
}"""
STOPS = 150


def tab_to(page: Page, selector: str, *, back: bool = False) -> None:
    """Go there by the keyboard. Raises AssertionError where it does not lead."""
    wanted = page.locator(selector).first
    for _ in range(STOPS):
        if wanted.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"The keyboard does not reach {selector}")


def has_ring(page: Page) -> bool:
    """Whether it can be seen where the keyboard is."""
    return bool(page.locator("*:focus").evaluate(RING))


def skip_navigation(page: Page) -> None:
    """By the link that the admin has for it, the first of the page."""
    tab_to(page, ".skip-to-content-link")
    page.keyboard.press("Enter")
