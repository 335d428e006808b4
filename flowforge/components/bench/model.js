// What there is on the builder's canvas: places come from the server, words from the builder's lines.
import { useSyncExternalStore } from "react";

export const TRIGGER = "trigger";

// A value and those who are told when it changes.
export function store(value) {
  const heard = new Set();
  return {
    get: () => value,
    set: (next) => {
      if (Object.is(next, value)) return;
      value = next;
      heard.forEach((tell) => tell());
    },
    listen: (tell) => {
      heard.add(tell);
      return () => heard.delete(tell);
    },
  };
}

// ``pick`` gives a plain value: whoever asks is drawn anew only when that one changes.
export const useStore = ({ listen, get }, pick) => useSyncExternalStore(listen, () => pick(get()));

const isStep = (line) => line.what === "card" && line.card.id !== TRIGGER;

const keyOf = (line) =>
  line.what === "card" ? line.card.id
    : line.what === "end" ? `${line.step}/${line.branch}/end` : `${line.step}/${line.branch}`;

// Where a step may be added, or dropped: before each step, and at the end of each list.
function placeOf(line, spot, gap) {
  const { step, branch, at } = line;
  const x = spot.x + spot.width / 2;
  return line.what === "end"
    ? { id: spot.id, step, branch, at, x, y: spot.y + spot.height / 2 }
    : { id: `+${spot.id}`, step, branch, at, x, y: spot.y - gap / 2 };
}

// Less than half of what is between two cards: a way has one bend there, not three.
const STRAIGHT = { offset: 12 };
// What stands where is told by the order of the cards.
const HIDDEN = { "aria-hidden": true };

// Everything that is asked of the steps, by id. ``stops``: what the arrow keys walk, in order.
export function modelOf(spots, lines, gap) {
  const spotOf = new Map(spots.map((spot) => [spot.id, spot]));
  const known = lines.filter((line) => spotOf.has(keyOf(line)));
  const lineOf = new Map(known.map((line) => [keyOf(line), line]));
  const places = known.filter((line) => line.what === "end" || isStep(line))
    .map((line) => placeOf(line, spotOf.get(keyOf(line)), gap));
  const placeById = new Map(places.map((place) => [place.id, place]));
  const stops = known.flatMap((line) => isStep(line) ? [`+${line.card.id}`, line.card.id] : [keyOf(line)]);
  const steps = known.filter(isStep).map((line) => line.card.id);

  // A step is inside of all that is around it.
  const isInside = (id, ids) => {
    for (let around = lineOf.get(id)?.step; around; around = lineOf.get(around)?.step) {
      if (ids.has(around)) return true;
    }
    return false;
  };
  const outermost = (ids) => {
    const all = new Set(ids);
    return steps.filter((id) => all.has(id) && !isInside(id, all));
  };
  // These steps and all that is inside of them.
  const within = (ids) => {
    const all = new Set(ids);
    return steps.filter((id) => all.has(id) || isInside(id, all));
  };
  // Where what these steps become may go: not into themselves, and not where one stands already.
  const placesFor = (ids) => {
    const all = new Set(ids);
    const [only] = ids.length === 1 ? ids : [];
    const { step, branch, at } = lineOf.get(only) ?? {};
    const isHere = (place) => only !== undefined && place.step === step && place.branch === branch
      && (place.at === at || place.at === at + 1);
    return places.filter((place) =>
      !all.has(place.step) && !isInside(place.step, all) && !isHere(place));
  };
  const placeAt = (step, branch, at) => places.find((place) =>
    place.step === step && place.branch === branch && place.at === at)?.id;
  // Where a step comes to that changes places with its neighbour.
  const placeBeside = (id, by) => {
    const { step, branch, at } = lineOf.get(id) ?? {};
    return placeAt(step, branch, by > 0 ? at + 2 : at - 1);
  };
  // The place right after a stop.
  const below = (stop) => {
    const line = lineOf.get(stop);
    if (placeById.has(stop)) return placeById.get(stop);
    if (!line || stop === TRIGGER) return { step: "", branch: 0, at: 0 };
    if (line.what === "branch") return { step: line.step, branch: line.branch, at: 0 };
    return { step: line.step, branch: line.branch, at: line.at + 1 };
  };
  return {
    spots, spotOf, lineOf, places, placeById, stops, steps, outermost, within, placesFor, placeAt,
    placeBeside, below,
  };
}

// Where the ways begin and end. Said here nothing has to be drawn to be measured, in sight or not.
const handle = (type, position, width, y, id = null) =>
  ({ id, type, position, x: width / 2, y, width: 0, height: 0 });
const handlesOf = ({ form, width, height }, head) => [
  handle("target", "top", width, 0),
  ...(form === "container" ? [handle("source", "bottom", width, head, "in")] : []),
  handle("source", "bottom", width, height, "out"),
];

// React Flow's nodes. One that says and stands as before is the same object: it is not drawn anew.
export function nodesOf(model, notes, head, before) {
  const known = new Map(before.map((node) => [node.id, node]));
  const kept = (node, facts) => {
    const key = JSON.stringify(facts);
    const old = known.get(node.id);
    return old?.data.key === key ? old : { ...node, data: { ...node.data, key } };
  };
  const cards = model.spots.filter((spot) => spot.form === "branch" || model.lineOf.has(spot.id))
    .map((spot) => {
      const line = model.lineOf.get(spot.id);
      // What the list is called that ends here.
      const list = spot.form === "end" ? model.lineOf.get(spot.id.replace(/\/end$/, ""))?.title ?? "" : "";
      return kept({
        id: spot.id, type: spot.form, position: { x: spot.x, y: spot.y }, width: spot.width,
        height: spot.height, measured: { width: spot.width, height: spot.height },
        handles: handlesOf(spot, head), zIndex: 2 * spot.depth, data: { line, list, head },
        className: spot.form === "container" ? "flow-container" : "",
      }, [spot, line, list]);
    });
  const papers = notes.map((note) => kept({
    id: `note:${note.id}`, type: "note", position: { x: note.x, y: note.y }, width: note.width,
    height: note.height, zIndex: -2, data: { note },
  }, note));
  return [...papers, ...cards];
}

// A container's ground lies under the ways in it, and those under its cards.
export function edgesOf(model, before) {
  const known = new Map(before.map((edge) => [edge.id, edge]));
  return model.spots.filter((spot) => spot.above).map((spot) => {
    const edge = {
      id: `${spot.above}>${spot.id}`, source: spot.above, target: spot.id, type: "smoothstep",
      sourceHandle: spot.form === "branch" ? "in" : "out", zIndex: 2 * spot.depth - 1,
      pathOptions: STRAIGHT, domAttributes: HIDDEN,
    };
    const old = known.get(edge.id);
    return old?.sourceHandle === edge.sourceHandle && old.zIndex === edge.zIndex ? old : edge;
  });
}
