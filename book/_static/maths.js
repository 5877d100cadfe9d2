// Formulas: MathJax is loaded when the page answers already, and typesets a few at a
// time, those in sight first, so that the page goes on answering.

const MATHJAX = new URL("mathjax/startup.js", document.currentScript.src);

// The formulas from the first section in sight to the last, and then those above it.
function inReadingOrder() {
  const formulas = [...document.querySelectorAll(".math")];
  const above = formulas.filter(isAbove);
  return [...formulas.slice(above.length), ...above];
}

const isAbove = (formula) =>
  formula.closest(".bd-article > section > section, body").getBoundingClientRect().bottom < 0;

async function typesetInSteps() {
  const formulas = inReadingOrder();
  for (let i = 0; i < formulas.length; i += A_FEW) {
    await MathJax.typesetPromise(formulas.slice(i, i + A_FEW));
    await breath();
  }
  reachScrollers();  // formulas are wide
}

async function loadMathJax() {
  await breath();
  const script = document.createElement("script");
  script.src = MATHJAX;
  document.head.append(script);
}

MathJax.startup = { pageReady: typesetInSteps };
// On a phone the number of a long formula stands at its left, where it stays in sight.
if (matchMedia("(max-width: 540px)").matches) MathJax.tex.tagSide = "left";
document.addEventListener("DOMContentLoaded", loadMathJax);
