// Doors (<details>) open for a link into them, a search hit in them, and in print.

function openAround(element) {
  for (let e = element; e; e = e.parentElement) if (e.matches("details")) e.open = true;
  const own = element.querySelector(":scope > details.dtp-door");
  if (own) own.open = true;  // a link to the section itself
}

function openTarget() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  openAround(target);
  target.scrollIntoView();
}

// Open the doors behind which a word stands that the reader searched for. Sphinx keeps
// the words until it marks them, when the page is complete.
const kept = localStorage.getItem("sphinx_highlight_terms") || "";

function openHits() {
  const words = kept.split(/\s+/).filter(Boolean);
  for (const door of doors()) {
    const text = door.textContent.toLowerCase();
    if (words.some((word) => text.includes(word))) openAround(door);
  }
}

const doors = () => document.querySelectorAll("details.dtp-door");

window.addEventListener("hashchange", openTarget);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href*='#']");  // the same link a second time
  if (link && link.href === location.href) openTarget();
});
window.addEventListener("load", openTarget);
if (doors().length) window.addEventListener("load", openHits);
window.addEventListener("beforeprint", () =>
  doors().forEach((door) => { door.dataset.was = door.open; door.open = true; }));
window.addEventListener("afterprint", () =>
  doors().forEach((door) => { door.open = door.dataset.was === "true"; }));
