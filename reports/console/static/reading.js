// Seconds for which sections of the evidence are in sight, told to this console when the page is left or hidden. The
// console's own clock bounds what it believes. Without this file it counts only that a section was opened.
"use strict";
(() => {
  const mark = document.querySelector("[data-reading]");
  if (!mark) { return; }

  const keys = mark.dataset.sections.split(" ").filter(Boolean);
  const place = (key) => document.querySelector(`[data-section="${key}"], section[aria-labelledby="${key}"]`);
  const places = new Map(keys.map((key) => [key, place(key)]));
  const seconds = new Map();

  // The section that crosses the middle of the window; where the page has one section, that one.
  const inSight = () => {
    if (keys.length === 1) { return keys[0]; }
    const middle = window.innerHeight / 2;
    return keys.find((key) => {
      const box = places.get(key) && places.get(key).getBoundingClientRect();
      return box && box.top <= middle && box.bottom >= middle;
    });
  };

  let last = performance.now();
  const count = () => {
    const now = performance.now();
    const key = inSight();
    if (key && document.visibilityState === "visible") {
      seconds.set(key, (seconds.get(key) || 0) + Math.min(now - last, 2000) / 1000);
    }
    last = now;
  };

  const tell = () => {
    const body = new URLSearchParams({ csrf: mark.dataset.csrf, evidence: mark.dataset.evidence });
    let any = false;
    for (const [key, number] of seconds) {
      const whole = Math.floor(number);
      if (whole > 0) {
        body.set(`seconds_${key}`, String(whole));
        seconds.set(key, number - whole);
        any = true;
      }
    }
    if (any) { fetch("/reading", { method: "POST", body, keepalive: true, credentials: "same-origin" }).catch(() => {}); }
  };

  setInterval(count, 1000);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") { tell(); } else { last = performance.now(); }
  });
  window.addEventListener("pagehide", tell);
  // Before the next page is asked for, so that it knows already.
  document.addEventListener("click", (event) => { if (event.target.closest("a")) { count(); tell(); } });
})();
