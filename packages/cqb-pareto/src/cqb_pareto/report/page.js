"use strict";
const fail = (message) => { document.getElementById("error").textContent = "This page failed: " + message; };
window.addEventListener("error", (event) => fail(event.message));

const data = JSON.parse(document.getElementById("data").textContent);
const at = (id) => document.getElementById(id);
const fixed = (x, digits) => Number(x).toFixed(digits);
const make = (tag, text, parent) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
};

/* Hours of every allocation under given seconds per image: labels that are owned are free up to their share. */
const hoursOf = (seconds) => data.shares.map((shares) => {
  let total = 0;
  for (let k = 0; k < shares.length; k++) total += Math.max(shares[k] - data.owned[k], 0) * seconds[k];
  return total * data.images / 3600;
});

/* The row to recommend, or -1: best PQ within the budget (of equals the cheapest), or cheapest that reaches the target
   (of equals the better); of full equals the first. */
const recommend = (hours, mode, limit) => {
  let best = -1;
  for (let r = 0; r < hours.length; r++) {
    const fits = mode === "budget" ? hours[r] <= limit : data.pq[r] >= limit;
    if (!fits) continue;
    if (best < 0) { best = r; continue; }
    const dearer = hours[r] - hours[best], better = data.pq[r] - data.pq[best];
    const wins = mode === "budget" ? better > 0 || (better === 0 && dearer < 0) : dearer < 0 || (dearer === 0 && better > 0);
    if (wins) best = r;
  }
  return best;
};

const frontOf = (hours) => {
  const order = hours.map((_, r) => r).sort((a, b) => hours[a] - hours[b] || data.pq[b] - data.pq[a]);
  const front = [];
  for (const r of order) if (!front.length || data.pq[r] > data.pq[front[front.length - 1]]) front.push(r);
  return front;
};

const inputs = {};
const control = (name, label, value, low, high, step) => {
  const row = make("label", undefined, at("controls"));
  make("span", label, row);
  const slider = make("input", undefined, row);
  const number = make("input", undefined, row);
  slider.type = "range"; number.type = "number";
  for (const input of [slider, number]) { input.min = low; input.max = high; input.step = step; input.value = value; }
  number.removeAttribute("max"); number.step = "any";
  number.id = "input-" + name; slider.id = "slider-" + name;
  slider.addEventListener("input", () => { number.value = slider.value; update(); });
  number.addEventListener("input", () => { slider.value = number.value; update(); });
  inputs[name] = { slider, number, start: value };
};
const read = (name) => Number(inputs[name].number.value);
const write = (name, value) => { inputs[name].number.value = value; inputs[name].slider.value = value; };

const describe = (row, hours, seconds) => {
  const table = at("recommendation");
  table.replaceChildren();
  const head = make("tr", undefined, make("thead", undefined, table));
  for (const title of ["labels", "share", "images", "to label", "hours"]) make("th", title, head);
  const body = make("tbody", undefined, table);
  data.shares[row].forEach((share, k) => {
    if (share <= 0) return;
    const line = make("tr", undefined, body);
    const bought = data.kinds[k] === "none" ? 0 : Math.max(share - data.owned[k], 0);
    const cells = [data.kinds[k], fixed(100 * share, 1) + " %", Math.round(share * data.images),
      Math.round(bought * data.images), fixed(bought * seconds[k] * data.images / 3600, 1)];
    for (const cell of cells) make("td", cell, line);
  });
  const money = data.wage ? `, ${fixed(hours * data.wage, 0)} ${data.currency}` : "";
  at("verdict").textContent = `PQ ${fixed(data.pq[row], 1)} (${fixed(data.low[row], 1)} to ${fixed(data.high[row], 1)} for one training run) in ${fixed(hours, 1)} hours${money}`;
};

function update() {
  const seconds = data.kinds.map((kind) => read("price-" + kind));
  const mode = data.mode, limit = read("goal");
  const hours = hoursOf(seconds);
  const row = recommend(hours, mode, limit);
  at("recommendation").dataset.row = row;
  if (row < 0) {
    at("recommendation").replaceChildren();
    at("verdict").textContent = mode === "budget"
      ? `Nothing fits: the cheapest allocation takes ${fixed(Math.min(...hours), 1)} hours${data.inside ? " (inside the piloted shares)" : ""}.`
      : `Out of reach: the best predicted is PQ ${fixed(Math.max(...data.pq), 1)}${data.inside ? " (inside the piloted shares)" : ""}.`;
  } else describe(row, hours[row], seconds);
  draw(hours, row);
}

