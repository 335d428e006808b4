// What can be done with a card, a branch, or several steps: a menu, and a bar.
import { useContext, useEffect, useRef } from "react";
import { Panel } from "@xyflow/react";
import { Bench } from "./cards.jsx";
import { TRIGGER, useStore } from "./model.js";

const ID = "canvas-menu";
const LINE = { name: "line" };

const ofTrigger = (bench) => [
  { name: "change", icon: "replace", label: "Change…", run: () => bench.change(TRIGGER) },
  { name: "paste", icon: "paste", label: "Paste below", hint: "Ctrl V", run: () => bench.pasteBelow(TRIGGER) },
];

const ofSteps = (bench, id, ids) => {
  const areSkipped = bench.areSkipped(ids);
  return [
    { name: "duplicate", icon: "copy_plus", label: "Duplicate", hint: "Ctrl D", run: () => bench.duplicate(ids) },
    { name: "copy", icon: "copy", label: "Copy", hint: "Ctrl C", run: () => bench.copy(ids) },
    { name: "cut", icon: "cut", label: "Cut", hint: "Ctrl X", run: () => bench.cut(ids) },
    { name: "paste", icon: "paste", label: "Paste below", hint: "Ctrl V", run: () => bench.pasteBelow(id) },
    LINE,
    areSkipped
      ? { name: "use", icon: "use", label: "Use again", hint: "S", run: () => bench.skip(ids, false) }
      : { name: "skip", icon: "skip", label: ids.length > 1 ? "Skip these steps" : "Skip this step", hint: "S",
          run: () => bench.skip(ids, true) },
    { name: "move", icon: "into", label: "Move to…", hint: "M", run: () => bench.askWhere(ids) },
  ];
};

const ofDeleting = (bench, ids) => [
  LINE,
  { name: "delete", icon: "trash", label: "Delete", hint: "Del", look: "danger", run: () => bench.remove(ids) },
];

const ofCard = (bench, id) => {
  const { card } = bench.now.current.model.lineOf.get(id);
  const hasBranches = card.kind === "router" || card.kind === "parallel";
  return [
    { name: "change", icon: "replace", label: "Change…", run: () => bench.change(id) },
    ...ofSteps(bench, id, [id]),
    { name: "up", icon: "up", label: "Move up", hint: "Alt ↑", disabled: card.is_first, run: () => bench.shift(id, -1) },
    { name: "down", icon: "down", label: "Move down", hint: "Alt ↓", disabled: card.is_last, run: () => bench.shift(id, 1) },
    ...(hasBranches ? [{ name: "branch", icon: "branch", label: "Add a branch", run: () => bench.branch("Add", id) }] : []),
    { name: "json", icon: "braces", label: "Edit as JSON", run: () => bench.now.current.on.onJson(id) },
    ...ofDeleting(bench, [id]),
  ];
};

const ofBranch = (bench, { step, branch, title, is_first, is_last }) => [
  { name: "rename-branch", icon: "pencil", label: "Rename…", run: () => bench.branch("Name", step, branch, title) },
  { name: "up-branch", icon: "left", label: "Move before", disabled: is_first, run: () => bench.branch("Move", step, branch, -1) },
  { name: "down-branch", icon: "right", label: "Move behind", disabled: is_last, run: () => bench.branch("Move", step, branch, 1) },
  { name: "duplicate-branch", icon: "copy_plus", label: "Duplicate", run: () => bench.branch("Duplicate", step, branch) },
  { name: "add-branch", icon: "plus", label: "Add a branch", run: () => bench.branch("Add", step) },
  { name: "paste-branch", icon: "paste", label: "Paste here", hint: "Ctrl V", run: () => bench.pasteBelow(`${step}/${branch}`) },
  LINE,
  { name: "delete-branch", icon: "trash", label: "Delete", look: "danger", disabled: is_first && is_last,
    run: () => bench.branch("Remove", step, branch) },
];

