// What is in reach of all readers, on a phone, by the keyboard, by a screen reader.

const SCROLLERS = "div.math, .cell_output, .dtp-claim, .dtp-scroll, .pst-scrollable-table-container, pre";

function reachScrollers() {
  // Not in what is closed, which is slow to measure and done when it opens; and all are
  // measured before one is changed, for a change has the page laid out anew.
  const boxes = [...document.querySelectorAll(SCROLLERS)];
  const seen = boxes.filter((box) => !box.closest("details:not([open])"));
  const wide = seen.filter((box) => box.scrollWidth > box.clientWidth);
  for (const box of wide) box.tabIndex = 0;
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
window.addEventListener("load", reachScrollers);
window.addEventListener("load", nameArrows);
window.addEventListener("resize", reachScrollers);
window.addEventListener("toggle", reachScrollers, true);  // a door or a fold that opens