const text = data.shares.map((shares) => shares.map((s, k) => (s > 0 ? `${data.kinds[k]} ${fixed(100 * s, 1)} %` : "")).filter(Boolean).join("<br>"));
function draw(hours, row) {
  const front = frontOf(hours);
  const traces = [
    { x: hours, y: data.pq, text, mode: "markers", name: "allocations", type: "scatter", hovertemplate: "%{text}<br>%{x:.1f} h, PQ %{y:.2f}<extra></extra>", marker: { size: 3, color: "#b9c6d8" } },
    { x: front.map((r) => hours[r]), y: front.map((r) => data.low[r]), mode: "lines", line: { width: 0 }, showlegend: false, hoverinfo: "skip" },
    { x: front.map((r) => hours[r]), y: front.map((r) => data.high[r]), mode: "lines", line: { width: 0 }, fill: "tonexty", fillcolor: "rgba(31,94,168,.15)", name: "80 % band of one training run", hoverinfo: "skip" },
    { x: front.map((r) => hours[r]), y: front.map((r) => data.pq[r]), mode: "lines", name: "front", line: { color: "#1f5ea8", width: 2 }, hoverinfo: "skip" },
  ];
  if (row >= 0) traces.push({ x: [hours[row]], y: [data.pq[row]], mode: "markers", name: "recommended", marker: { size: 13, color: "#d1495b", symbol: "star" }, hoverinfo: "skip" });
  for (const mark of data.marks) traces.push({ x: mark.shares.map((shares) => hoursOfOne(shares)), y: mark.pq, text: mark.names, mode: "markers+text", textposition: "top center", name: mark.label, marker: { size: 7, color: mark.color, symbol: "diamond" } });
  Plotly.react("front", traces, { margin: { l: 50, r: 10, t: 10, b: 45 }, xaxis: { title: { text: "hours of labelling" }, rangemode: "tozero" }, yaxis: { title: { text: "predicted PQ" } }, legend: { x: 1, xanchor: "right", y: 0.02 } }, { responsive: true, displaylogo: false });
}
const hoursOfOne = (shares) => shares.reduce((sum, s, k) => sum + Math.max(s - data.owned[k], 0) * read("price-" + data.kinds[k]), 0) * data.images / 3600;

const colours = ["#1c2430", "#1f77b4", "#e07b00", "#2a9d52", "#d1495b", "#7b52ab", "#8c6d31", "#5b8f9b"];
const hollow = (run) => run.variant === "baseline" && run.rest !== "none";
const drawResponses = () => data.responses.forEach((branch) => {
  const traces = [];
  branch.curves.forEach((curve, i) => {
    const colour = colours[i % colours.length];
    traces.push({ x: [...branch.share, ...branch.share.slice().reverse()], y: [...curve.high, ...curve.low.slice().reverse()], fill: "toself", fillcolor: colour + "22", line: { width: 0 }, showlegend: false, hoverinfo: "skip", legendgroup: curve.rest });
    traces.push({ x: branch.share, y: curve.mid, mode: "lines", line: { color: colour }, name: "rest: " + curve.rest, legendgroup: curve.rest });
    const runs = branch.runs.filter((run) => run.rest === curve.rest);
    traces.push({ x: runs.map((run) => run.share), y: runs.map((run) => run.pq), mode: "markers", showlegend: false, legendgroup: curve.rest, marker: { color: colour, size: 8, symbol: runs.map((run) => (hollow(run) ? "circle-open" : "circle")) }, text: runs.map((run) => `${run.variant} ${run.module}`), hovertemplate: "%{text}<br>share %{x}, PQ %{y}<extra></extra>" });
  });
  const box = make("div", undefined, at("responses"));
  box.className = "plot"; box.id = "response-" + branch.name;
  const [low, high] = branch.piloted;
  const shapes = [[0, low], [high, 1]].map(([x0, x1]) => ({ type: "rect", xref: "x", yref: "paper", x0, x1, y0: 0, y1: 1, fillcolor: "#5b6675", opacity: 0.1, line: { width: 0 }, layer: "below" }));
  Plotly.newPlot(box, traces, { shapes, title: { text: `${branch.name}: ${branch.family}`, font: { size: 14 } }, margin: { l: 45, r: 10, t: 35, b: 45 }, xaxis: { title: { text: "share of images with full labels" } }, yaxis: { title: { text: "PQ" } } }, { responsive: true, displayModeBar: false });
});

data.kinds.forEach((kind, k) => {
  if (kind !== "none") control("price-" + kind, `${kind}: s per image`, data.seconds[k], 0, Math.max(4 * data.seconds[k], 10), "any");
  else inputs["price-none"] = { number: { value: 0 }, slider: {}, start: 0 };
});
control("goal", data.mode === "budget" ? "budget in hours" : "PQ to reach", data.goal, 0, data.mode === "budget" ? 4 * data.goal : 100, "any");
at("reset").addEventListener("click", () => { for (const name in inputs) write(name, inputs[name].start); update(); });
at("copy").addEventListener("click", () => {
  const rows = [...at("recommendation").rows].map((row) => [...row.cells].map((cell) => cell.textContent).join("\t")).join("\n");
  navigator.clipboard.writeText(rows).then(() => { at("copied").textContent = "copied"; }, () => { at("copied").textContent = "select the table and copy it by hand"; });
});
/* #price-B=40&goal=120 sets inputs, so a variant can be linked to. */
const fromAddress = () => {
  for (const [name, value] of new URLSearchParams(location.hash.slice(1))) if (inputs[name] && inputs[name].slider.dispatchEvent) {
    inputs[name].slider.value = value; inputs[name].number.value = value;
    inputs[name].number.dispatchEvent(new Event("input"));
  }
};
window.addEventListener("hashchange", fromAddress);

at("summary").textContent = data.summary;
at("doubts").hidden = data.notes.length === 0;
data.notes.forEach((note) => make("li", note, at("notes")));
data.plan.forEach((line) => make("p", line, at("plan")));
drawResponses();
update();
fromAddress();
document.body.dataset.ready = "yes";