function itemsOf(bench, id) {
  const line = bench.now.current.model.lineOf.get(id);
  if (!line) return [];
  if (id === TRIGGER) return ofTrigger(bench);
  if (line.what === "branch") {
    return line.is_fixed
      ? [{ name: "paste-branch", icon: "paste", label: "Paste here", run: () => bench.pasteBelow(id) }]
      : ofBranch(bench, line);
  }
  const ids = bench.meant(id);
  return ids.length > 1 ? [...ofSteps(bench, id, ids), ...ofDeleting(bench, ids)] : ofCard(bench, id);
}

// Beside its button, or where somebody clicked; never out of the window.
function place(menu, { x, y, above }) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const top = y + height > innerHeight - 8 ? above - height : y;
  menu.style.top = `${Math.max(8, top)}px`;
  menu.style.left = `${Math.max(8, Math.min(x, innerWidth - width - 8))}px`;
}

export function Menu() {
  const bench = useContext(Bench);
  const opened = useStore(bench.menu, (one) => one);
  const list = useRef(null);
  useEffect(() => {
    if (!opened) return;
    list.current.showPopover();
    place(list.current, opened);
    list.current.querySelector(".menu-item:not(:disabled)")?.focus({ focusVisible: false });
  }, [opened]);
  const close = (event) => {
    if (event.newState !== "closed" || !bench.menu.get()) return;
    const { id } = bench.menu.get();
    bench.menu.set(null);
    // Somebody who pressed Escape is back where they were.
    if (document.activeElement === document.body) bench.walk(id);
  };
  const items = opened ? itemsOf(bench, opened.id) : [];
  const name = opened?.id.replace("/", "-");
  return (
    <div ref={list} id={ID} className="menu flow-menu" popover="auto" onToggle={close}
      data-testid="canvas-menu">
      {items.map((item, at) => item === LINE ? <div key={at} className="menu-line" /> : (
        <button key={item.name} type="button" className={`menu-item ${item.look ?? ""}`}
          disabled={item.disabled} data-testid={`${item.name}-${name}`}
          onClick={() => { list.current.hidePopover(); item.run(); }}>
          {bench.icons[item.icon]}<span>{item.label}</span>
          {item.hint && <kbd aria-hidden="true">{item.hint}</kbd>}
        </button>
      ))}
    </div>
  );
}

// What several steps have in common: that they can be handled together.
export function Bar() {
  const bench = useContext(Bench);
  const selected = useStore(bench.selected, (ids) => ids);
  const ids = bench.now.current.model.outermost([...selected]);
  if (ids.length < 2) return null;
  const areSkipped = bench.areSkipped(ids);
  const items = [
    ["duplicate", "Duplicate", "copy_plus", () => bench.duplicate(ids)],
    ["copy", "Copy", "copy", () => bench.copy(ids)],
    ["cut", "Cut", "cut", () => bench.cut(ids)],
    ["skip", areSkipped ? "Use again" : "Skip", areSkipped ? "use" : "skip", () => bench.skip(ids, !areSkipped)],
    ["move", "Move to…", "into", () => bench.askWhere(ids)],
    ["delete", "Delete", "trash", () => bench.remove(ids)],
  ];
  return (
    <Panel position="bottom-center">
      <div className="flow-many" role="toolbar" aria-label="The selected steps" data-testid="many">
        <strong data-testid="many-count">{ids.length} steps</strong>
        {items.map(([name, label, icon, run]) => (
          <button key={name} type="button" className="btn quiet small" aria-label={label} title={label}
            data-testid={`many-${name}`} onClick={run}>{bench.icons[icon]}</button>
        ))}
        <button type="button" className="btn quiet icon small" aria-label="Select nothing"
          data-testid="many-clear" onClick={() => bench.clear()}>{bench.icons.x}</button>
      </div>
    </Panel>
  );
}
