// Runs that are ticked to be compared: how many, and that it takes two. Without this the server says so.

/** Keep the buttons of comparisons in step with the ticks, also in sections that come later. */
export function followTicks() {
  document.addEventListener("change", (event) => {
    if (event.target.name === "run" && event.target.form) update(event.target.form);
  });
  countTicks(document);
}

/** Bring the buttons below a node in step. */
export function countTicks(root) {
  root.querySelectorAll("form[data-compare]").forEach(update);
}

function update(form) {
  const ticked = [...form.elements].filter((element) => element.name === "run" && element.checked).length;
  form.querySelector("button").disabled = ticked < 2;
  form.querySelector("[data-count]").textContent =
    ticked === 0 ? "Tick two or more runs to compare them." : ticked === 1 ? "1 run; tick another." : `${ticked} runs.`;
}
