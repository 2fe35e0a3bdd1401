// Keeps the parts of a page that change up to date. Without it pages show what they showed when they were opened.
"use strict";

for (const area of document.querySelectorAll("[data-live]")) {
  const offline = document.getElementById("offline");
  let source = null;
  let later = 0;

  const put = (html) => {
    const fresh = document.createElement("template");
    fresh.innerHTML = html; // drawn and escaped by the server's own templates
    for (const part of fresh.content.querySelectorAll("[data-part]")) {
      const old = area.querySelector(`[data-part="${part.dataset.part}"]`);
      if (!old) continue;
      if (old.className !== part.className) old.className = part.className;
      // Only what differs: a screen reader must not hear the rest again.
      if (old.innerHTML !== part.innerHTML) old.innerHTML = part.innerHTML;
    }
  };

  const open = () => {
    clearTimeout(later);
    source = new EventSource(area.dataset.live);
    source.addEventListener("open", () => { offline.hidden = true; });
    source.addEventListener("part", (e) => put(e.data));
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
