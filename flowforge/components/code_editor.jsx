// Python in a field: CodeMirror in the house's colours. See code_editor.py.
import { useEffect, useRef } from "react";
import { EditorState, RangeSet, StateEffect, StateField } from "@codemirror/state";
import {
  Decoration, EditorView, GutterMarker, drawSelection, gutterLineClass, keymap, lineNumbers,
} from "@codemirror/view";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { HighlightStyle, bracketMatching, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { python, pythonLanguage } from "@codemirror/lang-python";
import { tags } from "@lezer/highlight";

const PAUSE_MS = 450;
const MOST_KEYS = 200;
const AT_LINE = /\(line (\d+)[:)]/;

const COLOURS = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--accent-text)", fontWeight: "600" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--warn)" },
  { tag: tags.comment, color: "var(--ink-3)", fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--ink)", fontWeight: "550" },
  { tag: tags.invalid, color: "var(--bad)" },
]);

// ---- The line that is wrong --------------------------------------------------------------------
const mark = StateEffect.define();
const GUTTER = new (class extends GutterMarker {
  elementClass = "is-bad-line";
})();
const LINE = Decoration.line({ class: "is-bad-line" });

const NONE = { lines: Decoration.none, gutter: RangeSet.empty };

const marksAt = (doc, number) => {
  if (!(number >= 1 && number <= doc.lines)) return NONE;
  const { from } = doc.line(number);
  return { lines: Decoration.set([LINE.range(from)]), gutter: RangeSet.of([GUTTER.range(from)]) };
};

const marks = StateField.define({
  create: () => NONE,
  update: (held, change) => {
    const told = change.effects.find((each) => each.is(mark));
    if (told) return marksAt(change.state.doc, told.value);
    return change.docChanged
      ? { lines: held.lines.map(change.changes), gutter: held.gutter.map(change.changes) }
      : held;
  },
  provide: (field) => [
    EditorView.decorations.from(field, (held) => held.lines),
    gutterLineClass.from(field, (held) => held.gutter),
  ],
});

const lineOf = (errors) => Number(errors.map((text) => AT_LINE.exec(text || "")?.[1]).find(Boolean) || 0);

