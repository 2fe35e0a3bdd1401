// Keeps the parts of a page that change up to date. Without it pages show what they showed when they were opened.
"use strict";

const token = document.querySelector('meta[name="csrf"]')?.content ?? "";

// What may become the other by changes within.
const same = (a, b) => a.nodeName === b.nodeName && a.dataset?.key === b.dataset?.key;

// Makes old look like fresh with as few changes as can be: what stays keeps its focus and its selection, and a screen reader
// does not hear it again. Items of a list that is data-keyed are known by their keys, other nodes by their order.
const morph = (old, fresh) => {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (name !== "data-gone" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const keyed = "keyed" in old.dataset;
  const nodes = (of) => [...(keyed ? of.children : of.childNodes)];
  const wanted = nodes(fresh);
  let rest = nodes(old);
  if (keyed) {
    const keys = new Set(wanted.map((item) => item.dataset.key));
    rest = rest.filter((item) => keys.has(item.dataset.key) || item.remove());
  }
  for (let want = wanted.shift(); want; want = wanted.shift()) {
    let i = rest.findIndex((node) => same(node, want));
    // What is passed over goes, unless it is wanted later.
    if (i > 0 && !keyed && (want.nodeType !== Node.ELEMENT_NODE || rest.slice(0, i).some((node) => node.nodeType === Node.ELEMENT_NODE && wanted.some((w) => same(node, w))))) i = -1;
    if (i < 0) {
      old.insertBefore(want, rest[0] ?? null);
      continue;
    }
    const [known] = rest.splice(i, 1);
    if (keyed && i > 0) old.insertBefore(known, rest[0]);
    else for (const gone of rest.splice(0, i)) gone.remove();
    morph(known, want);
  }
  for (const gone of rest) gone.remove();
};

const put = (area, html) => {
  const fresh = document.createElement("template");
  fresh.innerHTML = html; // drawn and escaped by the server's own templates, for all tabs: without a session's token
  for (const field of fresh.content.querySelectorAll('input[name="csrf"]')) field.setAttribute("value", token);
  for (const part of fresh.content.querySelectorAll("[data-part]")) {
    const old = area.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (old) morph(old, part);
  }
};

// While something is pressed nothing moves away from under the finger.
let pressed = false;
let waiting = null;
const press = (e) => { if (e.button === 0 || e.key === " ") pressed = true; };
const release = () => {
  pressed = false;
  setTimeout(() => { // the click comes first
    if (!pressed) waiting?.();
  });
};
for (const name of ["pointerdown", "keydown"]) addEventListener(name, press, true);
for (const name of ["pointerup", "pointercancel", "keyup", "blur"]) addEventListener(name, release);

// The page that is shown stays in sight where the navigation has to be scrolled.
document.querySelector('nav a[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

// Who reads the end of a chat stays there, also when its pictures come late.
const talk = document.querySelector('[data-keyed="end"]');
const atEnd = () => (talk?.lastElementChild?.getBoundingClientRect().bottom ?? 0) < innerHeight + 80;
const toEnd = (block) => talk.lastElementChild?.scrollIntoView({ block });
let follow = false;
if (talk) {
  if (!location.hash) toEnd("end");
  follow = atEnd();
  addEventListener("scroll", () => { follow = atEnd(); }, { passive: true });
  talk.addEventListener("load", () => follow && toEnd("nearest"), true);
}

// A word stands for a medium that is not to be had.
const missing = (medium) => medium.closest?.(".medium, .gallery li")?.setAttribute("data-gone", "");
document.addEventListener("error", (e) => missing(e.target), true);
for (const picture of document.images) if (picture.complete && picture.naturalWidth === 0) missing(picture);

for (const area of document.querySelectorAll("[data-live]")) {
  const offline = document.getElementById("offline");
  let source = null;
  let later = 0;

  const open = () => {
    clearTimeout(later);
    source = new EventSource(area.dataset.live);
    source.addEventListener("open", () => { offline.hidden = true; });
    source.addEventListener("part", (e) => {
      waiting = () => {
        waiting = null;
        put(area, e.data);
        if (follow) toEnd("nearest");
      };
      if (!pressed) waiting();
    });
    source.addEventListener("error", () => {
      offline.hidden = false;
      if (source.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      later = setTimeout(() => {
        fetch("/api/v1/status", { credentials: "same-origin" }).then(
          (answer) => (answer.status === 401 ? location.reload() : open()),
          () => open(),
        );
      }, 5000);
    });
  };

  // A page that nobody sees costs the box nothing.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      clearTimeout(later);
      source?.close();
    } else {
      open();
    }
  });
  addEventListener("pagehide", () => source?.close());
  if (!document.hidden) open();
}

// Puts the cursor of the editor where a mistake is.
const editor = document.querySelector("textarea.editor");
const show = (line, column) => {
  const lines = editor.value.split("\n");
  let at = 0;
  for (let i = 0; i < line - 1 && i < lines.length; i++) at += lines[i].length + 1;
  const text = lines[line - 1] ?? "";
  const from = at + [...text].slice(0, column - 1).join("").length;
  editor.focus();
  editor.setSelectionRange(from, Math.max(from + 1, at + text.length));
  const height = parseFloat(getComputedStyle(editor).lineHeight);
  editor.scrollTop = Math.max(0, (line - 4) * height);
  editor.scrollIntoView({ block: "center" });
};
for (const button of document.querySelectorAll("button[data-line]")) {
  button.addEventListener("click", () => show(+button.dataset.line, +button.dataset.column));
}

// Narrows a list to what is typed.
for (const field of document.querySelectorAll("[data-filter]")) {
  field.addEventListener("input", () => {
    const wanted = field.value.trim().toLowerCase();
    for (const item of document.getElementById(field.dataset.filter).children) {
      item.hidden = !item.textContent.toLowerCase().includes(wanted);
    }
  });
}
