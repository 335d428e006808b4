/* Boxes that narrow a list: which line is the active one, walked by arrows, taken by Enter. And the
 * keys that work on every page: the palette, and the sheet of all the others. */

"use strict";

(() => {
  const LONGEST = 100;
  const listOf = (box) => document.getElementById(box.getAttribute("aria-controls"));
  const optionsOf = (box) => [...(listOf(box)?.querySelectorAll("[role=option]") || [])];
  const activeOf = (box) => optionsOf(box).findIndex((one) => one.ariaSelected === "true");

  const mark = (box, to) => {
    const options = optionsOf(box);
    options.forEach((one, at) => one.setAttribute("aria-selected", at === to));
    box.setAttribute("aria-activedescendant", options[to]?.id || "");
    options[to]?.scrollIntoView({ block: "nearest" });
  };

  /* Whether the server has answered what stands in the box. */
  const isAnswered = (box) => listOf(box)?.dataset.query === box.value.slice(0, LONGEST);

  const watched = new WeakMap();
  /* The first line is the active one whenever there are others. */
  const watch = (box) => {
    const list = listOf(box);
    if (!list || watched.get(box) === list) return;
    watched.set(box, list);
    new MutationObserver(() => {
      mark(box, 0);
      if (!box.dataset.waits || !isAnswered(box)) return;
      delete box.dataset.waits;
      optionsOf(box)[0]?.click();
    }).observe(list, {
      childList: true,
      subtree: true,
      characterData: true,
      attributeFilter: ["data-query"],
    });
    mark(box, 0);
  };

  document.addEventListener("focusin", (event) => {
    if (event.target.matches?.("[data-finder]")) watch(event.target);
  });

  const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 };

  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (!box.matches?.("[data-finder]") || event.isComposing) return;
    const count = optionsOf(box).length;
    if (event.key in STEPS && count) {
      const to = activeOf(box) + STEPS[event.key];
      // One step goes around the end, a page stops there.
      const isStep = Math.abs(STEPS[event.key]) === 1;
      mark(box, isStep ? (to + count) % count : Math.max(0, Math.min(count - 1, to)));
      event.preventDefault();
    } else if (event.key === "Enter") {
      event.preventDefault();
      // Quicker than the answer: the first line of the answer is meant.
      if (!isAnswered(box)) box.dataset.waits = "true";
      else optionsOf(box)[Math.max(0, activeOf(box))]?.click();
    } else if (event.key.length === 1) {
      delete box.dataset.waits;
    }
  });

  document.addEventListener("pointermove", (event) => {
    const option = event.target.closest?.("[role=listbox] [role=option]");
    if (!option || option.ariaSelected === "true") return;
    const list = option.closest("[role=listbox]");
    const box = document.querySelector(`[data-finder][aria-controls="${CSS.escape(list.id)}"]`);
    if (box) mark(box, optionsOf(box).indexOf(option));
  });

  // ---- Pasting -----------------------------------------------------------------------------
  const STEPS_IN = /^\s*(?:[$>%#]\s+)?curl(?:\.exe)?\s|^\s*[{[]|```/;

  const fill = (field, text) => {
    // React listens to the native setter.
    const { prototype } = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
    Object.getOwnPropertyDescriptor(prototype, "value").set.call(field, text);
    field.dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("paste", (event) => {
    const area = document.getElementById(event.target.dataset?.pastes || "");
    const text = event.clipboardData?.getData("text/plain") || "";
    if (!area || !STEPS_IN.test(text)) return;
    event.preventDefault();
    area.closest("details").open = true;
    fill(area, text);
    area.focus();
    area.form.requestSubmit();
  });

  // ---- Keys of every page --------------------------------------------------------------------
  const PALETTE = "palette";
  const SHEET = "shortcuts";

  const isForText = (field) =>
    field?.isContentEditable ||
    (field?.matches?.("input, textarea, select") &&
      !/^(?:button|checkbox|radio|submit)$/.test(field.type));

  const openPalette = () => {
    const dialog = document.getElementById(PALETTE);
    if (!dialog || dialog.open) return;
    const box = dialog.querySelector("[data-finder]");
    box.value = "";
    delete box.dataset.waits;
    dialog.showModal();
    box.focus();
  };

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-opens-palette]")) openPalette();
  });

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const isCommand = event.ctrlKey || event.metaKey;
    if (isCommand && !event.shiftKey && event.key.toLowerCase() === "k") {
      const dialog = document.getElementById(PALETTE);
      if (!dialog) return;
      event.preventDefault();
      if (dialog.open) dialog.close();
      else document.querySelector("[data-opens-palette]").click();
    } else if (event.key === "?" && !isCommand && !isForText(event.target)) {
      const sheet = document.getElementById(SHEET);
      if (!sheet || document.querySelector("dialog[open]")) return;
      event.preventDefault();
      window.flowforge.open(SHEET);
    }
  });

  window.flowforgePalette = {
    /* The button that stands on the page, after the palette has closed. */
    press(testid) {
      document.querySelector(`[data-testid="${CSS.escape(testid)}"]:not(:disabled)`)?.click();
    },
    /* The same once it is drawn: the page that has it is only just being opened. */
    pressLater(testid, tries = 60) {
      const is_there = document.querySelector(`[data-testid="${CSS.escape(testid)}"]`);
      if (is_there) this.press(testid);
      else if (tries > 0) setTimeout(() => this.pressLater(testid, tries - 1), 50);
    },
  };
})();
