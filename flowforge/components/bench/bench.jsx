// The builder's canvas. Places and words come from the server, and every gesture goes there; here is
// what cannot wait for it: what is selected, dragged and walked to. See __init__.py.
import { useContext, useEffect, useMemo, useRef } from "react";
import { Background, Controls, MiniMap, Panel, ReactFlow } from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { acts } from "./acts.js";
import { Bench, CARDS } from "./cards.jsx";
import { Carried, dragging } from "./drag.jsx";
import { guessing, useGuesses } from "./guesses.js";
import { keys, pastes } from "./keys.js";
import { Bar, Menu } from "./menu.jsx";
import { TRIGGER, edgesOf, modelOf, nodesOf, store, useStore } from "./model.js";
import { NOTES } from "./notes.jsx";

// Room for the buttons that stand over the canvas.
const TOP = 64;
const MARGIN = 32;
// Below this nobody reads a card: rather the beginning of it all than all of it.
const LEAST_LEGIBLE = 0.6;
// With more than this only what is in sight is drawn.
const MANY = 150;
const TYPES = { ...CARDS, ...NOTES };
const FIT = { maxZoom: 1, padding: 0.1 };
const MAP = { width: 132, height: 92 };
const WAIT_MS = 3_000;
const isWithKey = (event) => event.detail === 0;

function opening(bench) {
  const openMenu = (id, from) => {
    if (from?.preventDefault) from.preventDefault();
    const box = (from?.currentTarget ?? from)?.getBoundingClientRect();
    if (!box) return;
    // A menu by key has no pointer: it opens below what it is about.
    const isAtPointer = from.clientX > 0 && from.type === "contextmenu";
    bench.menu.set(isAtPointer
      ? { id, x: from.clientX, y: from.clientY, above: from.clientY }
      : { id, x: box.left, y: box.bottom + 4, above: box.top - 4 });
  };
  const click = (event, id) => {
    if (bench.wasDropped()) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) bench.toggle(id);
    else {
      bench.choose(id);
      if (isWithKey(event)) intoPanel(bench, id);
    }
  };
  return { openMenu, click };
}

// By key one goes on in the form as soon as the server has drawn it; Escape leads back.
function intoPanel(bench, id) {
  const panel = document.querySelector(".panel");
  if (!panel) return;
  const watch = new MutationObserver(() => {
    if (bench.now.current.chosen !== id) return;
    watch.disconnect();
    panel.querySelector(".panel-body :is(input, textarea, select, button):not(:disabled)")?.focus();
  });
  watch.observe(panel, { childList: true, subtree: true });
  setTimeout(() => watch.disconnect(), WAIT_MS);
}

const outOfPanel = (bench) => (event) => {
  if (event.key !== "Escape" || event.defaultPrevented || !event.target.closest?.(".panel")) return;
  if (!document.querySelector("dialog[open], .menu:popover-open")) bench.walk(bench.chosen.get());
};

// Made once for each opening of the page; ``now`` holds what changes meanwhile.
function benchOf({ icons, glyphs, chosen }) {
  const bench = {
    icons, glyphs, box: { current: null }, flow: { current: null }, now: { current: null },
    wanted: { current: null }, picksFor: { current: null }, fresh: { current: "" }, here: store(TRIGGER), chosen: store(chosen),
    selected: store(new Set()), drag: store(null), frame: store(null), menu: store(null), said: store(""),
    guesses: store(new Map()),
  };
  Object.assign(bench, guessing(bench));
  Object.assign(bench, acts(bench));
  return Object.assign(bench, dragging(bench), opening(bench));
}

// All of it where that can be read; else from the top, with its middle in the middle.
function overview(bench) {
  const { spots } = bench.now.current.model;
  const box = bench.box.current;
  const width = Math.max(...spots.map((spot) => spot.width)) + 2 * MARGIN;
  const height = Math.max(...spots.map((spot) => spot.y + spot.height)) + TOP + MARGIN;
  const wide = Math.min(1, box.clientWidth / width);
  const all = Math.min(wide, box.clientHeight / height);
  const zoom = all >= LEAST_LEGIBLE ? all : Math.max(LEAST_LEGIBLE, wide);
  bench.flow.current.setViewport({ x: box.clientWidth / 2, y: TOP * zoom, zoom });
}

