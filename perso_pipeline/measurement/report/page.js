"use strict";
// Sorting and filtering of the tables; the page says all it has to say without it.
const read = (cell) => {
  const text = cell.textContent.trim();
  const number = parseFloat(text.replace(/,/g, "").replace("\u2212", "-"));
  return { text, number: text === "\u2013" ? -Infinity : number };
};
const written = new Intl.NumberFormat("en", { maximumFractionDigits: 2, minimumFractionDigits: 2 });

for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headings = [...table.tHead.rows[0].cells];
  const rows = [...body.rows];
  const said = document.createElement("output");
  const picks = document.createElement("div");
  picks.className = "picks";

  headings.forEach((heading, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = heading.textContent;
    heading.replaceChildren(button);
    button.addEventListener("click", () => {
      const first = heading.classList.contains("num") ? "descending" : "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      const way = heading.getAttribute("aria-sort") === first ? other : first;
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const keys = new Map(rows.map((row) => [row, read(row.cells[place])]));
      const byNumber = heading.classList.contains("num");
      rows.sort((a, b) => {
        const [x, y] = [keys.get(a), keys.get(b)];
        const order = byNumber ? x.number - y.number : x.text.localeCompare(y.text);
        return sign * (Number.isNaN(order) ? 0 : order);
      });
      body.append(...rows);
    });
  });

  // sites may have different currencies
  const hasSites = headings[0].textContent === "Site";
  const net = hasSites ? -1 : headings.findIndex((heading) => heading.textContent === "Net");
  const chosen = new Map();
  const filter = () => {
    let shown = 0;
    let sum = 0;
    for (const row of rows) {
      row.hidden = [...chosen].some(([place, value]) => value && row.cells[place].textContent.trim() !== value);
      if (row.hidden) continue;
      shown += 1;
      if (net >= 0) sum += read(row.cells[net]).number;
    }
    const amount = net >= 0 ? `, net ${written.format(sum).replace("-", "\u2212")}` : "";
    said.textContent = shown === rows.length ? "" : `${shown} of ${rows.length} rows${amount}`;
  };
  headings.forEach((heading, place) => {
    const values = [...new Set(rows.map((row) => row.cells[place].textContent.trim()))].sort();
    if (!heading.classList.contains("pick") || values.length < 2) return;
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...values.map((value) => new Option(value, value)));
    select.addEventListener("change", () => {
      chosen.set(place, select.value);
      filter();
    });
    label.append(heading.textContent, select);
    picks.append(label);
  });
  if (picks.childElementCount) {
    picks.append(said);
    table.parentElement.before(picks);
  }
}
