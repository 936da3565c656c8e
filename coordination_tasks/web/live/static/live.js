"use strict";
// Keeps the page up to date, and shows times in the reader's zone. Without it everything still works.
(function () {
  const root = document.currentScript.dataset.root;
  const line = document.getElementById("line");
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "short", timeStyle: "medium" });
  let asked = false, busy = false;

  function localTimes(part) {
    for (const time of part.querySelectorAll("time[datetime]")) {
      const moment = new Date(time.dateTime);
      if (isNaN(moment)) continue;
      time.title = time.dateTime;
      time.textContent = format.format(moment);
    }
    for (const zone of part.querySelectorAll(".zone")) zone.textContent = "";
  }

  // A form that somebody fills in, and text that somebody marks, stay as they are.
  function inUse() {
    const at = document.activeElement;
    const writes = at && /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName);
    return writes || document.querySelector("main form[method=post]") !== null ||
      !getSelection().isCollapsed;
  }

  async function refresh() {
    if (busy || inUse() || new URLSearchParams(location.search).has("at")) { asked = true; return; }
    busy = true; asked = false;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const now = document.getElementById("main"), next = fresh.getElementById("main");
      if (!next || inUse()) { asked = true; return; }
      localTimes(next);
      if (next.innerHTML === now.innerHTML) return;
      const open = new Set([...now.querySelectorAll("details[open] li")].map((each) => each.id));
      const focus = document.activeElement && document.activeElement.id;
      const end = document.getElementById("end");
      const follows = end && innerHeight + scrollY >= document.documentElement.scrollHeight - 40;
      for (const part of next.querySelectorAll("details"))
        if ([...part.querySelectorAll("li")].some((each) => open.has(each.id))) part.open = true;
      now.replaceChildren(...next.childNodes);
      document.title = fresh.title;
      if (focus && document.getElementById(focus)) document.getElementById(focus).focus();
      if (follows) document.getElementById("end").scrollIntoView();
    } catch (error) {
      line.textContent = "The server does not answer.";
    } finally {
      busy = false;
    }
  }

  localTimes(document);
  const events = new EventSource(root + "events");
  let number = null;
  events.addEventListener("farm", (event) => {
    line.textContent = "";
    if (number !== null && number !== event.data) refresh();
    number = event.data;
  });
  events.onerror = () => { line.textContent = "The server does not answer; this page is old."; };
  setInterval(() => { if (asked) refresh(); }, 1000);
})();
