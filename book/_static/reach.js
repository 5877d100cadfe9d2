// What is in reach of all readers, on a phone, by the keyboard, by a screen reader.
// Runs before MathJax does, whose settings it changes.

// On a phone the number of a long formula stands at its left, where it stays in sight.
const narrow = matchMedia("(max-width: 540px)");
if (narrow.matches && window.MathJax) MathJax.tex.tagSide = "left";

const SCROLLERS = "div.math, .cell_output, .dtp-claim, .dtp-scroll, .pst-scrollable-table-container, pre";

function reachScrollers() {
  for (const box of document.querySelectorAll(SCROLLERS))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
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
