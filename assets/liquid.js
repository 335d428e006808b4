/* The builder's fields that take data ([data-takes-data]): expressions are marked where they stand,
 * `{{` offers what may follow, and below stands what the text comes to.
 *
 * The text stays the browser's own, with its undo, paste and input methods: marks lie behind the
 * field, in a copy of it that nobody can touch. Of payloads only text nodes are made. */

"use strict";

(() => {
  const TAKES = "[data-takes-data]:not([type=password])";
  const EXPRESSION = /\{\{[^]*?\}\}|\{%[^]*?%\}/g;
  const PAUSE_MS = 200;
  const MOST_OFFERED = 50;
  const WORDS = { text: "text", number: "number", boolean: "true/false", list: "list", object: "object", null: "null" };

  const fields = new Map();
  let bridge = null;
  // No answer that the server still has from before is one to a question of this page.
  let number = Date.now();
  let count = 0;

  const make = (tag, look = "", text = "", attributes = {}) => {
    const made = document.createElement(tag);
    if (look) made.className = look;
    if (text) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  const hasExpression = (text) => text.includes("{{") || text.includes("{%");

  // ---- One field ------------------------------------------------------------------------------
  class Field {
    constructor(input) {
      this.input = input;
      this.key = input.id || `field-${(count += 1)}`;
      this.look = null;
      this.asked = 0;
      this.sizes = new ResizeObserver(() => this.place());
      this.sizes.observe(input);
      this.paint();
    }

    get chips() {
      return new Map((this.look?.chips || []).map((chip) => [chip.source, chip]));
    }

    /* The marks behind the text; none where there is nothing to mark. */
    paint() {
      const text = this.input.value;
      if (!hasExpression(text)) {
        this.mirror?.remove();
        this.mirror = null;
        this.look = null;
        delete this.input.dataset.mirrored;
        this.tell();
        return;
      }
      if (!this.mirror?.isConnected) {
        this.mirror = make("div", "", "", { "aria-hidden": "true" });
        this.input.before(this.mirror);
        this.input.dataset.mirrored = "";
      }
      const chips = this.chips;
      const parts = [];
      let end = 0;
      for (const found of text.matchAll(EXPRESSION)) {
        parts.push(text.slice(end, found.index));
        const chip = chips.get(found[0]);
        const state = found[0].startsWith("{%") ? "tag" : chip?.state || "new";
        const mark = make("mark", `lq-chip is-${state}`, found[0]);
        mark.dataset.source = found[0];
        parts.push(mark);
        end = found.index + found[0].length;
      }
      // Without it an empty last line would have no height.
      parts.push(text.slice(end), "\u200b");
      this.mirror.replaceChildren(...parts);
      this.place();
    }

    place() {
      const { input, mirror } = this;
      if (!mirror) return;
      mirror.className = `${input.className} lq-mirror ${input instanceof HTMLTextAreaElement ? "is-area" : ""}`;
      const bars = input.offsetWidth - input.clientWidth;
      mirror.style.left = `${input.offsetLeft}px`;
      mirror.style.top = `${input.offsetTop}px`;
      mirror.style.width = `${input.offsetWidth}px`;
      mirror.style.height = `${input.offsetHeight}px`;
      // A scroll bar of the field takes room that the copy has to leave free as well.
      const { borderLeftWidth, borderRightWidth, paddingRight } = getComputedStyle(input);
      const bar = bars - parseFloat(borderLeftWidth) - parseFloat(borderRightWidth);
      mirror.style.paddingRight = bar > 1 ? `${parseFloat(paddingRight) + bar}px` : "";
      this.scroll();
    }

    scroll() {
      if (!this.mirror) return;
      this.mirror.scrollLeft = this.input.scrollLeft;
      this.mirror.scrollTop = this.input.scrollTop;
    }

    /* The marked expression under a point of the window. */
    chipAt(x, y) {
      for (const mark of this.mirror?.querySelectorAll("mark") || []) {
        for (const box of mark.getClientRects()) {
          if (x >= box.left && x <= box.right && y >= box.top && y <= box.bottom) {
            return { chip: this.chips.get(mark.dataset.source), box };
          }
        }
      }
      return null;
    }

    /* The one that the cursor stands in. */
    chipAtCursor() {
      const at = this.input.selectionStart;
      for (const found of this.input.value.matchAll(EXPRESSION)) {
        if (at > found.index && at < found.index + found[0].length) return this.chips.get(found[0]);
      }
      return null;
    }

    take(look) {
      this.look = look;
      this.paint();
      this.tell();
    }

    /* Below the field: what is wrong or missing; with the cursor in it, what it comes to. */
    tell() {
      const { input, look } = this;
      const hasCursor = document.activeElement === input;
      const lines = [];
      if (look?.error) lines.push(line("lq-said is-wrong", look.error, "liquid-error"));
      for (const note of look?.notes || []) lines.push(line("lq-said is-missing", note, "liquid-note"));
      if (hasCursor && look && !look.error) lines.push(this.preview(look));
      if (!lines.length) {
        this.note?.remove();
        this.note = null;
        input.removeAttribute("aria-describedby");
        return;
      }
      if (!this.note?.isConnected) {
        this.note = make("div", "lq-note", "", { id: `${this.key}-liquid`, role: "status" });
        const pair = input.closest(".pair");
        if (pair) pair.append(this.note);
        else input.after(this.note);
        if (!input.hasAttribute("aria-describedby")) input.setAttribute("aria-describedby", this.note.id);
      }
      this.note.replaceChildren(...lines);
    }

    preview(look) {
      const made = make("div", "lq-preview", "", { "data-testid": "liquid-preview" });
      const chip = this.chipAtCursor();
      if (chip?.label) made.append(make("span", "lq-label", chip.label, { "data-testid": "liquid-label" }));
      const value = make("bdi", look.value ? "lq-value" : "lq-value is-empty", look.value || (look.kind === "text" ? "empty" : look.kind));
      if (look.is_cut) value.append(make("span", "lq-cut", " … this is the beginning"));
      const type = make("span", "v-type", WORDS[look.kind] || look.kind);
      made.append(make("span", "lq-arrow", "→", { "aria-hidden": "true" }), value, type);
      return made;
    }

    end() {
      this.sizes.disconnect();
      this.mirror?.remove();
      this.note?.remove();
    }
  }

  const line = (look, sentence, testid) => {
    const made = make("p", look, "", { "data-testid": testid });
    // What stands between ` is code.
    sentence.split("`").forEach((part, at) => part && made.append(at % 2 ? make("code", "", part) : part));
    return made;
  };

  // ---- Asking ---------------------------------------------------------------------------------
  const waiting = new Set();
  let pause = 0;

  const ask = (some, after = PAUSE_MS) => {
    for (const field of some) if (hasExpression(field.input.value)) waiting.add(field);
    clearTimeout(pause);
    pause = setTimeout(send, after);
  };

  const send = () => {
    const question = document.getElementById("liquid-question");
    const asking = [...waiting].filter((field) => field.input.isConnected);
    waiting.clear();
    if (!question || !asking.length) return;
    number += 1;
    for (const field of asking) field.asked = number;
    const text = JSON.stringify({
      number,
      fields: asking.map((field) => ({ key: field.key, text: field.input.value })),
    });
    // React listens to the native setter.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(question, text);
    question.dispatchEvent(new Event("input", { bubbles: true }));
  };

  const receive = (text) => {
    const answer = JSON.parse(text || "{}");
    for (const look of answer.looks || []) {
      for (const field of fields.values()) {
        // A later question is on its way.
        if (field.key === look.key && field.asked === answer.number) field.take(look);
      }
    }
  };

  // ---- Which fields there are -----------------------------------------------------------------
  const scan = () => {
    for (const [input, field] of fields) {
      if (input.isConnected) continue;
      field.end();
      fields.delete(input);
    }
    if (!bridge) return;
    const found = [];
    for (const input of document.querySelectorAll(TAKES)) {
      if (fields.has(input)) continue;
      const field = new Field(input);
      fields.set(input, field);
      found.push(field);
    }
    if (found.length) ask(found, 0);
  };

  let planned = false;
  const watcher = new MutationObserver(() => {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      scan();
    });
  });

  /* <ff-liquid answers card filters>: the builder has one; without it nothing here happens. */
  class Liquid extends HTMLElement {
    static observedAttributes = ["answers", "card"];
    connectedCallback() {
      bridge = this;
      this.filters = JSON.parse(this.getAttribute("filters") || "[]");
      watcher.observe(document.body, { childList: true, subtree: true });
      scan();
    }
    disconnectedCallback() {
      bridge = null;
      watcher.disconnect();
      for (const field of fields.values()) field.end();
      fields.clear();
      offer.close();
    }
    attributeChangedCallback(name) {
      if (name === "answers") receive(this.getAttribute("answers"));
      else ask(fields.values(), 0);
    }
  }

  // Other samples: what stands below the fields is of the former ones.
  document.addEventListener("ff-data", () => ask(fields.values()));

  // ---- Offering what may follow ---------------------------------------------------------------
  const OPEN = /\{\{-?\s*([^{}|]*)$/;
  const FILTER = /\{\{[^{}]*\|\s*(\w*)$/;

  const offer = {
    list: null,
    field: null,
    chosen: 0,

    /* What may stand at the cursor: places in the data, or filters behind a |. */
    options(before) {
      const filter = FILTER.exec(before);
      if (filter) {
        const begun = filter[1].toLowerCase();
        return bridge.filters
          .filter((each) => each.startsWith(begun) && each !== begun)
          .map((each) => ({ name: each, said: "filter", start: before.length - filter[1].length, text: each }));
      }
      const open = OPEN.exec(before);
      if (!open) return [];
      const begun = open[1].trim().toLowerCase();
      const words = begun.split(/[\s.[\]"']+/).filter(Boolean);
      const start = open.index;
      const rank = (path) => (path.toLowerCase().startsWith(begun) ? 0 : 1);
      return [...document.querySelectorAll("ff-data")]
        .flatMap((data) => data.all || [])
        .filter(({ path, look }) => {
          const text = `${path} ${look}`.toLowerCase();
          return words.every((word) => text.includes(word)) && path.toLowerCase() !== begun;
        })
        .sort((one, other) => rank(one.path) - rank(other.path))
        .map((node) => ({ name: node.path, said: node.look, kind: node.kind, start, text: `{{ ${node.path} }}` }));
    },

    update(field) {
      const { input } = field;
      const at = input.selectionStart;
      const before = input.value.slice(0, at);
      const found = at === input.selectionEnd ? this.options(before).slice(0, MOST_OFFERED) : [];
      if (!found.length) return this.close();
      this.field = field;
      this.found = found;
      this.open();
      this.choose(0);
    },

    open() {
      const { input } = this.field;
      this.list ??= make("ul", "lq-offer", "", { role: "listbox", id: "liquid-offer", "aria-label": "What may follow", "data-testid": "liquid-offer" });
      this.list.replaceChildren(
        ...this.found.map((one, at) => {
          const option = make("li", "", "", { role: "option", id: `liquid-offer-${at}`, "data-testid": `offer-${one.name}` });
          option.append(make("span", "v-key", one.name), make("bdi", "v-look", one.said));
          if (one.kind) option.append(make("span", "v-type", WORDS[one.kind] || one.kind));
          // The field keeps its cursor.
          option.addEventListener("mousedown", (event) => {
            event.preventDefault();
            this.choose(at);
            this.accept();
          });
          return option;
        }),
      );
      if (!this.list.isConnected) document.body.append(this.list);
      input.setAttribute("aria-controls", "liquid-offer");
      input.setAttribute("aria-autocomplete", "list");
      const box = this.cursor(input);
      const { offsetWidth: width, offsetHeight: height } = this.list;
      const below = this.bottom(input, box) + 4;
      this.list.style.left = `${Math.max(8, Math.min(box.left, innerWidth - width - 8))}px`;
      this.list.style.top = `${below + height > innerHeight ? Math.max(8, box.top - height - 4) : below}px`;
    },

    /* Where the cursor is in the window: measured in the copy behind the field. */
    cursor(input) {
      const field = fields.get(input);
      const range = document.createRange();
      let left = input.selectionStart;
      const walker = field.mirror && document.createTreeWalker(field.mirror, NodeFilter.SHOW_TEXT);
      while (walker?.nextNode()) {
        const { length } = walker.currentNode;
        if (left <= length) {
          range.setStart(walker.currentNode, left);
          range.collapse(true);
          const box = range.getClientRects()[0];
          if (box) return box;
          break;
        }
        left -= length;
      }
      return input.getBoundingClientRect();
    },

    /* Below what is typed, not over it. */
    bottom(input, box) {
      return input instanceof HTMLTextAreaElement ? box.bottom : input.getBoundingClientRect().bottom;
    },

    choose(at) {
      const options = [...this.list.children];
      this.chosen = (at + options.length) % options.length;
      options.forEach((option, place) => option.setAttribute("aria-selected", String(place === this.chosen)));
      options[this.chosen].scrollIntoView({ block: "nearest" });
      this.field.input.setAttribute("aria-activedescendant", `liquid-offer-${this.chosen}`);
    },

    accept() {
      const { input } = this.field;
      const { start, text } = this.found[this.chosen];
      let end = input.selectionStart;
      if (text.startsWith("{{")) end += (/^[\w.[\]"'-]*\s*\}\}/.exec(input.value.slice(end)) || [""])[0].length;
      this.close();
      input.setSelectionRange(start, end);
      // As if typed: the browser's own undo takes it back.
      document.execCommand("insertText", false, text);
    },

    close() {
      this.list?.remove();
      this.field?.input.removeAttribute("aria-activedescendant");
      this.field?.input.removeAttribute("aria-controls");
      this.field = null;
    },
  };

  document.addEventListener(
    "keydown",
    (event) => {
      if (!offer.field || event.target !== offer.field.input || event.isComposing) return;
      const does = {
        ArrowDown: () => offer.choose(offer.chosen + 1),
        ArrowUp: () => offer.choose(offer.chosen - 1),
        Enter: () => offer.accept(),
        Tab: () => offer.accept(),
        Escape: () => offer.close(),
      }[event.key];
      if (!does || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      does();
    },
    true,
  );

  // ---- What happens to a field ----------------------------------------------------------------
  document.addEventListener("input", (event) => {
    const field = fields.get(event.target);
    if (!field) return;
    field.paint();
    ask([field]);
    if (!event.isComposing) offer.update(field);
  });
  document.addEventListener("compositionend", (event) => {
    const field = fields.get(event.target);
    if (field) offer.update(field);
  });
  document.addEventListener("scroll", (event) => {
    fields.get(event.target)?.scroll();
    if (offer.field && event.target !== offer.list) offer.close();
  }, true);
  document.addEventListener("focusin", (event) => {
    const field = fields.get(event.target);
    if (!field) return;
    field.tell();
    ask([field], 0);
  });
  document.addEventListener("focusout", (event) => {
    const field = fields.get(event.target);
    if (!field) return;
    if (offer.field === field) offer.close();
    // After the focus has moved.
    setTimeout(() => field.tell());
  });
  document.addEventListener("selectionchange", () => fields.get(document.activeElement)?.tell());

  // ---- What stands under the pointer ----------------------------------------------------------
  const tip = make("div", "lq-tip", "", { role: "tooltip", "data-testid": "liquid-tip" });
  document.addEventListener("mousemove", (event) => {
    const found = fields.get(event.target)?.chipAt(event.clientX, event.clientY);
    if (!found?.chip) {
      tip.remove();
      return;
    }
    const { label, value, state } = found.chip;
    tip.className = `lq-tip is-${state}`;
    tip.replaceChildren(make("strong", "", label), make("bdi", "", value.replaceAll("`", "")));
    if (!tip.isConnected) document.body.append(tip);
    tip.style.left = `${Math.max(8, Math.min(found.box.left, innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(8, found.box.top - tip.offsetHeight - 6)}px`;
  });

  customElements.get("ff-liquid") || customElements.define("ff-liquid", Liquid);
})();
