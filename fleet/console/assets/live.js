// Fetches a live page again every two seconds and puts its main part in place,
// unless somebody is writing in it or has marked text.
"use strict";
const every = 2000;
async function refresh() {
  const old = document.getElementById("main");
  const busy = old.contains(document.activeElement) && document.activeElement.matches("input, select, textarea");
  if (!old.hasAttribute("data-live") || document.hidden || busy || String(getSelection())) return;
  try {
    const answer = await fetch(location.href, { redirect: "error" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (answer.ok && fresh) old.replaceWith(fresh);
    document.body.classList.remove("stale");
  } catch {
    document.body.classList.add("stale");
  }
}
setInterval(refresh, every);

// Takes what a page has pushed to it, while somebody sees it: browsers hold few
// connections to one host.
let source;
function follow() {
  const at = document.querySelector("[data-stream]")?.dataset.stream;
  source?.close();
  if (!at || document.hidden) return;
  source = new EventSource(at);
  source.onmessage = (event) => {
    const fresh = new DOMParser().parseFromString(event.data, "text/html").querySelector("[data-stream]");
    document.querySelector("[data-stream]")?.replaceWith(fresh);
  };
}
document.addEventListener("visibilitychange", follow);
follow();
