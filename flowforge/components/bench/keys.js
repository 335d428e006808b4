// The keyboard on the builder's canvas. Where somebody types, keys are letters.
import { TRIGGER } from "./model.js";

export const ZOOM_MS = 150;
// A line of a list is nearer than what stands far beside it.
const BESIDE = 3;

const isForText = (target) => target.matches?.("input, textarea, select, [contenteditable=true]");
const isOpenAbove = () => document.querySelector("dialog[open], .menu:popover-open");

// The next stop in the order of the run, or that which stands beside.
function stopFrom(bench, from, key) {
  const { stops } = bench.now.current.model;
  const at = stops.indexOf(from);
  switch (key) {
    case "Home": return stops[0];
    case "End": return stops.at(-1);
    case "ArrowDown": return stops[at + 1];
    case "ArrowUp": return stops[at - 1];
    default: return beside(bench, from, key === "ArrowRight" ? 1 : -1);
  }
}

const middle = (model, stop) => {
  const place = model.placeById.get(stop);
  const spot = model.spotOf.get(stop);
  // A container's head stands for it.
  return place ?? (spot && { x: spot.x + spot.width / 2, y: spot.y + Math.min(spot.height, 68) / 2 });
};

function beside({ now }, from, way) {
  const { model } = now.current;
  const here = middle(model, from);
  let best, least = Infinity;
  for (const stop of here ? model.stops : []) {
    const there = middle(model, stop);
    const x = there ? (there.x - here.x) * way : 0;
    const far = x + BESIDE * Math.abs(there.y - here.y);
    if (x > 1 && far < least) [best, least] = [stop, far];
  }
  return best;
}

const ARROWS = new Set(["ArrowDown", "ArrowUp", "ArrowLeft", "ArrowRight", "Home", "End"]);

function walked(bench, event, id) {
  if (event.altKey) {
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!by || !bench.meant(id).length) return false;
    bench.shift(id, by);
    return true;
  }
  const to = stopFrom(bench, id, event.key);
  if (!to) return true;
  if (event.shiftKey) bench.reach(id, to);
  bench.walk(to);
  return true;
}

// With Control, or Command.
const HELD = {
  a: (bench) => bench.selectAll(),
  c: (bench, id) => bench.copy(bench.meant(id)),
  x: (bench, id) => bench.cut(bench.meant(id)),
  d: (bench, id) => bench.duplicate(bench.meant(id)),
};

const PLAIN = {
  Delete: (bench, id) => bench.remove(bench.meant(id)),
  Backspace: (bench, id) => bench.remove(bench.meant(id)),
  Escape: (bench) => bench.clear(),
  s: (bench, id) => bench.skip(bench.meant(id), !bench.areSkipped(bench.meant(id))),
  m: (bench, id) => bench.askWhere(bench.meant(id)),
  a: (bench, id) => bench.addBelow(id),
  n: (bench) => bench.addNote(),
  "+": (bench) => bench.flow.current.zoomIn({ duration: ZOOM_MS }),
  "=": (bench) => bench.flow.current.zoomIn({ duration: ZOOM_MS }),
  "-": (bench) => bench.flow.current.zoomOut({ duration: ZOOM_MS }),
  0: (bench) => bench.flow.current.fitView({ maxZoom: 1, padding: 0.1, duration: ZOOM_MS }),
};

function done(bench, event, id) {
  const { key } = event;
  const letter = key.length === 1 ? key.toLowerCase() : key;
  if (ARROWS.has(key)) return walked(bench, event, id);
  if (key === "ContextMenu" || (key === "F10" && event.shiftKey)) {
    bench.openMenu(id, bench.elementOf(id));
    return true;
  }
  if (key === " " && event.shiftKey) {
    bench.toggle(id);
    return true;
  }
  if (event.altKey) return false;
  if (event.ctrlKey || event.metaKey) {
    // A text that is marked is what somebody wants to copy.
    if (event.shiftKey || !HELD[letter] || (letter !== "a" && letter !== "d" && String(getSelection()))) return false;
    HELD[letter](bench, id);
    return true;
  }
  if (event.shiftKey && letter !== "+") return false;
  if (!PLAIN[letter]) return false;
  PLAIN[letter](bench, id);
  return true;
}

export const keys = (bench) => (event) => {
  if (event.defaultPrevented || isForText(event.target) || isOpenAbove()) return;
  const id = event.target.closest?.("[data-stop]")?.dataset.stop ?? bench.here.get() ?? TRIGGER;
  if (done(bench, event, id)) event.preventDefault();
};

// Ctrl+V arrives as an event that brings the text along: no permission is asked for.
export const pastes = (bench) => (event) => {
  const { activeElement } = document;
  if (isForText(event.target) || isForText(activeElement) || isOpenAbove()) return;
  if (activeElement !== document.body && !bench.box.current?.contains(activeElement)) return;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!text.trim()) return;
  event.preventDefault();
  bench.paste(text, bench.here.get());
};
