/* Values as trees: <ff-value> on the pages of runs and events, <ff-data> in the builder's picker.
 *
 * What is closed is not drawn, and what is drawn comes in windows of a hundred, so a list of a
 * hundred thousand costs no more than one of a hundred. Only text nodes are made: no payload can be
 * markup, and what is not seen is spelled out. */

"use strict";

(() => {
  const WINDOW = 100;
  const LONGEST_LOOK = 160;
  const CHUNK = 10_000;
  const RAW_CHUNK = 200_000;
  const OPEN_ROWS = 40;
  const LOADED_UNASKED = 1_000_000;
  const MOST_FOUND = 100;
  const MOST_LOOKED_AT = 3_000_000;
  const PLAIN = /^[A-Za-z_][A-Za-z0-9_]*$/;
  // Direction marks turn the text around them and control characters hide.
  const UNSEEN =
    /[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
  const WORDS = { text: "text", number: "number", boolean: "true/false", list: "list", object: "object", null: "null" };

  const spelled = (text) =>
    text.replace(UNSEEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`);

  const make = (tag, look = "", text = "", attributes = {}) => {
    const made = document.createElement(tag);
    if (look) made.className = look;
    if (text) made.textContent = text;
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return made;
  };

  // ---- Numbers that a browser cannot hold -----------------------------------------------------
  /* An id of twenty digits must not be shown, or copied, as another one. */
  class Exact {
    constructor(source) {
      this.source = source;
    }
    toJSON() {
      return JSON.rawJSON ? JSON.rawJSON(this.source) : this.source;
    }
  }

  const parse = (text) =>
    /\d{16}/.test(text)
      ? JSON.parse(text, (_, value, about) =>
          typeof value === "number" && about?.source && /\d{16}/.test(about.source) ? new Exact(about.source) : value,
        )
      : JSON.parse(text);

  // ---- What stands at a place -----------------------------------------------------------------
  const kindOf = (value) => {
    if (value === null || value === undefined) return "null";
    if (Array.isArray(value)) return "list";
    if (value instanceof Exact || typeof value === "number") return "number";
    return { string: "text", boolean: "boolean" }[typeof value] || "object";
  };

  const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

  const lookOf = (value, kind) => {
    if (kind === "list") return counted(value.length, "item");
    if (kind === "object") return counted(Object.keys(value).length, "field");
    if (kind !== "text") return value instanceof Exact ? value.source : String(value);
    const cut = value.length > LONGEST_LOOK ? `${value.slice(0, LONGEST_LOOK)}…` : value;
    return spelled(JSON.stringify(cut));
  };

  /* How an expression names `key`; null where none can. As services/sample_trees.py has it. */
  const stepTo = (key) => {
    if (typeof key === "number") return `[${key}]`;
    if (PLAIN.test(key)) return `.${key}`;
    if (/\}\}|%\}|[\n\\]/.test(key)) return null;
    const quote = ['"', "'"].find((each) => !key.includes(each));
    return quote ? `[${quote}${key}${quote}]` : null;
  };

  /* The path of `key` inside of `path`; null where either has none. */
  const innerOf = (path, key) => {
    const step = path === null ? null : stepTo(key);
    return step === null ? null : path ? path + step : step.replace(/^\./, "");
  };

  /* A place in a value, for the tree below. */
  const nodeOf = (value, label, path) => {
    const kind = kindOf(value);
    const keys = kind === "object" ? Object.keys(value) : null;
    const size = kind === "list" ? value.length : keys ? keys.length : 0;
    const isLong = kind === "text" && value.length > LONGEST_LOOK;
    return {
      label: spelled(String(label)),
      path,
      kind,
      value,
      look: lookOf(value, kind),
      size: isLong ? Math.ceil(value.length / CHUNK) : size,
      window: isLong ? 1 : WINDOW,
      kid(at) {
        if (isLong) return { chunk: spelled(value.slice(at * CHUNK, (at + 1) * CHUNK)), size: 0 };
        const key = keys ? keys[at] : at;
        return nodeOf(value[key], keys ? key : `[${at}]`, innerOf(path, key));
      },
    };
  };

  // ---- The tree -------------------------------------------------------------------------------
  /* `does(node, row)`: what a click or Enter does; `looks(node)`: what is at the cursor now;
   * `test`: the test id of a node. Arrows walk, right opens, left closes or goes up. */
  class Tree {
    constructor(label, { does, looks = () => {}, test = () => "", opensOnClick = false }) {
      Object.assign(this, { does, looks, test, opensOnClick, nodes: new WeakMap(), opened: new Set() });
      this.element = make("div", "v-tree", "", { role: "tree", "aria-label": label });
      this.element.addEventListener("click", (event) => this.clicked(event));
      this.element.addEventListener("keydown", (event) => this.pressed(event));
      this.element.addEventListener("focusin", (event) => {
        const row = event.target.closest("[role=treeitem]");
        if (row) this.at(row);
      });
    }

    /* Draw `roots`; what was open stays open, and little is open from the beginning. */
    show(roots) {
      this.element.replaceChildren();
      const isNew = !this.opened.size;
      for (const node of roots) this.element.append(...this.rows(node, 1));
      let wave = isNew ? [...this.element.querySelectorAll(":scope > [aria-expanded]")] : [];
      let drawn = this.element.childElementCount;
      while (wave.length) {
        const next = [];
        for (const row of wave) {
          const node = this.nodes.get(row);
          if (node.kind === "text" || drawn + Math.min(node.size, WINDOW) > OPEN_ROWS) continue;
          drawn += node.size;
          this.turn(row, true, false);
          next.push(...row.nextElementSibling.querySelectorAll(":scope > [aria-expanded]"));
        }
        wave = next;
      }
      this.element.querySelector("[role=treeitem]")?.setAttribute("tabindex", "0");
    }

    rows(node, level) {
      const row = make("div", `v-row is-${node.kind || "chunk"}`, "", {
        role: "treeitem",
        tabindex: "-1",
        "aria-level": level,
        ...this.attributes(node),
      });
      row.style.setProperty("--level", level - 1);
      this.nodes.set(row, node);
      if (node.chunk !== undefined) {
        row.append(make("span", "v-chunk", node.chunk));
        return [row];
      }
      const chevron = make("span", "v-chev", "", { "aria-hidden": "true" });
      row.append(chevron, make("bdi", "v-key", node.label));
      row.append(make("span", "v-type", WORDS[node.kind] || node.kind));
      if (node.look) row.append(make("bdi", "v-look", node.look));
      if (node.size) row.setAttribute("aria-expanded", "false");
      const parts = [row];
      if (node.size && this.opened.has(node.path ?? node.label)) {
        const group = this.group(node, level);
        row.setAttribute("aria-expanded", "true");
        parts.push(group);
      }
      return parts;
    }

    attributes(node) {
      const found = node.path ? { "data-path": node.path } : {};
      const test = this.test(node);
      return test ? { ...found, "data-testid": test } : found;
    }

    group(node, level) {
      const group = make("div", "v-group", "", { role: "group" });
      this.more(group, node, level, 0);
      return group;
    }

    /* The next window of what is inside of `node`. */
    more(group, node, level, from) {
      const end = Math.min(node.size, from + (node.window || WINDOW));
      for (let at = from; at < end; at += 1) group.append(...this.rows(node.kid(at), level + 1));
      const left = node.size - end;
      if (left > 0 || (end === node.size && node.unseen)) {
        const unit = node.kind === "text" ? counted(node.value.length - end * CHUNK, "character") : left.toLocaleString("en");
        const words = left > 0 ? `Show more (${unit} left)` : `and ${node.unseen.toLocaleString("en")} more`;
        const row = make("div", left > 0 ? "v-row v-more" : "v-row v-rest", words, {
          role: "treeitem", tabindex: "-1", "aria-level": level + 1,
        });
        row.style.setProperty("--level", level);
        if (left > 0) this.nodes.set(row, { goOn: () => this.more(group, node, level, end) });
        group.append(row);
      }
    }

    turn(row, isOpen, isKept = true) {
      const node = this.nodes.get(row);
      if (!row.hasAttribute("aria-expanded") || (row.getAttribute("aria-expanded") === "true") === isOpen) return;
      row.setAttribute("aria-expanded", String(isOpen));
      const name = node.path ?? node.label;
      if (isOpen) row.after(this.group(node, Number(row.getAttribute("aria-level"))));
      else row.nextElementSibling.remove();
      if (isOpen) this.opened.add(name);
      else if (isKept) this.opened.delete(name);
    }

    goOn(row) {
      const node = this.nodes.get(row);
      if (!node?.goOn) return false;
      const before = row.previousElementSibling;
      row.remove();
      node.goOn();
      const next = this.walk(before, 1);
      if (next) this.at(next, true);
      return true;
    }

    clicked(event) {
      const row = event.target.closest("[role=treeitem]");
      if (!row || this.goOn(row)) return;
      const isOpen = row.getAttribute("aria-expanded") === "true";
      if (event.target.closest(".v-chev") || (this.opensOnClick && !String(getSelection()))) this.turn(row, !isOpen);
      const node = this.nodes.get(row);
      this.at(row, this.opensOnClick);
      if (node && node.chunk === undefined && !event.target.closest(".v-chev")) this.does(node, row);
    }

    walk(row, by) {
      const all = [...this.element.querySelectorAll("[role=treeitem]")];
      return all[all.indexOf(row) + by];
    }

    pressed(event) {
      const row = event.target.closest("[role=treeitem]");
      if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
      const isOpen = row.getAttribute("aria-expanded");
      const up = row.parentElement.closest(".v-group")?.previousElementSibling;
      const to = {
        ArrowDown: () => this.walk(row, 1),
        ArrowUp: () => this.walk(row, -1),
        ArrowRight: () => (isOpen === "false" ? this.turn(row, true) : isOpen && this.walk(row, 1)),
        ArrowLeft: () => (isOpen === "true" ? this.turn(row, false) : up),
        Home: () => this.element.querySelector("[role=treeitem]"),
        End: () => [...this.element.querySelectorAll("[role=treeitem]")].at(-1),
        Enter: () => void row.click(),
        " ": () => void row.click(),
      }[event.key];
      if (!to) return;
      event.preventDefault();
      event.stopPropagation();
      const next = to();
      if (next instanceof Element) this.at(next, true);
    }

    /* The row that Tab comes back to, and of which is told. */
    at(row, isFocused = false) {
      const last = this.element.querySelector("[role=treeitem][tabindex='0']");
      if (last && last !== row) last.tabIndex = -1;
      row.tabIndex = 0;
      if (isFocused) row.focus();
      const node = this.nodes.get(row);
      if (node && node.chunk === undefined && !node.goOn) this.looks(node, row);
    }
  }

  // ---- Seeking --------------------------------------------------------------------------------
  /* The places whose name or value has all `words`; the walk is bounded, and so is what it finds. */
  const seek = (value, root, words) => {
    const found = [];
    const waiting = [[value, root || "", root || "value"]];
    let seen = 0;
    while (waiting.length && found.length < MOST_FOUND && seen < MOST_LOOKED_AT) {
      const [here, path, label] = waiting.pop();
      seen += 1;
      if (here !== null && typeof here === "object" && !(here instanceof Exact)) {
        const keys = Array.isArray(here) ? null : Object.keys(here);
        // The first is looked at first.
        for (let at = (keys || here).length - 1; at >= 0; at -= 1) {
          const key = keys ? keys[at] : at;
          waiting.push([here[key], innerOf(path, key), keys ? key : `[${at}]`]);
        }
        continue;
      }
      const text = `${path ?? label} ${here instanceof Exact ? here.source : here}`.toLowerCase();
      if (words.every((word) => text.includes(word))) found.push(nodeOf(here, label, path));
    }
    return { found, isAll: !waiting.length };
  };

  const wordsOf = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);

  // ---- <ff-value> -----------------------------------------------------------------------------
  const ICONS = {
    search: '<circle cx="11" cy="11" r="7"/><path d="m20 20-3.5-3.5"/>',
    download: '<path d="M12 4v11m0 0 4.5-4.5M12 15l-4.5-4.5M5 20h14"/>',
  };
  const iconButton = (name, label, testid, tag = "button") => {
    const button = make(tag, "btn quiet icon small", "", { "aria-label": label, title: label, "data-testid": testid });
    if (tag === "button") button.type = "button";
    button.innerHTML = `<svg width="15" height="15" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${ICONS[name]}</svg>`;
    return button;
  };
  const wordButton = (words, testid, does) => {
    const button = make("button", "btn small", words, { type: "button", "data-testid": testid });
    button.addEventListener("click", does);
    return button;
  };
  const copyButton = (value, label, testid) => make("ff-copy", "", "", { value, label, "data-testid": testid });

  /* <ff-value label size bytes text | url root>: a JSON value as a tree or raw. `text` is all of it;
   * without one it is fetched from `url`. `root`: what expressions call it; "" for what none sees. */
  class Value extends HTMLElement {
    static observedAttributes = ["text", "url"];
    connectedCallback() {
      this.draw();
    }
    disconnectedCallback() {
      this.sight?.disconnect();
    }
    attributeChangedCallback() {
      if (this.isConnected) this.draw();
    }

    get test() {
      return this.dataset.testid || "value";
    }

    draw() {
      const text = this.getAttribute("text") || "";
      const url = this.getAttribute("url") || "";
      if (this.drawn === `${url}\n${text}`) return;
      const isOther = this.url !== url;
      this.drawn = `${url}\n${text}`;
      this.url = url;
      if (isOther || !this.tree) this.frame();
      if (text) this.take(text);
      else this.wait();
    }

    frame() {
      const label = this.getAttribute("label") || "Value";
      this.text = null;
      this.isRaw = false;
      this.body = make("div", "v-body");
      this.foot = make("footer", "v-foot");
      this.foot.hidden = true;
      this.find = make("input", "input", "", {
        type: "search", placeholder: "Search names and values…", "aria-label": `Search in ${label.toLowerCase()}`,
        "data-testid": `${this.test}-search`,
      });
      this.find.hidden = true;
      this.find.addEventListener("input", () => {
        clearTimeout(this.seeking);
        this.seeking = setTimeout(() => this.fill(), 200);
      });
      this.head = make("header");
      this.replaceChildren(this.head, this.find, this.body, this.foot);
      this.tree = new Tree(label, {
        does: (node) => this.tell(node),
        looks: (node) => this.tell(node),
        opensOnClick: true,
      });
      this.body.append(this.tree.element);
    }

    heading() {
      const label = this.getAttribute("label") || "Value";
      this.head.replaceChildren(
        make("span", "", label), make("span", "size", this.getAttribute("size") || ""), make("span", "spacer"),
      );
      if (this.text === null) {
        if (this.url) this.head.append(this.download(label));
        return;
      }
      if (this.value !== undefined) {
        const seek = iconButton("search", `Search in ${label.toLowerCase()}`, `${this.test}-seek`);
        seek.setAttribute("aria-expanded", String(!this.find.hidden));
        seek.addEventListener("click", () => {
          this.find.hidden = !this.find.hidden;
          seek.setAttribute("aria-expanded", String(!this.find.hidden));
          if (this.find.hidden) this.find.value = "";
          else this.find.focus();
          this.fill();
        });
        const raw = wordButton("Raw", `${this.test}-raw`, () => {
          this.isRaw = !this.isRaw;
          raw.setAttribute("aria-pressed", String(this.isRaw));
          this.fill();
        });
        raw.setAttribute("aria-pressed", String(this.isRaw));
        this.head.append(seek, raw);
      }
      this.head.append(copyButton(this.text, `Copy ${label.toLowerCase()}`, `${this.test}-copy`), this.download(label));
    }

    download(label) {
      const link = iconButton("download", `Download ${label.toLowerCase()} as JSON`, `${this.test}-download`, "a");
      link.download = `${(this.getAttribute("name") || label).replace(/[^\w.-]+/g, "-").toLowerCase()}.json`;
      link.href = this.url || "#";
      if (!this.url) {
        link.addEventListener("click", () => {
          const made = URL.createObjectURL(new Blob([this.text], { type: "application/json" }));
          link.href = made;
          setTimeout(() => URL.revokeObjectURL(made), 10_000);
        });
      }
      return link;
    }

    take(text) {
      this.text = text;
      this.removeAttribute("aria-busy");
      try {
        this.value = parse(text);
      } catch {
        // The beginning of something longer: there is nothing to open in it.
        this.value = undefined;
        this.isRaw = true;
      }
      this.heading();
      this.fill();
    }

    fill() {
      const words = this.find.hidden ? [] : wordsOf(this.find.value);
      const root = this.getAttribute("root") || "";
      this.foot.hidden = true;
      if (this.isRaw && !words.length) {
        this.body.replaceChildren();
        this.raw(0);
        return;
      }
      this.body.replaceChildren(this.tree.element);
      if (words.length) {
        const { found, isAll } = seek(this.value, root, words);
        const nodes = found.map((node) => ({ ...node, label: node.path ?? node.label }));
        this.tree.show(nodes);
        const more = isAll ? "" : " or more";
        this.body.prepend(make("p", "v-said", nodes.length ? `${counted(nodes.length, "place")}${more}` : "Nothing in here has these words.", { role: "status" }));
        return;
      }
      const top = nodeOf(this.value, root || "value", root);
      const isFlat = !top.size || top.kind === "text";
      if (isFlat) {
        this.tree.show(["list", "object"].includes(top.kind) ? [] : [top]);
        if (["list", "object"].includes(top.kind)) {
          this.body.prepend(make("p", "v-said", top.kind === "list" ? "An empty list" : "An empty object"));
        }
        return;
      }
      const first = Math.min(top.size, WINDOW);
      this.tree.show(Array.from({ length: first }, (_, at) => top.kid(at)));
      if (top.size > first) this.rest(top, first);
    }

    /* What is left of the outermost level, a window at a time. */
    rest(top, from) {
      this.tree.element.lastElementChild?.classList.contains("v-more") && this.tree.element.lastElementChild.remove();
      const shell = { ...top, size: top.size };
      const host = this.tree.element;
      const row = make("div", "v-row v-more", `Show more (${(top.size - from).toLocaleString("en")} left)`, {
        role: "treeitem", tabindex: "-1", "aria-level": 1,
      });
      this.tree.nodes.set(row, { goOn: () => this.tree.more(host, shell, 0, from) });
      host.append(row);
    }

    raw(from) {
      const pretty = this.pretty();
      const pre = make("ff-json", "", "", {
        text: spelled(pretty.slice(from, from + RAW_CHUNK)), role: "region",
        "aria-label": `${this.getAttribute("label") || "Value"}, raw`,
      });
      this.body.append(pre);
      const left = pretty.length - from - RAW_CHUNK;
      if (left <= 0) return;
      const more = wordButton(`Show more (${counted(left, "character")} left)`, `${this.test}-more`, () => {
        more.remove();
        this.raw(from + RAW_CHUNK);
      });
      this.body.append(more);
    }

    pretty() {
      if (this.value === undefined || (this.text.includes('\n') && !this.url)) return this.text;
      const hasExact = /\d{16}/.test(this.text) && !JSON.rawJSON;
      return hasExact ? this.text : JSON.stringify(this.value, null, 2);
    }

    /* The place at the cursor: what it is called, and taking it along. */
    tell(node) {
      const root = this.getAttribute("root") || "";
      const said = node.path === null ? "No expression can name this." : root ? `{{ ${node.path} }}` : node.path || "value";
      this.foot.hidden = false;
      this.foot.replaceChildren(make("code", "truncate", spelled(said), { title: said, "data-testid": `${this.test}-path` }));
      if (node.path !== null) this.foot.append(copyButton(said, "Copy the path", `${this.test}-copy-path`));
      const whole = typeof node.value === "string" ? node.value : JSON.stringify(node.value, null, 2);
      this.foot.append(copyButton(whole, "Copy this value", `${this.test}-copy-value`));
    }

    // ---- What is elsewhere --------------------------------------------------------------------
    wait() {
      this.text = null;
      if (!this.url) return;
      this.heading();
      const size = Number(this.getAttribute("bytes") || 0);
      if (size <= LOADED_UNASKED) {
        this.body.replaceChildren(make("p", "v-said", "Loading…"));
        this.sight?.disconnect();
        this.sight = new IntersectionObserver((seen) => {
          if (!seen.some((each) => each.isIntersecting)) return;
          this.sight.disconnect();
          this.load();
        });
        this.sight.observe(this);
        return;
      }
      const said = make("p", "v-said", `This is ${this.getAttribute("size")}. `);
      said.append(wordButton("Show it", `${this.test}-load`, () => this.load()));
      this.body.replaceChildren(said);
    }

    async load() {
      const url = this.url;
      this.setAttribute("aria-busy", "true");
      this.body.replaceChildren(make("p", "v-said", "Loading…", { role: "status" }));
      try {
        const answer = await fetch(url);
        if (!answer.ok) throw new Error(answer.status === 404 ? "This value is no longer stored." : "The value could not be loaded.");
        const text = await answer.text();
        if (this.url !== url) return;
        this.take(text);
      } catch (problem) {
        if (this.url !== url) return;
        this.removeAttribute("aria-busy");
        const words = problem instanceof TypeError ? "The server cannot be reached." : problem.message;
        const said = make("p", "v-said is-bad", `${words} `, { role: "alert" });
        said.append(wordButton("Try again", `${this.test}-again`, () => this.load()));
        this.body.replaceChildren(said);
      }
    }
  }

  // ---- <ff-data> ------------------------------------------------------------------------------
  /* The lines of services/sample_trees.py, each with its depth, as nodes of the tree. */
  const nodesOf = (lines) => {
    const top = { kids: [] };
    const way = [top];
    for (const line of lines) {
      way.length = line.depth + 1;
      const kids = [];
      const node = {
        label: line.label,
        path: line.expression.slice(3, -3),
        expression: line.expression,
        kind: line.kind,
        look: line.value,
        unseen: line.more,
        kids,
        get size() {
          return kids.length;
        },
        kid: (at) => kids[at],
      };
      way.at(-1).kids.push(node);
      way.push(node);
    }
    return top.kids;
  };

  const flat = (nodes) => nodes.flatMap((node) => [node, ...flat(node.kids)]);

  /* <ff-data lines="[…]" label>: real values; what is clicked goes to where the cursor was. */
  class Data extends HTMLElement {
    static observedAttributes = ["lines"];
    connectedCallback() {
      this.draw();
    }
    attributeChangedCallback() {
      if (this.isConnected) this.draw();
    }
    draw() {
      const text = this.getAttribute("lines") || "[]";
      if (text === this.drawn) return;
      this.drawn = text;
      this.nodes = nodesOf(JSON.parse(text));
      this.all = flat(this.nodes);
      this.tree ??= new Tree(this.getAttribute("label") || "Data", {
        does: (node) => window.flowforge.insert(node.expression),
        test: (node) => `insert-${node.expression}`,
      });
      if (!this.firstChild) this.append(this.tree.element);
      this.narrow(this.words || []);
      this.dispatchEvent(new Event("ff-data", { bubbles: true }));
    }
    /* Only the lines that have all words; how many there are. */
    narrow(words) {
      this.words = words;
      if (!words.length) {
        this.tree.show(this.nodes);
        return this.all.length;
      }
      const fitting = this.all.filter((node) => {
        const text = `${node.path} ${node.look}`.toLowerCase();
        return words.every((word) => text.includes(word));
      });
      const shown = fitting.slice(0, MOST_FOUND);
      const root = `${this.nodes[0].path}.`;
      const called = ({ path }) => (path.startsWith(root) ? path.slice(root.length) : path);
      this.tree.show(shown.map((node) => ({ ...node, label: called(node), size: 0, unseen: 0 })));
      return fitting.length;
    }
  }

  for (const [name, element] of Object.entries({ "ff-value": Value, "ff-data": Data })) {
    customElements.get(name) || customElements.define(name, element);
  }

  // The field keeps its focus, so a click inserts where the person was typing.
  document.addEventListener("mousedown", (event) => {
    if (event.target.closest?.("ff-data")) event.preventDefault();
  });

  document.addEventListener("input", (event) => {
    const id = event.target.dataset?.narrows;
    const picker = id && document.getElementById(id);
    if (!picker) return;
    const words = wordsOf(event.target.value);
    let fits = 0;
    for (const group of picker.querySelectorAll("details")) {
      const found = group.querySelector("ff-data")?.narrow(words) || 0;
      group.hidden = words.length > 0 && found === 0;
      if (words.length > 0 && found > 0) group.open = true;
      fits += found;
    }
    picker.toggleAttribute("data-nothing", words.length > 0 && fits === 0);
  });
})();
