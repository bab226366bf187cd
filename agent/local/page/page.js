// The page shows what /api/v1/stream sends. Cards are built once and then only
// updated; every text from the device goes in as text, never as markup.
"use strict";

const maxBars = 10; // of models with many classes, the strongest
const frameEvery = 250; // ms between pictures
const cards = new Map();
let skew = 0; // device clock minus browser clock, ms
let heard = 0; // browser time of the last message
let last = null;

const el = (tag, cls, text) => {
  const e = document.createElement(tag);
  if (cls) e.className = cls;
  if (text !== undefined) e.textContent = text;
  return e;
};
const put = (e, text) => { if (e.textContent !== text) e.textContent = text; };
const percent = (x) => x < 0 || x > 1 ? Number(x).toPrecision(3) : (100 * x).toFixed(x > 0 && x < 0.001 ? 2 : 0) + " %";
const micros = (us) => us < 1000 ? us + " µs" : us < 1e6 ? (us / 1000).toFixed(us < 1e4 ? 1 : 0) + " ms" : (us / 1e6).toFixed(1) + " s";
const count = (n) => n.toLocaleString("en");

function ago(time) {
  const s = Math.max(0, (Date.now() + skew - Date.parse(time)) / 1000);
  if (s < 1) return "now";
  if (s < 90) return Math.round(s) + " s ago";
  if (s < 5400) return Math.round(s / 60) + " min ago";
  return Math.round(s / 3600) + " h ago";
}

function build(p, source) {
  const root = document.getElementById("card").content.firstElementChild.cloneNode(true);
  const q = (s) => root.querySelector(s);
  const c = { root, q, bars: [], frame: 0, frameAt: 0, stats: {} };
  q("h2").textContent = p.name;
  q(".badge").hidden = !p.simulated;
  for (const e of root.querySelectorAll("[data-is]")) c.stats[e.dataset.is] = e;
  buildBars(c, p);
  if (p.kind === "image") buildPicture(c); else buildTrace(c);
  q(".events").hidden = !p.decides;
  if (source?.faults) buildFaults(c, source);
  if (p.kind === "image" || p.kind === "audio") buildUpload(c, p);
  document.getElementById("pipelines").append(root);
  return c;
}

function buildBars(c, p) {
  for (let i = 0; i < Math.min(maxBars, Math.max(p.labels.length, p.scores.length)); i++) {
    const li = el("li");
    const bar = { li, name: el("span", "name"), fill: el("div", "fill"), value: el("span", "value") };
    const track = el("div", "track");
    track.append(bar.fill);
    li.append(bar.name, track, bar.value);
    c.q(".bars").append(li);
    c.bars.push(bar);
  }
}

function buildPicture(c) {
  const figure = el("figure");
  c.img = el("img");
  c.img.alt = "the image classified last";
  c.img.addEventListener("load", () => c.img.classList.toggle("tiny", c.img.naturalWidth < 64));
  c.caption = el("figcaption");
  figure.append(c.img, c.caption);
  c.q(".signal").append(figure);
}

function buildTrace(c) {
  c.canvas = el("canvas");
  c.canvas.setAttribute("role", "img");
  c.canvas.setAttribute("aria-label", "the sensor's signal of the last five seconds");
  c.q(".signal").append(c.canvas);
}

function buildFaults(c, source) {
  c.q(".faults").hidden = false;
  const slider = c.q(".faults input"), output = c.q(".faults output");
  const send = (fault) => fetch(`/api/v1/sources/${encodeURIComponent(source.name)}/inject`, {
    method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ fault, severity: Number(slider.value) }),
  });
  c.faults = source.faults.map((fault) => {
    const b = el("button", "", fault);
    b.type = "button";
    b.addEventListener("click", () => { c.fault = fault; send(fault); });
    c.q(".buttons").append(b);
    return { fault, b };
  });
  slider.addEventListener("input", () => { output.textContent = percent(slider.value); });
  slider.addEventListener("change", () => { if (c.fault) send(c.fault); });
}

