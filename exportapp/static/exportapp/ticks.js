"use strict";
// Django takes 1,000 fields of a form (DATA_UPLOAD_MAX_NUMBER_FIELDS), and every tick is one. For
// the export they go as one field; the first stays, since without any the admin asks for a tick.
document.addEventListener("formdata", ({ formData }) => {
  const chosen = formData.getAll("action")[Number(formData.get("index") ?? 0)];
  const ticked = formData.getAll("_selected_action");
  if (chosen !== "export_to_excel" || ticked.length < 2) return;
  formData.set("_selected_action", ticked[0]);
  formData.set("export_keys", JSON.stringify(ticked));
  // What can be edited in the list is not saved by an action, and counts as fields too.
  for (const name of new Set(formData.keys())) {
    if (/^form-\d+-/.test(name)) formData.delete(name);
  }
});
