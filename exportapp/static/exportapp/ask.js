// What the buttons of the asking page do without a way to the server and back. The order of the
// rows is the order of the columns: nothing else has to be kept.
const form = document.getElementById("export-ask");
const told = document.getElementById("export-moved");

const changed = (element) => element.dispatchEvent(new Event("change", { bubbles: true }));

const tell = (row) => {
  const rows = [...row.parentElement.rows];
  const words = {
    title: row.querySelector("input[type=text]").value,
    place: rows.indexOf(row) + 1,
    count: rows.length,
  };
  told.textContent = told.dataset.words.replace(/\{(\w+)\}/g, (_, name) => words[name]);
};

const move = (row, way) => {
  const other = way === "up" ? row.previousElementSibling : row.nextElementSibling;
  // The other row is moved, so that the button that was pressed keeps the focus.
  if (other && way === "up") row.after(other);
  else if (other) row.before(other);
  tell(row);
  changed(row);
};

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.name === "tick") {
    for (const box of form.querySelectorAll("input[name=columns]")) {
      box.checked = button.value === "all";
    }
    changed(button);
  } else if (button?.name === "move") {
    move(button.closest("tr"), button.value.split(":")[0]);
  } else if (button?.name === "preview") {
    changed(button);
  } else {
    return;
  }
  event.preventDefault();
});

// By pointer: the row follows the handle, with a mouse, a pen or a finger.
for (const handle of form.querySelectorAll(".export-handle")) {
  handle.hidden = false;
  const row = handle.closest("tr");
  const drag = ({ clientY }) => {
    for (const other of row.parentElement.rows) {
      const { top, bottom } = other.getBoundingClientRect();
      if (other === row || clientY < top || clientY > bottom) continue;
      if (row.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING) other.after(row);
      else other.before(row);
      return;
    }
  };
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    row.classList.add("selected");
    document.addEventListener("pointermove", drag);
    const drop = () => {
      document.removeEventListener("pointermove", drag);
      document.removeEventListener("pointerup", drop);
      document.removeEventListener("pointercancel", drop);
      row.classList.remove("selected");
      tell(row);
      changed(row);
    };
    document.addEventListener("pointerup", drop);
    document.addEventListener("pointercancel", drop);
  });
}

// Only the options of the chosen format: what is hidden is not sent either.
const format = form.querySelector("select[name=format]");
const show = () => {
  for (const part of form.querySelectorAll("fieldset[data-format]")) {
    part.hidden = part.disabled = part.dataset.format !== (format.value || part.dataset.usual);
  }
};
format.addEventListener("change", show);
// A browser that comes back restores fields after the page.
window.addEventListener("pageshow", show);
show();
