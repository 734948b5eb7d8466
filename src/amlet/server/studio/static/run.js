// A run's page while the run goes on: waits for changes, refreshes sections and logs, and ends with the run.
import { refreshSections, SignedOut } from "./sections.js";
import { Tail } from "./tail.js";
import { followTicks } from "./ticks.js";
import { localTimes, runDurations } from "./times.js";

const WAIT_S = 25;
const PAUSE_MS = 500;
const LONGEST_RETRY_MS = 15_000;

const page = document.getElementById("run");
const tails = [...page.querySelectorAll("[data-log]")].map((panel) => new Tail(panel, page.dataset.api));

localTimes(document);
followTicks();
tails.forEach((tail) => tail.toEnd());
if (page.dataset.over !== "yes") {
  runDurations();
  await watch(Number(page.dataset.revision));
}

async function watch(after) {
  let retryMs = 1000;
  for (let over = false; !over; ) {
    try {
      const changes = await nextChange(after);
      const began = performance.now();
      await Promise.all([refreshSections(page.dataset.live), ...followLogs(changes.files)]);
      after = changes.run.revision;
      over = ["Completed", "Failed", "Canceled"].includes(changes.run.status);
      retryMs = 1000;
      tell("");
      // A page that is dear to make is asked for less often.
      if (!over) await pause(Math.max(PAUSE_MS, 4 * (performance.now() - began)));
    } catch (error) {
      if (error instanceof SignedOut) {
        tell("This browser is no longer signed in. Load the page again.");
        return;
      }
      tell("The server does not answer; trying again.");
      await pause(retryMs);
      retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS);
    }
  }
}

async function nextChange(after) {
  const answer = await fetch(`${page.dataset.api}/changes?after=${after}&wait_s=${WAIT_S}`, { cache: "no-store" });
  if (answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

function followLogs(files) {
  const sizes = new Map(files.map((file) => [file.path, file.size_bytes]));
  return tails.filter((tail) => sizes.has(tail.path)).map((tail) => tail.follow(sizes.get(tail.path)));
}

function tell(text) {
  const notice = document.getElementById("connection");
  notice.textContent = text;
  notice.hidden = text === "";
}

function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
