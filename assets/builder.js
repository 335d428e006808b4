/* The builder's data picker: inserting without losing the cursor, and searching as one types.
 * And the keys of undo and redo. */

"use strict";

(() => {
  const lineAt = (event) => event.target.closest?.("[data-inserts]");

  // The field keeps its focus, so a click inserts where the person was typing.
  document.addEventListener("mousedown", (event) => {
    if (lineAt(event)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const line = lineAt(event);
    if (line) window.flowforge.insert(line.dataset.inserts);
  });

  window.flowforgeBuilder = {
    /* The field may not be drawn yet: the event that calls this opens its card. */
    focus(id, tries = 30) {
      const field = document.getElementById(id);
      if (field) field.focus();
      else if (tries > 0) setTimeout(() => this.focus(id, tries - 1), 30);
    },
  };

  // ---- Back and forth ---------------------------------------------------------------------
  /* Where somebody types the browser has its own undo; a dialog is about something else. */
  const isForText = (field) =>
    field?.isContentEditable ||
    (field?.matches?.("input, textarea, select") &&
      !/^(?:button|checkbox|radio|submit)$/.test(field.type));

  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.key.toLowerCase() !== "z") return;
    if (isForText(event.target) || document.querySelector("dialog[open]")) return;
    const button = document.querySelector(`[data-way="${event.shiftKey ? "redo" : "undo"}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  });

  const narrow = (tree, words) => {
    for (const group of tree.querySelectorAll("details")) {
      let fits = 0;
      for (const line of group.querySelectorAll("[data-inserts]")) {
        const text = `${line.dataset.inserts} ${line.textContent}`.toLowerCase();
        line.hidden = !words.every((word) => text.includes(word));
        fits += line.hidden ? 0 : 1;
      }
      group.hidden = words.length > 0 && fits === 0;
      if (words.length > 0 && fits > 0) group.open = true;
    }
  };

  document.addEventListener("input", (event) => {
    const id = event.target.dataset?.narrows;
    const tree = id && document.getElementById(id);
    if (tree) narrow(tree, event.target.value.toLowerCase().split(/\s+/).filter(Boolean));
  });
})();