// ---- What may follow ---------------------------------------------------------------------------
const INPUT = /inputs(?:\.get\()?\[?["']([^"'\]\n]*)$/;
const KEY = /inputs\[["']([^"'\]\n]+)["']\]((?:\[(?:["'][^"'\]\n]+["']|\d+)\])*)\[["']([^"'\]\n]*)$/;
const PLAIN = /^\{\{\s*([^|{}]+?)\s*\}\}$/;

// The lines of the data picker that stand right inside of `path`, by their name.
function keysAt(path) {
  const all = [...document.querySelectorAll("ff-data")].flatMap((data) => data.all || []);
  return all.find((node) => node.path === path)?.kids ?? [];
}

const pathOf = (root, steps) =>
  root + steps.replace(/\[["']([A-Za-z_]\w*)["']\]/g, ".$1");

function completing(pairs) {
  return (context) => {
    const line = context.state.doc.lineAt(context.pos);
    const before = line.text.slice(0, context.pos - line.from);
    const deep = KEY.exec(before);
    if (deep) {
      const source = PLAIN.exec(pairs().find((pair) => pair.name === deep[1])?.value ?? "");
      const found = source ? keysAt(pathOf(source[1], deep[2])) : [];
      const options = found
        .filter((node) => !node.label.startsWith("["))
        .slice(0, MOST_KEYS)
        .map((node) => ({ label: node.label, detail: node.look, type: "property" }));
      return options.length ? { from: context.pos - deep[3].length, options, validFor: /^[^"'\]]*$/ } : null;
    }
    const name = INPUT.exec(before);
    if (!name) return null;
    const options = pairs().map((pair) => ({ label: pair.name, detail: pair.value, type: "variable" }));
    return { from: context.pos - name[1].length, options, validFor: /^[^"'\]]*$/ };
  };
}

const words = (context) => {
  const word = context.matchBefore(/\w+/);
  if (!word && !context.explicit) return null;
  const options = ["inputs", "result"].map((label) => ({ label, type: "variable" }));
  return { from: word ? word.from : context.pos, options, validFor: /^\w*$/ };
};

// The last name of a path, and one that no input has yet.
function nameFor(expression, names) {
  const words = (PLAIN.exec(expression)?.[1] ?? "").match(/[A-Za-z_]\w*/g);
  const first = words?.at(-1) ?? "value";
  let name = first;
  for (let number = 2; names.includes(name); number += 1) name = `${first}_${number}`;
  return name;
}

// ---- The field ---------------------------------------------------------------------------------
export function CodeEditor({ name, label, value, errors, fields, onChange, onRun, onTake }) {
  const box = useRef(null);
  const view = useRef(null);
  const now = useRef({});
  now.current = { onChange, onRun, onTake, pairs: fields?.find((field) => field.name === "inputs")?.pairs ?? [] };

  useEffect(() => {
    let saved = value;
    let pause = 0;
    // Until the server has told them.
    const taken = [];
    const save = () => {
      clearTimeout(pause);
      const text = view.current.state.doc.toString();
      if (text === saved) return;
      saved = text;
      now.current.onChange(text);
    };
    const changed = EditorView.updateListener.of((update) => {
      if (!update.docChanged) return;
      // "Saving…" begins with the first keystroke.
      box.current.dispatchEvent(new Event("input", { bubbles: true }));
      clearTimeout(pause);
      pause = setTimeout(save, PAUSE_MS);
    });
    const run = () => {
      save();
      now.current.onRun();
      return true;
    };
    view.current = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          lineNumbers(), history(), drawSelection(), bracketMatching(), closeBrackets(), marks, changed,
          indentUnit.of("    "), EditorState.tabSize.of(4), EditorView.lineWrapping,
          python(), syntaxHighlighting(COLOURS),
          pythonLanguage.data.of({ autocomplete: completing(() => now.current.pairs) }),
          pythonLanguage.data.of({ autocomplete: words }),
          autocompletion({ icons: false }),
          keymap.of([
            { key: "Mod-Enter", run },
            ...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap, indentWithTab,
          ]),
          EditorView.contentAttributes.of({
            id: `in-${name}`, "aria-label": label, "aria-describedby": `in-${name}-keys`,
            "data-testid": `input-${name}`, spellcheck: "false",
          }),
          EditorView.domEventHandlers({ blur: () => save() }),
        ],
      }),
    });
    // A value that is clicked while the cursor is here becomes an input, and is used at the cursor.
    box.current.takes = (expression) => {
      const known = [...now.current.pairs, ...taken];
      const found = known.find((pair) => pair.value === expression);
      const input = found?.name ?? nameFor(expression, known.map((pair) => pair.name));
      view.current.dispatch(view.current.state.replaceSelection(`inputs['${input.replace(/[\\']/g, "\\$&")}']`), { scrollIntoView: true });
      view.current.focus();
      if (found) return save();
      taken.push({ name: input, value: expression });
      clearTimeout(pause);
      saved = view.current.state.doc.toString();
      now.current.onTake(input, expression, saved);
    };
    return () => {
      save();
      view.current.destroy();
    };
    // Drawn anew by its key, where something else has changed the text.
  }, []);

  const line = lineOf(errors);
  useEffect(() => view.current?.dispatch({ effects: mark.of(line) }), [line]);
  return (
    <div className="code-editor">
      <div ref={box} className="code-text" data-takes-values="" />
      <p id={`in-${name}-keys`} className="code-keys">
        <span><kbd>Ctrl</kbd> <kbd>Enter</kbd> runs it</span>
        <span><kbd>Esc</kbd> <kbd>Tab</kbd> leaves</span>
      </p>
    </div>
  );
}
