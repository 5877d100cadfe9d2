// What is in reach of all readers, on a phone, by the keyboard, by a screen reader.

const SCROLLERS = "div.math, .cell_output, .cell_output > .output, .dtp-claim, .dtp-scroll, .pst-scrollable-table-container, pre";
const A_FEW = 8;
const breath = () => new Promise((resolve) => setTimeout(resolve));

// What is far from the reader is laid out when the page answers already (companion.css).
async function layOut() {
  for (const section of document.querySelectorAll(".bd-article > section > section")) {
    await breath();
    section.style.contentVisibility = "visible";
    section.offsetHeight;  // now, so that the next one is a step of its own
  }
}

// Not in what is closed, which is done when it opens. What is out of sight is slow to
// measure: a few at a time, so that the page goes on answering, and all of these before
// one is changed, for a change has the page laid out anew.
async function reachScrollers(part = document) {
  const boxes = [...part.querySelectorAll(SCROLLERS)];
  const seen = boxes.filter((box) => !box.closest("details:not([open])"));
  for (let i = 0; i < seen.length; i += A_FEW) {
    await breath();
    const few = seen.slice(i, i + A_FEW);
    const wide = few.filter((box) => box.scrollWidth > box.clientWidth);
    for (const box of wide) box.tabIndex = 0;
  }
}

// The arrows in the sidebar have no words of their own.
function nameArrows() {
  for (const arrow of document.querySelectorAll("summary:has(> .toctree-toggle)")) {
    const part = arrow.closest("li").querySelector("a").textContent.trim();
    arrow.setAttribute("aria-label", `Pages of ${part}`);
  }
}

// Docutils calls references a list, and then its entries no list items.
function plainReferences() {
  for (const list of document.querySelectorAll(".citation-list[role]"))
    list.removeAttribute("role");
}

// The keyboard steps from link to link; code is copied there by selecting it.
function stepOverCopyButtons() {
  for (const button of document.querySelectorAll("button.copybtn")) button.tabIndex = -1;
}

window.addEventListener("load", stepOverCopyButtons);
window.addEventListener("load", plainReferences);
window.addEventListener("load", () => layOut().then(() => reachScrollers()));
window.addEventListener("load", nameArrows);
window.addEventListener("resize", () => reachScrollers());
// A door or a fold that opens.
window.addEventListener("toggle", (event) => reachScrollers(event.target), true);
