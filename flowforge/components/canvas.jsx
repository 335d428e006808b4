// A definition on a canvas: places come from the server, zooming and walking happen here.
// Whoever uses it says what a card shows; see canvas.py.
import { createContext, useContext, useEffect, useMemo, useRef, useSyncExternalStore } from "react";
import {
  Background, BaseEdge, Controls, Handle, MiniMap, Position, ReactFlow, getSmoothStepPath,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";

const NO_MARK = { status: "", rounds: [] };
const MARGIN = 24;
// Below this nobody reads a card: rather the beginning of it all than all of it.
const LEAST_LEGIBLE = 0.55;
// What one was led to is there to be read.
const CLOSE = 0.8;
// With more cards than this only those in sight are drawn.
const MANY = 300;
const WAIT_MS = 5_000;
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

// Two: what is always so, and what became of the cards. A change of either draws all of them.
const Canvas = createContext(null);
const Marks = createContext({});
const useMark = (id) => useContext(Marks)[id] ?? NO_MARK;

// The chosen card, known to those two alone that it was and will be.
function choice(first) {
  let chosen = first;
  const heard = new Set();
  return {
    is: (id) => chosen === id,
    become: (id) => { chosen = id; heard.forEach((tell) => tell()); },
    listen: (tell) => { heard.add(tell); return () => heard.delete(tell); },
  };
}

function Ends({ head }) {
  return (
    <>
      <Handle type="target" position={Position.Top} isConnectable={false} />
      {head > 0 && (
        <Handle id="in" type="source" position={Position.Bottom} isConnectable={false}
          style={{ top: head, bottom: "auto" }} />
      )}
      <Handle id="out" type="source" position={Position.Bottom} isConnectable={false} />
    </>
  );
}

function Card({ id, data }) {
  const { words, ends, glyphs, choice, wanted, order, choose, walk } = useContext(Canvas);
  const mark = useMark(id);
  const isChosen = useSyncExternalStore(choice.listen, () => choice.is(id));
  const button = useRef(null);
  useEffect(() => {
    // Somebody walked here before it was drawn.
    if (wanted.current === id) button.current?.focus({ preventScroll: true });
  }, [id, wanted]);
  const onKeyDown = (event) => {
    const here = order.indexOf(id);
    const to = event.key === "Home" ? 0 : event.key === "End" ? order.length - 1 : here + STEPS[event.key];
    if (!(to >= 0 && to < order.length)) return;
    event.preventDefault();
    walk(order[to]);
  };
  const onFocus = (event) => {
    wanted.current = null;
    if (event.target.matches(":focus-visible")) walk(id);
  };
  const facts = [mark.note, mark.tries, data.action !== data.title && data.action].filter(Boolean);
  return (
    <>
      <Ends head={data.form === "container" ? data.head : 0} />
      <button
        ref={button} type="button" className={`flow-card is-${mark.status || "plain"}`}
        style={{ height: data.head }} data-testid={`node-${id}`} data-status={mark.status}
        data-path={mark.path} aria-current={isChosen ? "step" : undefined}
        onClick={(event) => choose(id, event.detail === 0)} onKeyDown={onKeyDown} onFocus={onFocus}
      >
        {glyphs[data.kind] ?? (
          <span className={data.icon ? "tile" : "tile empty"}>
            {data.icon && <img src={data.icon} alt="" />}
          </span>
        )}
        <span className="words">
          <span className="called">
            {data.number && <span className="num">{data.number}. </span>}
            <bdi title={data.title}>{data.title}</bdi>
          </span>
          <span className="facts">{facts.join(" · ")}</span>
        </span>
        {mark.status && (
          <span className="stands">
            <span className={`status ${mark.status}`} data-testid="node-status">
              {words[mark.status] ?? mark.status}
            </span>
            <span className="took num">
              {mark.since && <ff-elapsed since={mark.since} />}
              {mark.retry_at && <ff-countdown until={mark.retry_at} />}
              {mark.until && <ff-countdown until={mark.until} words={ends[data.kind] ?? "gives up"} />}
              {mark.duration}
            </span>
          </span>
        )}
      </button>
    </>
  );
}

function Branch({ id, data }) {
  const { words, pick } = useContext(Canvas);
  const { note, rounds, round, path } = useMark(id);
  const at = rounds.findIndex((one) => one.number === round);
  const turn = (by) => pick(path, rounds[at + by].number);
  return (
    <>
      <Ends />
      {rounds.length > 0 ? (
        <div className="flow-label flow-rounds">
          <button type="button" className="turn" aria-label="The round before" disabled={at <= 0}
            data-testid={`round-before-${id}`} onClick={() => turn(-1)}>‹</button>
          <select aria-label="Round" value={round} data-testid={`rounds-${id}`}
            onChange={(event) => pick(path, Number(event.target.value))}>
            {rounds.map((one) => (
              <option key={one.number} value={one.number}>
                {[`Round ${one.number}`, words[one.status] ?? one.status, one.preview]
                  .filter(Boolean).join(" · ")}
              </option>
            ))}
          </select>
          <button type="button" className="turn" aria-label="The next round"
            disabled={at >= rounds.length - 1}
            data-testid={`round-after-${id}`} onClick={() => turn(1)}>›</button>
        </div>
      ) : (
        <div className="flow-label" data-testid={`label-${id}`}>
          <bdi title={data.title}>{data.title}</bdi>
          {(note || data.note) && <span className="muted">{note || data.note}</span>}
        </div>
      )}
    </>
  );
}

function Way({ id, target, data, ...ends }) {
  const { status, note } = useMark(target);
  // Less than half of what is between two cards: one bend there, not three.
  const [path] = getSmoothStepPath({ ...ends, offset: 12 });
  const isAhead = status === "pending" || status === "not_run" || note === "not taken";
  return <BaseEdge id={id} path={path} className={isAhead ? "is-ahead" : ""} />;
}

const NODES = { trigger: Card, step: Card, container: Card, branch: Branch };
const EDGES = { way: Way };
const FIT = { maxZoom: 1, padding: 0.1 };
const MAP = { width: 132, height: 92 };

const nodesOf = (cards, head) => cards.map((card) => ({
  id: card.id, type: card.form, position: { x: card.x, y: card.y }, data: { ...card, head },
  width: card.width, height: card.height, zIndex: 2 * card.depth,
  className: card.form === "container" ? "flow-container" : "",
}));
// A container's ground lies under the ways in it, and those under its cards.
const edgesOf = (ways) => ways.map(({ id, source, target, depth, is_inward }) => ({
  id, source, target, type: "way", sourceHandle: is_inward ? "in" : "out", zIndex: 2 * depth - 1,
}));

// All of it where that can be read; else from the top, with its middle in the middle.
function overview(flow, cards, box) {
  const width = Math.max(...cards.map((card) => card.width)) + 2 * MARGIN;
  const height = Math.max(...cards.map((card) => card.y + card.height)) + 2 * MARGIN;
  const wide = Math.min(1, box.clientWidth / width);
  const all = Math.min(wide, box.clientHeight / height);
  const zoom = all >= LEAST_LEGIBLE ? all : Math.max(LEAST_LEGIBLE, wide);
  flow.setViewport({ x: box.clientWidth / 2, y: MARGIN * zoom, zoom });
}

// Where the page shows the step of this path: opened, in sight and, for the keyboard, in focus.
function reveal(place, byKey) {
  const found = document.getElementById(place);
  if (!found) return false;
  const details = found.querySelector("details");
  if (details) details.open = true;
  found.scrollIntoView({ block: "nearest" });
  if (byKey) found.querySelector("summary")?.focus({ preventScroll: true });
  return true;
}

// What a person can do; ``now`` holds what changes meanwhile.
function gestures({ cards, words, ends, glyphs, head, first, places, box, flow, now }) {
  const byId = new Map(cards.map((card) => [card.id, card]));
  const order = cards.filter((card) => card.form !== "branch").map((card) => card.id);
  const chosen = choice(first);
  const wanted = { current: null };
  let seeking = null;
  const leave = () => seeking?.disconnect();

  const centre = (id) => {
    const card = byId.get(id);
    if (!card || !flow.current) return;
    const zoom = Math.max(flow.current.getZoom(), CLOSE);
    flow.current.setCenter(card.x + card.width / 2, card.y + head / 2, { zoom });
  };

  const walk = (id) => {
    const there = box.current.querySelector(`[data-testid="${CSS.escape(`node-${id}`)}"]`);
    const outer = box.current.getBoundingClientRect();
    const inner = there?.getBoundingClientRect();
    if (!inner || inner.top < outer.top || inner.bottom > outer.bottom
      || inner.left < outer.left || inner.right > outer.right) centre(id);
    if (there && there !== document.activeElement) there.focus({ preventScroll: true });
    if (!there) wanted.current = id;
  };

  const choose = (id, byKey) => {
    chosen.become(id);
    leave();
    const path = now.current.marks[id]?.path;
    if (!path || reveal(places + path, byKey)) return;
    // It is folded away: the server unfolds it, and it is here in a moment.
    const watch = new MutationObserver(() => reveal(places + path, byKey) && watch.disconnect());
    watch.observe(document.body, { childList: true, subtree: true });
    seeking = watch;
    setTimeout(() => watch.disconnect(), WAIT_MS);
    now.current.onSeek?.(path);
  };

  const pick = (path, number) => now.current.onPick?.(path, number);
  return { words, ends, glyphs, choice: chosen, wanted, order, centre, walk, choose, pick, leave };
}

export function FlowCanvas({
  cards, ways, marks, words, ends, glyphs, head, first, places, label, onPick, onSeek,
}) {
  const box = useRef(null);
  const flow = useRef(null);
  const now = useRef({});
  now.current = { marks, onPick, onSeek };
  const nodes = useMemo(() => nodesOf(cards, head), [cards, head]);
  const edges = useMemo(() => edgesOf(ways), [ways]);
  const shared = useMemo(
    () => gestures({ cards, words, ends, glyphs, head, first, places, box, flow, now }),
    // Words, pictures and places are the page's own: they are the same each time.
    [cards, head],
  );
  useEffect(() => shared.leave, [shared]);
  const begin = (instance) => {
    flow.current = instance;
    overview(instance, cards, box.current);
    if (first) shared.centre(first);
  };
  return (
    <Canvas.Provider value={shared}>
      <Marks.Provider value={marks}>
        <div ref={box} className="flow" role="group" aria-label={label} data-testid="canvas">
          <ReactFlow
            nodes={nodes} edges={edges} nodeTypes={NODES} edgeTypes={EDGES} onInit={begin}
            nodesDraggable={false} nodesConnectable={false} elementsSelectable={false}
            nodesFocusable={false} edgesFocusable={false} disableKeyboardA11y
            deleteKeyCode={null} selectionKeyCode={null} multiSelectionKeyCode={null}
            panActivationKeyCode={null} zoomOnScroll={false} preventScrolling={false}
            zoomOnDoubleClick={false} minZoom={0.05} maxZoom={2} fitViewOptions={FIT}
            onlyRenderVisibleElements={nodes.length > MANY}
          >
            <Background gap={20} size={1.2} />
            <Controls showInteractive={false} fitViewOptions={FIT} />
            <MiniMap pannable zoomable ariaLabel="Overview" style={MAP}
              nodeClassName={(node) => `mini-${node.type} ${marks[node.id]?.status ?? ""}`} />
          </ReactFlow>
        </div>
      </Marks.Provider>
    </Canvas.Provider>
  );
}
