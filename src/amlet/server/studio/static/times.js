// Times in the reader's zone, and durations that go on while one looks.

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** Show every <time> below a node in the reader's zone; the title keeps it in UTC. */
export function localTimes(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    element.title = element.textContent;
    element.textContent = format.format(moment);
  }
}

const loaded = new WeakMap();

/** Let durations that go on run until the server tells them anew. */
export function runDurations() {
  setInterval(() => {
    for (const element of document.querySelectorAll("[data-elapsed-s]")) {
      if (!loaded.has(element)) loaded.set(element, performance.now());
      const seconds = Number(element.dataset.elapsedS) + (performance.now() - loaded.get(element)) / 1000;
      element.textContent = duration(seconds);
    }
  }, 1000);
}

/** As the server writes it: `3.4 s`, `2 min 5 s`, `1 h 2 min`. */
export function duration(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.max(60, Math.floor(seconds));
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
