// Sticky notes: written in place, moved by their bar, made larger by their corner. Their text is inert.
import { useContext, useEffect, useRef, useState } from "react";
import { Bench } from "./cards.jsx";

export const LONGEST = 5_000;
const LEAST = 80, MOST = 2_000;
// One press of an arrow key.
const STEP = 20;
const SAVES_AFTER_MS = 600;
const COLORS = ["yellow", "green", "blue", "pink", "grey"];
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

const within = (side) => Math.round(Math.max(LEAST, Math.min(MOST, side)));
const moved = (box, [x, y]) => ({ ...box, x: Math.round(box.x + x), y: Math.round(box.y + y) });
const sized = (box, [x, y]) => ({ ...box, width: within(box.width + x), height: within(box.height + y) });

// The box while somebody moves it; from when they let go the server's word counts.
function useBox(note) {
  const bench = useContext(Bench);
  const [held, hold] = useState(null);
  const box = { x: note.x, y: note.y, width: note.width, height: note.height };
  useEffect(() => hold(null), [note.x, note.y, note.width, note.height]);
  const keep = (after) => {
    hold(after);
    bench.now.current.on.onNotePlace(note.id, after);
  };
  const drag = (change) => (event) => {
    if (event.button !== 0) return;
    const zoom = bench.flow.current.getZoom();
    const begun = [event.clientX, event.clientY];
    const target = event.currentTarget;
    let last = box;
    target.setPointerCapture(event.pointerId);
    target.onpointermove = ({ clientX, clientY }) => {
      last = change(box, [(clientX - begun[0]) / zoom, (clientY - begun[1]) / zoom]);
      hold(last);
    };
    target.onpointerup = target.onpointercancel = ({ type }) => {
      target.onpointermove = target.onpointerup = target.onpointercancel = null;
      if (type === "pointercancel") hold(null);
      else if (last !== box) keep(last);
    };
  };
  const press = (event) => {
    const by = ARROWS[event.key];
    if (!by || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    keep((event.shiftKey ? sized : moved)(held ?? box, by));
  };
  return { box, now: held ?? box, drag, press };
}

function useText(note) {
  const { now } = useContext(Bench);
  const [text, type] = useState(note.text);
  const saving = useRef(0);
  const isTyping = useRef(false);
  useEffect(() => {
    if (!isTyping.current) type(note.text);
  }, [note.text]);
  const save = (value) => {
    clearTimeout(saving.current);
    if (value !== note.text) now.current.on.onNoteWrite(note.id, value);
  };
  return {
    value: text,
    onFocus: () => { isTyping.current = true; },
    onChange: ({ target }) => {
      type(target.value);
      clearTimeout(saving.current);
      saving.current = setTimeout(save, SAVES_AFTER_MS, target.value);
    },
    onBlur: ({ target }) => { isTyping.current = false; save(target.value); },
  };
}

function Note({ data }) {
  const { now, icons, fresh } = useContext(Bench);
  const { note } = data;
  const { box, now: held, drag, press } = useBox(note);
  const text = useText(note);
  const field = useRef(null);
  useEffect(() => {
    // Whoever asked for a note wants to write.
    if (fresh.current !== note.id) return;
    fresh.current = "";
    field.current.focus({ preventScroll: true });
  }, [fresh, note.id]);
  const next = COLORS[(COLORS.indexOf(note.color) + 1) % COLORS.length];
  const style = {
    width: held.width, height: held.height,
    transform: `translate(${held.x - box.x}px, ${held.y - box.y}px)`,
  };
  return (
    <div className={`flow-note is-${note.color} nopan`} style={style} data-autosave=""
      data-testid={`note-${note.id}`} data-color={note.color}>
      <div className="note-bar">
        <button type="button" className="note-grip" data-testid={`grip-${note.id}`}
          aria-label="Move this note" title="Drag to move; arrow keys move, with Shift they change the size"
          onPointerDown={drag(moved)} onKeyDown={press}>{icons.grip}</button>
        <button type="button" className="note-color" data-testid={`color-${note.id}`}
          aria-label={`Colour: ${note.color}. Make it ${next}`} title={`Make it ${next}`}
          onClick={() => now.current.on.onNotePaint(note.id, next)} />
        <button type="button" className="note-delete" data-testid={`delete-${note.id}`}
          aria-label="Delete this note" title="Delete this note"
          onClick={() => now.current.on.onNoteRemove(note.id)}>{icons.x}</button>
      </div>
      <textarea ref={field} className="nowheel" aria-label="Note" placeholder="Write a note" dir="auto"
        maxLength={LONGEST} spellCheck={false} data-testid={`text-${note.id}`} {...text} />
      <div className="note-corner" aria-hidden="true" data-testid={`corner-${note.id}`}
        onPointerDown={drag(sized)} />
    </div>
  );
}

export const NOTES = { note: Note };
