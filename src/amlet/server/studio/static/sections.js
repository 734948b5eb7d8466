// The sections that the server renders: fetched whole, taken in where they have changed.
import { countTicks } from "./ticks.js";
import { localTimes } from "./times.js";

const known = new Map();

/** Fetch the sections anew and put the changed ones in place. Opened details stay open, ticks ticked. */
export async function refreshSections(address) {
  const answer = await fetch(address, { cache: "no-store" });
  if (answer.status === 401) throw new SignedOut();
  if (!answer.ok) throw new Error(`the page could not be refreshed: ${answer.status}`);
  // The server escaped every value; a parsed document runs nothing, and the policy of the page forbids it anyway.
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.title = fresh.title;
  for (const section of fresh.querySelectorAll("[data-part]")) {
    const there = document.getElementById(section.id);
    const text = section.outerHTML;
    if (there === null || known.get(section.id) === text) continue;
    known.set(section.id, text);
    for (const details of there.querySelectorAll("details[data-key]")) {
      const same = section.querySelector(`details[data-key="${CSS.escape(details.dataset.key)}"]`);
      if (same) same.open = details.open;
    }
    for (const tick of there.querySelectorAll('input[type="checkbox"]:checked')) {
      const same = section.querySelector(`input[type="checkbox"][value="${CSS.escape(tick.value)}"]`);
      if (same) same.checked = true;
    }
    localTimes(section);
    there.replaceWith(document.adoptNode(section));
    countTicks(section);
  }
}

/** The browser's cookie is gone or too old. */
export class SignedOut extends Error {}
