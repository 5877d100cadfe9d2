// The lines under a search hit are sentences: without TeX and without folded code.

const plainText = Search.htmlToText;

Search.htmlToText = (html, anchor) => {
  const page = new DOMParser().parseFromString(html, "text/html");
  page.querySelectorAll("div.math, details.hide").forEach((e) => e.remove());
  for (const formula of page.querySelectorAll("span.math")) {
    const text = formula.textContent.replace(/^\\\(|\\\)$/g, "");
    formula.textContent = /[\\^_{}]/.test(text) ? "…" : text;
  }
  return plainText(page.documentElement.outerHTML, anchor);
};
