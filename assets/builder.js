/* The builder: going to a field, and the keys of undo and redo. */

"use strict";

(() => {
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
})();
