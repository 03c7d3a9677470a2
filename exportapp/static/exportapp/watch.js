"use strict";
// What a page of an export cannot say by being replaced in parts: the title and the picture of its
// tab, what is read out, which folds a person has opened, where the keyboard is, and a link that is
// copied. Without it everything is there after the next load of the page.
{
  const unfolded = new Set();

  function tell() {
    const live = document.querySelector("[data-export-title]");
    if (!live) return;
    const { exportTitle, exportIcon, exportSaid } = live.dataset;
    const [, ...site] = document.title.split(" | ");
    document.title = [exportTitle, ...site].join(" | ");
    const icon = document.getElementById("export-icon");
    if (icon && icon.getAttribute("href") !== exportIcon) icon.setAttribute("href", exportIcon);
    const said = document.getElementById("export-said");
    // The same words set again would be read out again.
    if (said && said.textContent !== exportSaid) said.textContent = exportSaid;
  }

  // What is looked at less often stands still once the export does: after a button it is asked for.
  let state = document.getElementById("export-job")?.dataset.exportState;
  function askAgain() {
    const now = document.getElementById("export-job")?.dataset.exportState;
    if (now === state) return;
    state = now;
    for (const part of document.querySelectorAll("[data-export-again]")) {
      // Each in its own name: of those in the name of the page all but two would be dropped.
      htmx.ajax("GET", part.dataset.exportAgain, { source: part, target: part, swap: "outerHTML" });
    }
  }

  // A part that is replaced takes the focus with it. It goes back to where it was; after a button
  // that is no longer offered, to the words that say what is now, never to another button.
  let place;
  document.addEventListener("htmx:beforeSwap", ({ detail: { target } }) => {
    const focused = document.activeElement;
    place = undefined;
    if (!target.contains(focused)) return;
    const name = ["formaction", "href", "aria-label"].find((name) => focused.hasAttribute(name));
    const value = name && `[${name}="${CSS.escape(focused.getAttribute(name))}"]`;
    const around = target.parentElement;
    const index = [...around.children].indexOf(target);
    place = { around, index, same: focused.localName + (value ?? "") };
  });

  function giveBackFocus() {
    if (!place) return;
    const { around, index, same } = place;
    const part = around.children[index];
    place = undefined;
    if (!part || part.contains(document.activeElement)) return;
    const words = part.querySelector("h2, .export-state");
    (part.querySelector(same) ?? words)?.focus({ preventScroll: true });
  }

  // A link that was made: all of it is chosen with its field, and copied by a button where the
  // browser lets a page do that, which is by HTTPS and on one's own machine.
  function chooseAll({ target }) {
    if (target?.id === "export-link") target.select();
  }
  document.addEventListener("focusin", chooseAll);
  chooseAll({ target: document.activeElement });
  for (const button of document.querySelectorAll("[data-export-copy]")) {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.exportCopy).value);
      document.getElementById("export-said").textContent = button.dataset.exportCopied;
      button.textContent = button.dataset.exportCopied;
    });
  }

  document.addEventListener("toggle", ({ target }) => {
    if (target.id) unfolded[target.open ? "add" : "delete"](target.id);
  }, true);

  document.addEventListener("htmx:afterSwap", () => {
    for (const id of unfolded) {
      const fold = document.getElementById(id);
      if (fold && !fold.open) fold.open = true;
    }
    giveBackFocus();
    tell();
    askAgain();
  });
}
