// What can be done on the builder's canvas, by whatever way: each gesture is one event to the server.
import { TRIGGER } from "./model.js";

const REMEMBERED = "flowforge-clip";
// The way to the server is not made for more.
const LONGEST_PASTE = 700_000;
const SAYS_MS = 4_000;
const MOVES_MS = 180;
const LEGIBLE = 0.8;
const NOTE = { width: 220, height: 140 };
const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

// What was copied last, in this browser: for where the clipboard is closed to pages.
const remembered = {
  get: () => { try { return localStorage.getItem(REMEMBERED) ?? ""; } catch { return ""; } },
  set: (text) => { try { localStorage.setItem(REMEMBERED, text); } catch { /* It is full or closed. */ } },
};

function selecting({ selected, now, chosen, isSkipped }) {
  const become = (ids) => selected.set(new Set(ids));
  const toggle = (id) => {
    if (id === TRIGGER || !now.current.model.steps.includes(id)) return;
    const ids = new Set(selected.get());
    if (!ids.delete(id)) ids.add(id);
    selected.set(ids);
  };
  return {
    toggle,
    clear: () => become([]),
    selectAll: () => become(now.current.model.steps),
    // From a card to the next with Shift: both are selected.
    reach: (from, to) => become(
      [...selected.get(), from, to].filter((id) => now.current.model.steps.includes(id))),
    // Of a selected card all that are selected; otherwise the card itself.
    meant: (id) => {
      const { outermost, steps } = now.current.model;
      if (selected.get().has(id) || (selected.get().size > 1 && !steps.includes(id))) {
        return outermost([...selected.get()]);
      }
      return steps.includes(id) ? [id] : [];
    },
    areSkipped: (ids) => ids.length > 0
      && ids.every((id) => isSkipped(id, now.current.model.lineOf.get(id)?.card.is_skipped)),
    choose: (id) => {
      become(id === TRIGGER ? [] : [id]);
      chosen.set(id);
      now.current.on.onOpen(id);
    },
  };
}

function moving(bench) {
  const { box, flow, wanted, now } = bench;
  const elementOf = (id) => box.current?.querySelector(`[data-stop="${CSS.escape(id)}"]`);
  const isInSight = (element) => {
    const [outer, inner] = [box.current, element].map((one) => one.getBoundingClientRect());
    return inner.top >= outer.top && inner.bottom <= outer.bottom
      && inner.left >= outer.left && inner.right <= outer.right;
  };
  const show = (id) => {
    const { spotOf, placeById } = now.current.model;
    const there = elementOf(id);
    if (!flow.current || (there && isInSight(there))) return;
    const spot = spotOf.get(id);
    const at = placeById.get(id) ?? (spot && { x: spot.x + spot.width / 2, y: spot.y + 34 });
    if (!at) return;
    const zoom = Math.max(flow.current.getZoom(), LEGIBLE);
    flow.current.setCenter(at.x, at.y, { zoom, duration: isCalm() ? 0 : MOVES_MS });
  };
  return {
    elementOf,
    show,
    walk: (id) => {
      show(id);
      const there = elementOf(id);
      bench.here.set(id);
      if (there) there.focus({ preventScroll: true });
      else wanted.current = id;
    },
  };
}

// In sight, and rather beside the cards than below one: from the right edge to the left.
function freeSpot({ box, flow, now }) {
  const { left, top, width, height } = box.current.getBoundingClientRect();
  const middleOf = (across, down) =>
    flow.current.screenToFlowPosition({ x: left + width * across, y: top + height * down });
  const { spots } = now.current.model;
  const isFree = ({ x, y }) => spots.every((spot) =>
    Math.abs(spot.x + spot.width / 2 - x) > (spot.width + NOTE.width) / 2
    || Math.abs(spot.y + spot.height / 2 - y) > (spot.height + NOTE.height) / 2);
  const tries = [0.3, 0.5, 0.7].flatMap((down) => [0.82, 0.18, 0.5].map((across) => middleOf(across, down)));
  return tries.find(isFree) ?? middleOf(0.5, 0.5);
}

function editing(bench) {
  const { now, selected } = bench;
  const ask = (name, ids, ...more) => { if (ids.length) now.current.on[name](ids, ...more); };
  const pickFor = ({ step, branch, at }) => {
    bench.picksFor.current = now.current.model.placeAt(step, branch, at);
    now.current.on.onPick(at, "", step, branch);
  };
  return {
    add: (place) => pickFor(now.current.model.placeById.get(place)),
    addBelow: (id) => pickFor(now.current.model.below(id)),
    // What shall be done there is chosen in a dialog of the page.
    picked: (event) => {
      if (event.target.closest?.("[data-picks]")) bench.guessComing(bench.picksFor.current);
    },
    // It closes after the click that picks.
    unpicked: () => { bench.picksFor.current = null; },
    change: (id) => {
      bench.unpicked();
      now.current.on.onPick(0, id, "", 0);
    },
    shift: (id, by) => {
      const place = now.current.model.placeBeside(id, by);
      now.current.on.onShift(id, by);
      if (place) bench.guessMoved([id], place);
    },
    drop: (ids, { id, step, branch, at }) => {
      now.current.on.onDrop(ids, step, branch, at);
      bench.guessMoved(ids, id);
    },
    duplicate: (ids) => ask("onDuplicate", ids),
    skip: (ids, isSkipped) => {
      ask("onSkip", ids, isSkipped);
      bench.guess(ids, isSkipped);
    },
    askWhere: (ids) => ask("onWhere", ids),
    remove: (ids) => {
      ask("onRemove", ids);
      bench.guessGone(ids);
      selected.set(new Set());
    },
    branch: (what, ...about) => now.current.on[`onBranch${what}`](...about),
    addNote: () => {
      const at = freeSpot(bench);
      now.current.on.onNoteAdd(at.x, at.y);
    },
  };
}

function clipping(bench) {
  const { now, said } = bench;
  let until = 0;
  const say = (words) => {
    said.set(words);
    clearTimeout(until);
    until = setTimeout(() => said.set(""), SAYS_MS);
  };
  const paste = (text, id) => {
    if (text.length > LONGEST_PASTE) return say("This is too much to paste at once. Import it as a zap instead.");
    const { step, branch, at } = now.current.model.below(id);
    now.current.on.onPaste(text, step, branch, at);
  };
  return {
    say,
    paste,
    copy: (ids) => { if (ids.length) now.current.on.onCopy(ids); },
    cut: (ids) => {
      if (!ids.length) return;
      now.current.on.onCut(ids);
      bench.guessGone(ids);
      bench.selected.set(new Set());
    },
    // The server has made the text of what was copied.
    keep: async ({ text, count }) => {
      remembered.set(text);
      const words = count === 1 ? "The step is copied" : `${count} steps are copied`;
      const isOut = await window.flowforge.copy(text);
      say(isOut ? `${words}.` : `${words}, for this browser only: it keeps its clipboard closed.`);
    },
    pasteBelow: async (id) => {
      const text = await navigator.clipboard?.readText?.().catch(() => "");
      const found = text?.trim() ? text : remembered.get();
      if (found) paste(found, id);
      else say("There is nothing to paste. Copy a step first, or press Ctrl+V.");
    },
  };
}

export const acts = (bench) => ({
  ...selecting(bench), ...moving(bench), ...editing(bench), ...clipping(bench),
});
