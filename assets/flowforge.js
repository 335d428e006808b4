/* What the pages need of the browser itself: custom elements that draw their own text, native
 * dialogs and menus, and form posts whose secrets never travel over the websocket. */

"use strict";

(() => {
  // ---- Times ------------------------------------------------------------------------------
  const UNITS = [
    ["year", 31536000],
    ["month", 2592000],
    ["week", 604800],
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ];
  const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
  const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

  const ago = (date) => {
    const seconds = (date - Date.now()) / 1000;
    const size = Math.abs(seconds);
    if (size < 10) return "just now";
    if (size < 60) return relative.format(Math.round(seconds), "second");
    const [unit, length] = UNITS.find(([, length]) => size >= length);
    return relative.format(Math.trunc(seconds / length), unit);
  };

  const day = new Intl.DateTimeFormat("en-GB", { day: "2-digit", month: "short", year: "numeric" });

  /* <ff-time at="ISO" shows="day">: a relative time that stays true, or the day; the exact time
   * on hover. */
  class Time extends HTMLElement {
    static observedAttributes = ["at", "shows"];
    connectedCallback() {
      ticking.add(this);
      this.tick();
    }
    disconnectedCallback() {
      ticking.delete(this);
    }
    attributeChangedCallback() {
      this.tick();
    }
    tick() {
      const date = new Date(this.getAttribute("at") || "");
      const show = this.getAttribute("shows") === "day" ? (at) => day.format(at) : ago;
      const text = isNaN(date) ? "—" : show(date);
      if (this.textContent !== text) this.textContent = text;
      const title = isNaN(date) ? "" : exact.format(date);
      if (this.title !== title) this.title = title;
    }
  }

  /* <ff-countdown until="ISO" words="goes on">: "goes on in 4 s"; "next try" without words. */
  class Countdown extends Time {
    static observedAttributes = ["until", "words"];
    tick() {
      const left = Math.ceil((new Date(this.getAttribute("until") || "") - Date.now()) / 1000);
      const [size, unit] =
        left > 172800 ? [86400, "days"] : left > 5400 ? [3600, "h"] : left > 90 ? [60, "min"] : [1, "s"];
      const words = this.getAttribute("words") || "next try";
      const text = left > 0 ? `in ${Math.round(left / size)} ${unit}` : "now";
      this.textContent = isNaN(left) ? "" : `${words} ${text}`;
    }
  }

  /* <ff-elapsed since="ISO">: how long something has been going on. */
  class Elapsed extends Time {
    static observedAttributes = ["since"];
    tick() {
      const begun = new Date(this.getAttribute("since") || "");
      const seconds = Math.max(0, Math.floor((Date.now() - begun) / 1000));
      const minutes = Math.floor(seconds / 60);
      this.textContent = isNaN(begun)
        ? ""
        : minutes >= 60
          ? `${Math.floor(minutes / 60)} h ${minutes % 60} min`
          : minutes
            ? `${minutes} min ${seconds % 60} s`
            : `${seconds} s`;
    }
  }

  const ticking = new Set();
  setInterval(() => ticking.forEach((one) => one.tick()), 1000);

  // ---- Copying ----------------------------------------------------------------------------
  const ICONS = {
    copy: '<rect x="9" y="9" width="12" height="12" rx="2.5"/><path d="M5 15a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h8a2 2 0 0 1 2 2"/>',
    done: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  };
  const icon = (name) =>
    `<svg width="15" height="15" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${ICONS[name]}</svg>`;

  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Over plain http the clipboard is closed to scripts; a selection still may be copied.
      const area = document.createElement("textarea");
      area.value = text;
      area.style.position = "fixed";
      area.style.opacity = "0";
      (document.querySelector("dialog[open]") || document.body).append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      return done;
    }
  };

  /* <ff-copy value="…" label="Copy the id">: a button that says when it has copied. */
  class Copy extends HTMLElement {
    connectedCallback() {
      if (this.firstChild) return;
      this.button = document.createElement("button");
      this.button.type = "button";
      this.button.className = "btn quiet icon small";
      this.show("copy", this.getAttribute("label") || "Copy");
      this.button.addEventListener("click", async (event) => {
        event.preventDefault();
        event.stopPropagation();
        const done = await copy(this.getAttribute("value") || "");
        this.show(done ? "done" : "copy", done ? "Copied" : "Copying failed");
        clearTimeout(this.timer);
        this.timer = setTimeout(
          () => this.show("copy", this.getAttribute("label") || "Copy"),
          1600,
        );
      });
      this.append(this.button);
    }
    show(name, label) {
      this.button.innerHTML = icon(name);
      this.button.title = label;
      this.button.setAttribute("aria-label", label);
      this.dataset.state = name;
    }
  }

  // ---- JSON -------------------------------------------------------------------------------
  const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g;
  const LARGEST_COLOURED = 20000;

  /* <ff-json text="…">: text in colours. Only text nodes are made, so no payload can be markup. */
  class Json extends HTMLElement {
    static observedAttributes = ["text"];
    connectedCallback() {
      this.tabIndex = 0;
      this.draw();
    }
    attributeChangedCallback() {
      if (this.isConnected) this.draw();
    }
    draw() {
      const text = this.getAttribute("text") || "";
      if (text === this.drawn) return;
      this.drawn = text;
      const pre = document.createElement("pre");
      if (text.length > LARGEST_COLOURED) {
        pre.textContent = text;
      } else {
        let end = 0;
        for (const found of text.matchAll(TOKEN)) {
          const [whole, string, colon] = found;
          pre.append(text.slice(end, found.index));
          const span = document.createElement("span");
          span.className = string ? (colon ? "j-key" : "j-str") : "j-num";
          span.textContent = string || whole;
          pre.append(span, string && colon ? colon : "");
          end = found.index + whole.length;
        }
        pre.append(text.slice(end));
      }
      this.replaceChildren(pre);
    }
  }

  // ---- Saving -----------------------------------------------------------------------------
  /* <ff-saved saves="n" state="saved|stale|failed">: what is typed in [data-autosave] is
   * "Saving…" until the server's count of saves moves. What is cut off is sent again by itself. */
  const LONG_MS = 4000;
  class Saved extends HTMLElement {
    static observedAttributes = ["saves", "state"];
    connectedCallback() {
      this.setAttribute("role", "status");
      this.note = (event) => {
        if (!event.target.closest?.("[data-autosave]")) return;
        this.pending = true;
        clearTimeout(this.late);
        this.late = setTimeout(() => this.draw("Not saved yet: no answer, it will be tried again"), LONG_MS);
        this.draw();
      };
      document.addEventListener("input", this.note);
      this.redraw = () => this.draw();
      for (const turn of ["online", "offline"]) window.addEventListener(turn, this.redraw);
      // Leaving with a change still on its way would lose it.
      this.warn = (event) => {
        if (this.pending) event.preventDefault();
      };
      window.addEventListener("beforeunload", this.warn);
      this.draw();
    }
    disconnectedCallback() {
      document.removeEventListener("input", this.note);
      window.removeEventListener("beforeunload", this.warn);
      for (const turn of ["online", "offline"]) window.removeEventListener(turn, this.redraw);
      clearTimeout(this.late);
    }
    attributeChangedCallback() {
      this.pending = false;
      clearTimeout(this.late);
      this.draw();
    }
    draw(waiting = "Saving…") {
      const state = this.getAttribute("state");
      const words = { stale: "Not saved", failed: "Not saved", saved: "Saved" };
      const pending = navigator.onLine ? waiting : "Not saved: offline, will be tried again";
      const text = this.pending && state === "saved" ? pending : words[state] || "";
      if (text !== this.textContent) this.textContent = text;
    }
  }

  for (const [name, element] of Object.entries({
    "ff-time": Time,
    "ff-countdown": Countdown,
    "ff-elapsed": Elapsed,
    "ff-copy": Copy,
    "ff-json": Json,
    "ff-saved": Saved,
  })) {
    customElements.get(name) || customElements.define(name, element);
  }

  // ---- Menus ------------------------------------------------------------------------------
  // Popovers live in the top layer, so they are placed beside what opened them.
  document.addEventListener(
    "toggle",
    (event) => {
      const menu = event.target;
      if (!menu.matches?.(".menu[popover]") || event.newState !== "open") return;
      const opener = document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
      if (!opener) return;
      const at = opener.getBoundingClientRect();
      const { offsetWidth: width, offsetHeight: height } = menu;
      const below = at.bottom + 6;
      const top = below + height > innerHeight ? Math.max(8, at.top - height - 6) : below;
      menu.style.top = `${top}px`;
      menu.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
      menu.querySelector(".menu-item")?.focus({ focusVisible: false });
    },
    true,
  );

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.(".menu[popover]");
    if (!menu || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    const items = [...menu.querySelectorAll(".menu-item:not(:disabled)")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    items.at((items.indexOf(document.activeElement) + step) % items.length)?.focus();
    event.preventDefault();
  });

  addEventListener(
    "scroll",
    () => document.querySelector(".menu:popover-open")?.hidePopover(),
    { passive: true },
  );

  // A click beside a dialog closes it.
  document.addEventListener("click", (event) => {
    if (event.target.matches?.("dialog[open]")) {
      const box = event.target.getBoundingClientRect();
      const inside =
        event.clientX >= box.left &&
        event.clientX <= box.right &&
        event.clientY >= box.top &&
        event.clientY <= box.bottom;
      if (!inside) event.target.close();
    }
  });

  // ---- What the pages call ------------------------------------------------------------------
  let lastField = null;
  document.addEventListener("focusin", (event) => {
    const taker = event.target.closest?.("[data-takes-data], [data-takes-values]");
    if (taker) lastField = taker;
  });

  const linkToken = () => new URLSearchParams(location.search).get("token") || "";

  const answerOf = async (path, body) => {
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      const parsed = await answer.json().catch(() => ({}));
      return {
        status: answer.status,
        code: parsed.error?.code || "",
        message: parsed.error?.message || "",
        details: parsed.error?.details || [],
        said: parsed.message || "",
      };
    } catch {
      return {
        status: 0,
        code: "offline",
        message: "The server cannot be reached. Check your connection and try again.",
        details: [],
        said: "",
      };
    }
  };

  window.flowforge = {
    copy,
    open(id) {
      // After React has drawn what the event that called us has changed.
      requestAnimationFrame(() => {
        const dialog = document.getElementById(id);
        if (dialog && !dialog.open) dialog.showModal();
        dialog?.querySelector("[data-first]")?.focus();
      });
    },
    close(id) {
      document.getElementById(id)?.close();
    },
    /* Post a form as JSON. Its values go to the API and nowhere else. */
    submit(id, path) {
      const form = document.getElementById(id);
      const body = Object.fromEntries(new FormData(form));
      return answerOf(path, "link" in form.dataset ? { ...body, token: linkToken() } : body);
    },
    /* Use up the token of the link that led here. */
    useLink: (path) => answerOf(path, { token: linkToken() }),
    post: answerOf,
    /* Another page, loaded anew: its websocket carries the cookie that was just set. */
    enter(path) {
      // What the last person's tab showed must not greet the next one.
      sessionStorage.clear();
      location.assign(path);
    },
    async leave() {
      await answerOf("/api/v1/auth/browser/signout", {});
      window.flowforge.enter("/");
    },
    /* Put an expression where the cursor was. */
    insert(text) {
      const field = lastField?.isConnected ? lastField : document.querySelector("[data-takes-data]");
      if (!field) return;
      // Code does not take expressions: it says itself what becomes of one.
      if (field.takes) return field.takes(text);
      field.focus();
      const start = field.selectionStart ?? field.value.length;
      const end = field.selectionEnd ?? start;
      // As if typed: the browser's own undo takes it back.
      if (document.execCommand("insertText", false, text)) return;
      const value = field.value.slice(0, start) + text + field.value.slice(end);
      // React listens to the native setter.
      const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement;
      Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value);
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.setSelectionRange(start + text.length, start + text.length);
    },
    reveal(id) {
      const field = document.getElementById(id);
      if (field) field.type = field.type === "password" ? "text" : "password";
    },
    show(selector) {
      requestAnimationFrame(() =>
        document.querySelector(selector)?.scrollIntoView({ block: "center", behavior: "smooth" }),
      );
    },
  };
})();
