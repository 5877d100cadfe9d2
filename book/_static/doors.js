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

const doors = () => document.querySelectorAll("details.dtp-door");

window.addEventListener("hashchange", openTarget);
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[href*='#']");  // the same link a second time
  if (link && link.href === location.href) openTarget();
});
window.addEventListener("load", () => {
  openTarget();
  // Sphinx marks the words of a search.
  document.querySelectorAll(".dtp-door .highlighted").forEach(openAround);
});
window.addEventListener("beforeprint", () =>
  doors().forEach((door) => { door.dataset.was = door.open; door.open = true; }));
window.addEventListener("afterprint", () =>
  doors().forEach((door) => { door.open = door.dataset.was === "true"; }));