function buildUpload(c, p) {
  const image = p.kind === "image";
  c.q(".own").hidden = false;
  const drop = c.q(".drop"), input = c.q(".drop input");
  input.accept = image ? "image/png,image/jpeg,image/bmp" : ".wav,audio/wav";
  c.q(".drop span").textContent = image
    ? "Drop your own image here, or choose one" : "Drop your own recording (.wav) here, or choose one";
  const send = (file) => { if (file) classify(c, p, file); };
  input.addEventListener("change", () => { send(input.files[0]); input.value = ""; });
  drop.addEventListener("dragover", (e) => { e.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (e) => {
    e.preventDefault();
    drop.classList.remove("over");
    send(e.dataTransfer.files[0]);
  });
}

async function classify(c, p, file) {
  const box = c.q(".answer");
  box.hidden = false;
  box.className = "answer";
  box.replaceChildren(el("p", "", "classifying " + file.name));
  const say = el("p");
  try {
    const type = p.kind === "image" ? file.type : "audio/wav";
    const r = await fetch(`/api/v1/pipelines/${encodeURIComponent(p.name)}/classify`,
      { method: "POST", headers: { "Content-Type": type || "application/octet-stream" }, body: file });
    const out = await r.json();
    if (!r.ok) throw new Error(out.error + (out.hint ? ": " + out.hint : ""));
    say.append(el("b", "", out.label), ` with ${percent(out.score)}`);
    const others = out.top.slice(1, 4).map((t) => `${t.label} (${percent(t.score)})`).join(", ");
    say.append(el("small", "", [file.name, others, ...(out.notes || [])].filter(Boolean).join(" · ")));
  } catch (err) {
    box.className = "answer bad";
    say.textContent = err.message;
  }
  box.replaceChildren(say);
  if (p.kind === "image") {
    const img = el("img");
    img.alt = "";
    img.addEventListener("load", () => {
      img.classList.toggle("tiny", img.naturalWidth < 64);
      URL.revokeObjectURL(img.src);
    });
    img.addEventListener("error", () => img.remove());
    img.src = URL.createObjectURL(file);
    box.prepend(img);
  }
}

function update(c, p, source) {
  const state = c.q(".state");
  const sick = p.state === "waiting" || source?.state === "waiting";
  put(state, p.state === "running" && source?.state === "ended" ? "recording ended" : sick ? "restarting" : p.state);
  state.classList.toggle("bad", sick);
  put(c.q(".origin"), `${p.bundle} on ${p.source} (${source?.driver ?? "?"})` + (p.restarts ? `, restarted ${p.restarts}×` : "") +
    (!p.server ? "" : p.server.on_server ? `, on ${p.server.server} (${p.server.samples} golden samples within ${p.server.tolerance})` : `, on this CPU: ${p.server.reason}`));
  const reason = p.state === "waiting" ? p.reason : source?.state === "waiting" ? `source: ${source.reason}` : "";
  c.q(".problem").hidden = !reason;
  put(c.q(".problem"), reason || "");
  put(c.q(".say strong"), p.windows === 0 ? "…" : p.label || "#" + p.class);
  put(c.q(".say span"), p.windows === 0 ? "waiting for data" : p.warm ? percent(p.score) : "warming up");
  updateBars(c, p);
  updateFigures(c, p);
  updateEvents(c, p);
  if (c.faults) for (const { fault, b } of c.faults) b.setAttribute("aria-pressed", String(fault === source.fault));
  if (c.faults && c.fault === undefined) c.fault = source.fault;
  if (c.canvas && source?.trace) draw(c.canvas, source);
  if (c.img) picture(c, p);
}

function updateBars(c, p) {
  let order = p.scores.map((_, i) => i);
  if (order.length > c.bars.length) order.sort((a, b) => p.scores[b] - p.scores[a]);
  c.bars.forEach((bar, row) => {
    const i = order[row];
    bar.li.hidden = i === undefined;
    if (i === undefined) return;
    bar.li.classList.toggle("top", i === p.class && p.warm);
    put(bar.name, p.labels[i] ?? "#" + i);
    bar.name.title = bar.name.textContent;
    bar.fill.style.width = Math.max(0, Math.min(1, p.scores[i])) * 100 + "%";
    put(bar.value, percent(p.scores[i]));
  });
}

function updateFigures(c, p) {
  const s = c.stats;
  put(s.rate, p.per_second.toFixed(p.per_second < 10 ? 1 : 0));
  put(s.p50, micros(p.p50_us));
  put(s.p95, micros(p.p95_us));
  put(s.lost, count(p.lost) + (p.kind === "image" ? " images" : " samples"));
  s.rate.title = count(p.windows) + " windows in all";
  clockFigure(c, p);
}

function clockFigure(c, p) {
  const e = c.stats.updated;
  put(e, p.updated ? ago(p.updated) : "never");
  e.title = p.updated ? new Date(p.updated).toLocaleString() : "";
  e.classList.toggle("stale", Boolean(p.updated) && Date.now() + skew - Date.parse(p.updated) > 5000);
}

function updateEvents(c, p) {
  const list = c.q(".events ul");
  const key = p.events.length ? p.events[0].time + p.events.length : "none";
  if (c.eventKey !== key) {
    c.eventKey = key;
    list.replaceChildren(...p.events.map((ev) => {
      const li = el("li");
      li.append(el("span", "", ev.event === "enter" ? "▸" : "◂"),
        el("span", "", ev.label + (ev.event === "enter" ? "" : " ended")), el("span", "", ev.event === "enter" ? percent(ev.score) : ""), el("span"));
      li.lastChild.title = new Date(ev.time).toLocaleString();
      return li;
    }));
    if (!p.events.length) list.append(el("li", "none", "none yet: a class must be certain for long enough"));
  }
  p.events.forEach((ev, i) => put(list.children[i].lastChild, ago(ev.time)));
}

async function picture(c, p) {
  put(c.caption, p.item ?? "");
  if (p.frame === c.frame || Date.now() - c.frameAt < frameEvery || document.hidden) return;
  c.frame = p.frame;
  c.frameAt = Date.now();
  c.img.src = `/api/v1/pipelines/${encodeURIComponent(p.name)}/frame.png?n=${p.frame}`;
}

// draw shows each channel's envelope in a lane of its own, all to one scale.
function draw(canvas, source) {
  const ratio = window.devicePixelRatio || 1;
  const width = canvas.clientWidth, height = canvas.clientHeight;
  if (!width) return;
  if (canvas.width !== Math.round(width * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, width, height);
  const style = getComputedStyle(document.documentElement);
  const lanes = source.trace.map((t) => {
    let lo = Infinity, hi = -Infinity;
    for (const v of t) { lo = Math.min(lo, v); hi = Math.max(hi, v); }
    return { t, mid: (lo + hi) / 2, span: hi - lo };
  });
  const span = Math.max(1e-3, ...lanes.map((l) => l.span)) * 1.05;
  const lane = height / Math.max(1, lanes.length), left = 26, points = 125;
  g.font = "11px system-ui, sans-serif";
  g.textBaseline = "middle";
  lanes.forEach((l, i) => {
    const y0 = lane * (i + 0.5), scale = lane / span;
    const x = (k) => width - (l.t.length / 2 - k) * (width - left) / points;
    g.fillStyle = style.getPropertyValue("--soft");
    g.fillText(source.channels?.[i] ?? (lanes.length > 1 ? String(i) : ""), 2, y0);
    g.fillStyle = style.getPropertyValue("--c" + i);
    for (let k = 0; k < l.t.length / 2; k++) {
      const top = y0 - (l.t[2 * k + 1] - l.mid) * scale, bottom = y0 - (l.t[2 * k] - l.mid) * scale;
      g.fillRect(x(k), top, Math.max(1, (width - left) / points), Math.max(1, bottom - top));
    }
  });
  canvas.title = `last 5 s, ${span.toPrecision(2)} ${source.unit ?? ""} per lane`;
}

function render(s) {
  const first = !last;
  last = s;
  heard = Date.now();
  skew = Date.parse(s.time) - heard;
  put(document.getElementById("device"), s.device);
  const up = (Date.parse(s.time) - Date.parse(s.started)) / 1000;
  put(document.getElementById("uptime"), "up " + (up < 90 ? Math.round(up) + " s" : up < 5400 ? Math.round(up / 60) + " min" : Math.round(up / 3600) + " h"));
  const sources = new Map(s.sources.map((x) => [x.name, x]));
  for (const p of s.pipelines) {
    const source = sources.get(p.source);
    if (!cards.has(p.name)) cards.set(p.name, build(p, source));
    update(cards.get(p.name), p, source);
  }
  if (first) clock();
}

function clock() {
  const link = document.getElementById("link");
  const silent = Date.now() - heard;
  const gone = heard > 0 && silent > 3000;
  link.classList.toggle("gone", gone);
  link.classList.toggle("live", heard > 0 && !gone);
  put(link, !heard ? "connecting" : gone ? `no contact for ${Math.round(silent / 1000)} s` : "live");
  if (last) for (const p of last.pipelines) clockFigure(cards.get(p.name), p);
}

function listen() {
  const stream = new EventSource("/api/v1/stream");
  stream.onmessage = (e) => render(JSON.parse(e.data));
  stream.onerror = () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

if (location.port !== "8321") {
  document.getElementById("watch").textContent += ` --url ${location.origin}`;
}
listen();
setInterval(clock, 500);
