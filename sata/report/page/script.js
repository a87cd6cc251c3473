"use strict";
// Tables that sort by a click on a head, and show the rows that hold all the words of a field; tips on pictures.
for (const listing of document.querySelectorAll(".listing")) {
  const body = listing.querySelector("tbody");
  const heads = [...listing.querySelectorAll("th")];
  const rows = [...body.rows];
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
  };
  heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
    const numbers = head.classList.contains("r");
    const now = head.getAttribute("aria-sort");
    const first = numbers ? "descending" : "ascending";
    const next = now === "none" ? first : now === "descending" ? "ascending" : "descending";
    heads.forEach((other) => other.setAttribute("aria-sort", other === head ? next : "none"));
    const sign = next === "ascending" ? 1 : -1;
    const compare = (a, b) => typeof a === "number" && typeof b === "number"
      ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
    rows.map((row, place) => [value(row, column), place, row])
      .sort((a, b) => sign * compare(a[0], b[0]) || a[1] - b[1])
      .forEach(([, , row]) => body.append(row));
  }));
  const count = listing.querySelector(".count");
  listing.querySelector("input").addEventListener("input", (event) => {
    const words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join(" ").toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += row.hidden ? 0 : 1;
    }
    count.textContent = `${shown} of ${rows.length}`;
  });
}
// Tables wider than the window say so, and can be scrolled by keys; the edge that hides something fades.
for (const box of document.querySelectorAll(".scroll")) {
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "more columns: scroll sideways";
  hint.hidden = true;
  box.before(hint);
  const look = () => {
    const wide = box.scrollWidth > box.clientWidth + 1;
    hint.hidden = !wide;
    box.classList.toggle("more", wide && box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
    if (wide) box.tabIndex = 0; else box.removeAttribute("tabindex");
  };
  box.addEventListener("scroll", look, { passive: true });
  new ResizeObserver(look).observe(box);
}
const tip = document.getElementById("tip");
for (const mark of document.querySelectorAll(".tip")) {
  const title = mark.querySelector("title");
  mark.dataset.tip = title.textContent;
  title.remove(); // or the browser would show it a second time
}
const show = (event) => {
  const mark = event.target.closest && event.target.closest(".tip");
  tip.hidden = !mark;
  if (!mark) return;
  tip.textContent = mark.dataset.tip;
  const box = tip.getBoundingClientRect();
  const room = document.documentElement.clientWidth - box.width - 8;
  tip.style.left = `${Math.max(8, Math.min(event.clientX + 12, room))}px`;
  tip.style.top = `${event.clientY + 20 + box.height < innerHeight ? event.clientY + 16 : event.clientY - box.height - 12}px`;
};
document.addEventListener("pointermove", show);
document.addEventListener("pointerdown", show);
