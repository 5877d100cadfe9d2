// On a phone: a formula's number stands at its left, where it stays in sight, and what
// scrolls sideways can be reached by the keyboard. Runs before MathJax does.

const narrow = matchMedia("(max-width: 540px)");

if (narrow.matches && window.MathJax) MathJax.tex.tagSide = "left";

function reachScrollers() {
  for (const box of document.querySelectorAll("div.math, .cell_output, .dtp-scroll, pre"))
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
}

window.addEventListener("load", reachScrollers);
