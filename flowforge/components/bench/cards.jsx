// The builder's cards, the labels of branches, the ends of lists, and a "+" before each step.
import { createContext, useContext, useEffect, useRef } from "react";
import { Handle, Position } from "@xyflow/react";
import { COMING, GONE, MOVED } from "./guesses.js";
import { TRIGGER, useStore } from "./model.js";

export const Bench = createContext(null);

// A stop of the arrow keys: the only one that Tab comes to is the last that was walked to.
export function useStop(id) {
  const { here, wanted } = useContext(Bench);
  const isHere = useStore(here, (one) => one === id);
  const element = useRef(null);
  useEffect(() => {
    // Somebody walked here before it was drawn.
    if (wanted.current !== id) return;
    wanted.current = null;
    element.current?.focus({ preventScroll: true });
  }, [id, wanted]);
  return {
    ref: element, tabIndex: isHere ? 0 : -1, "data-stop": id, onFocus: () => here.set(id),
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

// ``words``: what is to be read on it; without any it is a "+".
function Plus({ place, label, testid, words, look = "" }) {
  const { add, drag, guesses, icons } = useContext(Bench);
  const stop = useStop(place);
  const stands = useStore(drag, (now) =>
    !now?.places ? "" : now.target === place ? "is-lit" : now.places.has(place) ? "is-open" : "is-shut");
  const isComing = useStore(guesses, (all) => all.get(place)?.will === COMING);
  return (
    <button
      {...stop} type="button" className={`flow-plus nopan ${look} ${stands} ${isComing ? "is-coming" : ""}`}
      aria-label={label}
      title={words ? undefined : "Add a step here"} data-testid={testid} data-lit={stands === "is-lit"}
      onClick={() => add(place)}
    >
      {icons.plus}{words}
    </button>
  );
}

function More({ id, label, testid }) {
  const { openMenu, icons } = useContext(Bench);
  return (
    <button
      type="button" className="btn quiet icon small flow-more nopan" aria-label={label} title={label}
      aria-haspopup="menu" tabIndex={-1} data-testid={testid}
      onClick={(event) => openMenu(id, event.currentTarget)}
    >
      {icons.ellipsis}
    </button>
  );
}

function Picture({ card, glyphs, icons }) {
  return glyphs[card.kind] ?? (
    <span className={card.icon ? "tile" : "tile empty"}>
      {card.icon ? <img src={card.icon} alt="" draggable={false} /> : icons.plus}
    </span>
  );
}

function Card({ id, data, type }) {
  const bench = useContext(Bench);
  const { card } = data.line;
  const stop = useStop(id);
  const isChosen = useStore(bench.chosen, (one) => one === id);
  const isSelected = useStore(bench.selected, (ids) => ids.has(id));
  const isMoving = useStore(bench.drag, (now) => now?.ids.includes(id) ?? false);
  const will = useStore(bench.guesses, (all) => all.get(id)?.will);
  const isSkipped = typeof will === "boolean" ? will : card.is_skipped;
  const isTrigger = id === TRIGGER;
  // What somebody wrote for readers says more than what the machine can tell.
  const tells = card.note || card.tells || (card.action !== card.title ? card.action : "");
  const look = [
    "flow-card is-editable", isChosen && "is-chosen", isSelected && "is-selected",
    card.problems > 0 && "is-wrong", isSkipped && "is-skipped", card.is_empty && "is-empty",
    (isMoving || will === MOVED) && "is-moving", will === GONE && "is-going",
  ].filter(Boolean).join(" ");
  return (
    <>
      <Ends head={type === "container" ? data.head : 0} />
      {!isTrigger && (
        <Plus place={`+${id}`} look="is-between" label={`Add a step before ${card.title}`}
          testid={`add-before-${id}`} />
      )}
      <div className={look} style={{ height: data.head }} data-testid={`card-${id}`}
        data-selected={isSelected} onContextMenu={(event) => bench.openMenu(id, event)}>
        <button
          {...stop} type="button" className="flow-main nopan" data-testid={`open-${id}`}
          aria-pressed={isSelected || isChosen} aria-keyshortcuts="Enter"
          onPointerDown={(event) => bench.dragFrom(event, id)}
          onClick={(event) => bench.click(event, id)}
        >
          <Picture card={card} glyphs={bench.glyphs} icons={bench.icons} />
          <span className="words">
            <span className="called">
              {card.number > 0 && <span className="num">{card.number}. </span>}
              <bdi title={card.title}>{card.title}</bdi>
            </span>
            <span className="facts">
              {isSkipped && <span className="skips">Skipped · </span>}
              <bdi title={card.note || undefined}>{tells}</bdi>
            </span>
          </span>
          {card.problems > 0 && (
            <span className="count" title="Problems to mend before publishing"
              data-testid={`problems-${id}`}>{card.problems}</span>
          )}
        </button>
        <More id={id} label={`More about ${card.title}`} testid={`more-${id}`} />
      </div>
    </>
  );
}

function Label({ id, data }) {
  const bench = useContext(Bench);
  const { line } = data;
  // A loop has one list, which nobody can change.
  if (!line || line.is_fixed) {
    return (
      <>
        <Ends />
        <div className="flow-label" data-testid={`branch-${id.replace("/", "-")}`}>
          <Named id={id} title={line?.title ?? "Each round"} />
        </div>
      </>
    );
  }
  const name = `${line.step}-${line.branch}`;
  return (
    <>
      <Ends />
      <div className="flow-label is-editable" data-testid={`branch-${name}`}
        onContextMenu={(event) => bench.openMenu(id, event)}>
        <Named id={id} title={line.title} />
        <More id={id} label={`More about the branch ${line.title}`} testid={`more-branch-${name}`} />
      </div>
    </>
  );
}

function Named({ id, title }) {
  const { openMenu } = useContext(Bench);
  const stop = useStop(id);
  return (
    <button {...stop} type="button" className="flow-name nopan" title={title}
      onClick={(event) => openMenu(id, event.currentTarget)}>
      <bdi>{title}</bdi>
    </button>
  );
}

function End({ id, data }) {
  const { step, branch, at } = data.line;
  const isFirst = step === "" && at === 0;
  return (
    <>
      <Ends />
      <Plus
        place={id} look="is-last" testid={step ? `add-to-${step}-${branch}` : "add-step"}
        label={step ? `Add a step at the end of ${data.list || "each round"}` : undefined}
        words={isFirst ? "Add the first step" : step ? "" : "Add a step"}
      />
    </>
  );
}

export const CARDS = { trigger: Card, step: Card, container: Card, branch: Label, end: End };
