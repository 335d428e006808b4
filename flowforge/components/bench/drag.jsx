// Dragging steps to another place, and a frame around several to select them.
import { useContext } from "react";
import { Bench } from "./cards.jsx";
import { TRIGGER, useStore } from "./model.js";

// Less is a click that trembles.
const BEGINS_PX = 5;
// From farther away than this nothing is meant; pixels at zoom 1.
const REACH = 170;
// Nearer to an edge than this the canvas moves along.
const EDGE_PX = 48;
const SPEED_PX = 14;

const inFrame = (frame, box) =>
  box.x < frame.x + frame.width && box.x + box.width > frame.x
  && box.y < frame.y + frame.height && box.y + box.height > frame.y;

const within = (frame, box) =>
  box.x >= frame.x && box.x + box.width <= frame.x + frame.width
  && box.y >= frame.y && box.y + box.height <= frame.y + frame.height;

// Listens until the pointer is let go. ``end(isDone)``: Escape, or a lost pointer, is no end.
function follow(move, end) {
  const over = new AbortController();
  const finish = (isDone) => { over.abort(); end(isDone); };
  const options = { signal: over.signal, capture: true };
  addEventListener("pointermove", move, options);
  addEventListener("pointerup", () => finish(true), options);
  addEventListener("pointercancel", () => finish(false), options);
  addEventListener("blur", () => finish(false), { signal: over.signal });
  addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    finish(false);
  }, options);
}

function nearest(places, at) {
  const far = (place) => Math.hypot(place.x - at.x, place.y - at.y);
  const [first] = [...places].sort((one, other) => far(one) - far(other));
  return first && far(first) < REACH ? first.id : "";
}

// The canvas moves while the pointer stays at its edge. False: it is not there.
function alongEdge(bench, pointer) {
  const box = bench.box.current.getBoundingClientRect();
  const push = (at, from, to) => at < from + EDGE_PX ? SPEED_PX : at > to - EDGE_PX ? -SPEED_PX : 0;
  const by = { x: push(pointer.x, box.left, box.right), y: push(pointer.y, box.top, box.bottom) };
  if (!by.x && !by.y) return false;
  const { x, y, zoom } = bench.flow.current.getViewport();
  bench.flow.current.setViewport({ x: x + by.x, y: y + by.y, zoom });
  return true;
}

export function dragging(bench) {
  // The click that ends a drag, or a frame, is none.
  let isJustDropped = false;
  const drop = () => {
    isJustDropped = true;
    setTimeout(() => { isJustDropped = false; });
  };

  const dragFrom = (event, id) => {
    if (event.button !== 0 || !event.isPrimary || id === TRIGGER) return;
    if (event.shiftKey || event.ctrlKey || event.metaKey) return;
    const begun = { x: event.clientX, y: event.clientY };
    let pointer = begun, frame = 0, places = [];

    const look = () => {
      const at = bench.flow.current.screenToFlowPosition(pointer);
      bench.drag.set({ ...bench.drag.get(), target: nearest(places, at), ...pointer });
    };
    const turn = () => {
      if (alongEdge(bench, pointer)) look();
      frame = requestAnimationFrame(turn);
    };
    const begin = () => {
      const ids = bench.meant(id);
      places = bench.now.current.model.placesFor(ids);
      bench.drag.set({ ids, places: new Set(places.map((place) => place.id)), target: "", ...pointer });
      turn();
    };
    follow((moved) => {
      pointer = { x: moved.clientX, y: moved.clientY };
      if (bench.drag.get()) look();
      else if (Math.hypot(pointer.x - begun.x, pointer.y - begun.y) > BEGINS_PX) begin();
    }, (isDone) => {
      const dropped = bench.drag.get();
      if (!dropped) return;
      cancelAnimationFrame(frame);
      drop();
      bench.drag.set(null);
      const place = isDone && bench.now.current.model.placeById.get(dropped.target);
      if (place) bench.drop(dropped.ids, place);
    });
  };

  // Everything that the frame touches; of what holds steps only what is wholly in it.
  const frameFrom = (event) => {
    const isGround = !event.target.closest?.(".react-flow__node, .react-flow__panel");
    if (event.button !== 0 || !event.shiftKey || !isGround) return;
    event.preventDefault();
    const begun = { x: event.clientX, y: event.clientY };
    const kept = bench.selected.get();
    follow(({ clientX, clientY }) => {
      const box = {
        x: Math.min(begun.x, clientX), y: Math.min(begun.y, clientY),
        width: Math.abs(clientX - begun.x), height: Math.abs(clientY - begun.y),
      };
      bench.frame.set(box);
      const { x, y } = bench.flow.current.screenToFlowPosition(box);
      const zoom = bench.flow.current.getZoom();
      const frame = { x, y, width: box.width / zoom, height: box.height / zoom };
      const found = bench.now.current.model.spots.filter((spot) =>
        (spot.form === "step" && inFrame(frame, spot)) || (spot.form === "container" && within(frame, spot)));
      bench.selected.set(new Set([...kept, ...found.map((spot) => spot.id)]));
    }, (isDone) => {
      if (!bench.frame.get()) return;
      bench.frame.set(null);
      drop();
      if (!isDone) bench.selected.set(kept);
    });
  };
  return { dragFrom, frameFrom, wasDropped: () => isJustDropped };
}

// What is carried, and the frame: drawn over everything, and in the way of nothing.
export function Carried() {
  const { drag, frame, now } = useContext(Bench);
  const carried = useStore(drag, (one) => one);
  const box = useStore(frame, (one) => one);
  const [first] = carried?.ids ?? [];
  const title = now.current.model.lineOf.get(first)?.card.title;
  return (
    <>
      {carried && (
        <div className="flow-carried" style={{ left: carried.x + 12, top: carried.y + 12 }}
          data-testid="carried">
          <bdi>{carried.ids.length === 1 ? title : `${carried.ids.length} steps`}</bdi>
        </div>
      )}
      {box && (
        <div className="flow-frame" data-testid="frame"
          style={{ left: box.x, top: box.y, width: box.width, height: box.height }} />
      )}
    </>
  );
}