// What another gesture, tab or undo has changed while somebody was somewhere on the canvas.
function useFollowing(bench, { model, chosen, made, clip, note }) {
  const before = useRef(model.stops);
  useEffect(() => {
    const old = before.current;
    before.current = model.stops;
    const stays = new Set(model.stops);
    const selected = [...bench.selected.get()];
    if (selected.some((id) => !stays.has(id))) bench.selected.set(new Set(selected.filter((id) => stays.has(id))));
    const here = bench.here.get();
    if (stays.has(here)) return;
    const next = old.slice(old.indexOf(here)).find((id) => stays.has(id)) ?? TRIGGER;
    bench.here.set(next);
    // What had the focus is gone: the keyboard goes on beside it.
    if (document.activeElement === document.body) bench.walk(next);
  }, [bench, model]);
  useEffect(() => {
    if (bench.chosen.get() === chosen) return;
    bench.chosen.set(chosen);
    bench.selected.set(new Set(chosen === TRIGGER ? [] : [chosen]));
    bench.show(chosen);
  }, [bench, chosen]);
  useEffect(() => {
    if (made.length > 1) bench.selected.set(new Set(made));
  }, [bench, made]);
  useEffect(() => { if (clip.number > 0) bench.keep(clip); }, [bench, clip.number]);
  useEffect(() => { bench.fresh.current = note; }, [bench, note]);
}

// The panel takes room and gives it back: what was in the middle stays there.
function useMiddle(bench) {
  useEffect(() => {
    let before = bench.box.current.clientWidth;
    const watch = new ResizeObserver(() => {
      // What has left the page is resized a last time.
      const by = ((bench.box.current?.clientWidth || before) - before) / 2;
      before += 2 * by;
      const viewport = bench.flow.current?.getViewport();
      if (viewport && by) bench.flow.current.setViewport({ ...viewport, x: viewport.x + by });
    });
    watch.observe(bench.box.current);
    return () => watch.disconnect();
  }, [bench]);
}

function Said() {
  const { said } = useContext(Bench);
  const words = useStore(said, (one) => one);
  return <div className={words ? "flow-said" : "sr-only"} role="status" data-testid="canvas-said">{words}</div>;
}

export function BenchCanvas({
  spots, lines, notes, chosen, made, clip, note, saves, saved, icons, glyphs, head, gap, ...on
}) {
  const bench = useMemo(() => benchOf({ icons, glyphs, chosen }), []);
  const model = useMemo(() => modelOf(spots, lines, gap), [spots, lines, gap]);
  bench.now.current = { model, on, chosen };
  const drawn = useRef([]);
  const ways = useRef([]);
  const nodes = useMemo(
    () => (drawn.current = nodesOf(model, notes, head, drawn.current)), [model, notes, head]);
  const edges = useMemo(() => (ways.current = edgesOf(model, ways.current)), [model]);
  useGuesses(bench, model, saves, saved);
  useFollowing(bench, { model, chosen, made, clip, note });
  useMiddle(bench);
  useEffect(() => {
    const leaving = new AbortController();
    document.addEventListener("paste", pastes(bench), { signal: leaving.signal });
    document.addEventListener("keydown", outOfPanel(bench), { signal: leaving.signal });
    document.addEventListener("click", bench.picked, { signal: leaving.signal });
    document.addEventListener("close", bench.unpicked, { capture: true, signal: leaving.signal });
    return () => leaving.abort();
  }, [bench]);
  const begin = (instance) => {
    bench.flow.current = instance;
    // It comes a moment later: somebody may have gone to the list.
    if (!bench.box.current) return;
    overview(bench);
    if (chosen !== TRIGGER) bench.show(chosen);
  };
  return (
    <Bench.Provider value={bench}>
      <div ref={bench.box} className="flow flow-bench" role="group" aria-label="Steps of this zap"
        tabIndex={-1} data-testid="canvas" onKeyDown={keys(bench)} onPointerDown={bench.frameFrom}
        onMouseDownCapture={(event) => event.shiftKey && event.stopPropagation()}>
        <ReactFlow
          nodes={nodes} edges={edges} nodeTypes={TYPES} onInit={begin}
          nodesDraggable={false} nodesConnectable={false} elementsSelectable={false}
          nodesFocusable={false} edgesFocusable={false} disableKeyboardA11y
          deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null}
          panActivationKeyCode={null} panOnScroll zoomOnDoubleClick={false}
          minZoom={0.05} maxZoom={2} fitViewOptions={FIT}
          onPaneClick={() => bench.wasDropped() || bench.clear()} onlyRenderVisibleElements={nodes.length > MANY}
        >
          <Background gap={20} size={1.2} />
          <Controls showInteractive={false} fitViewOptions={FIT} />
          <MiniMap pannable zoomable ariaLabel="Overview" style={MAP}
            nodeClassName={(node) => `mini-${node.type}`} />
          <Panel position="top-left">
            <button type="button" className="btn small" data-testid="add-note"
              onClick={() => bench.addNote()}>{icons.note}Add a note</button>
          </Panel>
          <Bar />
        </ReactFlow>
        <Carried />
        <Menu />
        <Said />
      </div>
    </Bench.Provider>
  );
}
