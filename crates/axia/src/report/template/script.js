"use strict";
// Everything can be read without this script; it adds toggles, tips, search and sorting.

// Legends hide and show respondents in the figures of their group.
for (const legend of document.querySelectorAll(".legend")) {
  const group = legend.closest(".group");
  for (const entry of legend.querySelectorAll("li")) {
    const marks = [...(group ? group.querySelectorAll("svg .series." + entry.dataset.series) : [])];
    if (marks.length === 0 || legend.children.length < 2) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.title = "Show or hide in the figures";
    button.append(...entry.childNodes);
    entry.append(button);
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      for (const mark of marks) mark.classList.toggle("off", !shown);
    });
  }
}

// Titles of points show at once, and beside the pointer.
const tip = document.getElementById("tip");
for (const title of document.querySelectorAll("svg title")) {
  const owner = title.parentNode;
  const text = title.textContent;
  owner.setAttribute("aria-label", text);
  title.remove();
  owner.addEventListener("pointermove", (event) => {
    tip.textContent = text;
    tip.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8);
    const below = event.clientY + 18;
    const fits = below + tip.offsetHeight < innerHeight;
    tip.style.left = Math.max(left, 8) + "px";
    tip.style.top = (fits ? below : event.clientY - tip.offsetHeight - 12) + "px";
  });
  owner.addEventListener("pointerleave", () => { tip.hidden = true; });
}

// The table of items can be searched and sorted.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.querySelectorAll("th[data-sort]")];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const ascending = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      const sign = ascending ? 1 : -1;
      const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
      const compare = head.dataset.sort === "number"
        ? (a, b) => (Number.parseFloat(key(a)) || 0) - (Number.parseFloat(key(b)) || 0)
        : (a, b) => key(a).localeCompare(key(b));
      rows.sort((a, b) => sign * compare(a, b));
      body.append(...rows);
    });
  });
  const tools = table.closest("section").querySelector(".tools");
  if (!tools) continue;
  tools.hidden = false;
  const search = tools.querySelector("input[type=search]");
  const targets = tools.querySelector("input[type=checkbox]");
  const count = tools.querySelector("output");
  const filter = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const fits = words.every((word) => text.includes(word))
        && (!targets || !targets.checked || row.classList.contains("target"));
      row.hidden = !fits;
      if (fits) shown += 1;
    }
    count.textContent = shown === rows.length ? rows.length + " items" : shown + " of " + rows.length + " items";
  };
  search.addEventListener("input", filter);
  if (targets) targets.addEventListener("change", filter);
  filter();
}

// Of the ways through a game, those of two players are shown.
for (const tools of document.querySelectorAll("[data-choose]")) {
  const reader = tools.parentNode;
  const choices = [...tools.querySelectorAll("select")];
  const parts = [...reader.querySelectorAll("[data-who]")];
  const forks = [...reader.querySelectorAll(".fork")];
  const choose = () => {
    const chosen = choices.map((choice) => choice.value);
    const everybody = chosen.includes("");
    choices[1].disabled = everybody;
    for (const part of parts) {
      const who = part.dataset.who.split(" ");
      part.hidden = !everybody && !who.some((one) => chosen.includes(one));
    }
    for (const fork of forks) {
      const shown = [...fork.lastElementChild.children].filter((way) => !way.hidden);
      fork.classList.toggle("one", shown.length < 2);
    }
  };
  tools.hidden = false;
  for (const choice of choices) choice.addEventListener("change", choose);
  choose();
}

for (const box of document.querySelectorAll(".command")) {
  const button = box.querySelector("button");
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.clipboard.writeText(box.querySelector("code").textContent).then(() => {
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  });
}
