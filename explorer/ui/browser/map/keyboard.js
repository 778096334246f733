// The keys of the map, and the list of them that "?" opens.

const KEYS = [
  ["Arrows", "move the place that is decoded; with Shift ten times as far"],
  ["Enter", "pin it"],
  ["Escape", "back to the pin"],
  ["0 to 9", "show that class alone, or decode in it with a conditional model; again: all classes"],
  ["+ and -", "zoom"],
  ["Delete", "remove the pin that is looked at"],
  ["Ctrl+Z, Ctrl+Shift+Z", "undo and redo a change of the pins"],
  ["On a pin of the tray", "F2 renames, Delete removes, Shift+arrows put it in order"],
  ["?", "this list"],
];

export function isTyping(event) {
  const target = event.composedPath()[0];
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

export function showKeys(dialog) {
  const list = document.createElement("dl");
  for (const [keys, what] of KEYS) {
    const term = document.createElement("dt");
    const text = document.createElement("dd");
    term.textContent = keys;
    text.textContent = what;
    list.append(term, text);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.textContent = "Close";
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(list, close);
  dialog.showModal();
}
