// Keeps the parts of a page that change up to date. Without it pages show what they showed when they were opened.
"use strict";

const token = document.querySelector('meta[name="csrf"]')?.content ?? "";

// A list whose items have keys: what is there stays as it is, so that focus and selection survive.
const merge = (old, fresh) => {
  const keep = new Map([...old.children].map((item) => [item.dataset.key, item]));
  const end = old.dataset.keyed === "end"; // a chat grows at its end
  const down = innerHeight + scrollY >= document.body.scrollHeight - 80;
  let at = old.firstElementChild;
  for (const item of [...fresh.children]) {
    const known = keep.get(item.dataset.key);
    keep.delete(item.dataset.key);
    if (known && known === at) at = at.nextElementSibling;
    else old.insertBefore(known ?? item, at);
  }
  const added = at === null;
  for (const gone of keep.values()) gone.remove();
  if (end && down && added) scrollTo(0, document.body.scrollHeight);
};

const put = (area, html) => {
  const fresh = document.createElement("template");
  fresh.innerHTML = html; // drawn and escaped by the server's own templates, for all tabs: without a session's token
  for (const field of fresh.content.querySelectorAll('input[name="csrf"]')) field.setAttribute("value", token);
  for (const part of fresh.content.querySelectorAll("[data-part]")) {
    const old = area.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (!old) continue;
    if (old.className !== part.className) old.className = part.className;
    const list = part.querySelector("[data-keyed]");
    const known = old.querySelector("[data-keyed]");
    if (list && known) {
      merge(known, list);
      const note = part.querySelector("[data-keyed] ~ p");
      old.querySelector("[data-keyed] ~ p")?.remove();
      if (note) old.append(note);
    } else if (old.innerHTML !== part.innerHTML) {
      // Only what differs: a screen reader must not hear the rest again.
      old.innerHTML = part.innerHTML;
    }
  }
};

for (const area of document.querySelectorAll("[data-live]")) {
  const offline = document.getElementById("offline");
  let source = null;
  let later = 0;

  const open = () => {
    clearTimeout(later);
    source = new EventSource(area.dataset.live);
    source.addEventListener("open", () => { offline.hidden = true; });
    source.addEventListener("part", (e) => put(area, e.data));
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

// The page that is shown stays in sight where the navigation has to be scrolled.
document.querySelector('nav a[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });

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

// The newest message of a chat is at its end.
if (!location.hash && document.querySelector('[data-keyed="end"] > li')) {
  document.querySelector('[data-keyed="end"] > li:last-child').scrollIntoView({ block: "end" });
}
