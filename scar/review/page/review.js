// The page of `scar review`: it asks for a sample, shows it, and sends what the reviewer decides. Texts are set as text only.

const NS = "http://www.w3.org/2000/svg";
const FAULT_NAMES = {
  gold_false: "Gold is false", gold_unnatural: "Nobody would say it", gold_fits_another: "Gold fits another thing",
  negative_true: "A negative is true", text: "No English", image: "Image or box is wrong", other: "Something else",
};
const state = { settings: null, name: "", sample: null, shownAt: 0, marked: null, zoomed: false, size: null, busy: false };
const $ = (id) => document.getElementById(id);

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}

async function call(path, body) {
  const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw Object.assign(new Error("The server does not answer. Start `scar review` again; what was sent is kept."), { status: 0 });
  }
  const content = await response.json().catch(() => ({ error: `The server answers ${response.status}.` }));
  if (!response.ok) throw Object.assign(new Error(content.error ?? `The server answers ${response.status}.`), { status: response.status });
  return content;
}

function tell(text) {
  $("message").textContent = text;
  $("message").hidden = !text;
}

function showProgress(progress) {
  state.progress = progress;
  $("progress").textContent = `${progress.decided} of ${progress.all} samples decided, ${progress.own} by you, ${progress.open} open for you`;
}

async function run(action) {
  if (state.busy) return;
  state.busy = true;
  document.body.setAttribute("aria-busy", "true");
  try {
    await action();
  } catch (error) {
    if (error.status === 409 && state.sample) await open(state.sample.question).catch(() => {});
    tell(error.message);
  } finally {
    state.busy = false;
    document.body.removeAttribute("aria-busy");
  }
}

async function next(after = -1) {
  await display(await call(`/api/next?reviewer=${encodeURIComponent(state.name)}&after=${after}`));
}

async function open(number) {
  await display(await call(`/api/samples/${number}?reviewer=${encodeURIComponent(state.name)}`));
}

async function display(sample) {
  showProgress(sample.progress);
  const isDone = sample.question === undefined;
  $("sample").hidden = isDone;
  $("done").hidden = !isDone;
  state.sample = isDone ? null : sample;
  state.marked = null;
  if (isDone) {
    await showFigures();
    return;
  }
  state.shownAt = performance.now();
  state.zoomed = false;
  $("note").value = sample.decision?.note ?? "";
  $("about").textContent = [sample.source, sample.category, sample.reason && `reason: ${sample.reason}`, sample.id].filter(Boolean).join(" · ");
  $("task").textContent = state.settings.mode === "choose"
    ? "Which caption fits the thing in the box?"
    : "Is the first caption true of the thing in the box, and every other one false?";
  showCaptions(sample);
  showActions(sample);
  $("edit").hidden = true;
  $("faults").hidden = true;
  drawPicture(sample);
}

async function showFigures() {
  const figures = await call("/api/figures");
  const parts = ["Nothing is left to decide. Thank you."];
  if (figures.samples && state.settings.mode === "inspect") parts.push(`${figures.accepted} of ${figures.samples} samples are accepted.`);
  if (figures.alpha !== null) parts.push(`Krippendorff's alpha is ${figures.alpha.toFixed(2)}.`);
  if (figures.choices) parts.push(`The gold caption was chosen in ${(100 * figures.choices.hit).toFixed(1)} % of ${figures.choices.answers} answers.`);
  $("done").textContent = parts.join(" ");
}

function showCaptions(sample) {
  const chooses = state.settings.mode === "choose";
  $("captions").replaceChildren(...sample.captions.map((caption, index) => {
    const number = make("span", { className: "number", textContent: String((index + 1) % 10) });
    const text = make("span");
    if (caption.pieces) {
      caption.pieces.forEach(([words, isReplaced], place) => {
        if (place) text.append(" ");
        text.append(isReplaced ? make("mark", { textContent: words }) : words);
      });
    } else {
      text.textContent = caption.text;
    }
    const kind = chooses ? "" : caption.part;
    const button = make("button", { type: "button", className: kind, dir: "ltr" }, number, text);
    if (kind) button.append(make("small", { textContent: kind === "gold" ? "true" : `${kind} swapped` }));
    button.addEventListener("click", () => pickCaption(index));
    return make("li", {}, button);
  }));
}

function pickCaption(index) {
  if (state.settings.mode === "choose") {
    run(() => send("choice", { position: index }));
    return;
  }
  state.marked = state.marked === index ? null : index;
  [...$("captions").querySelectorAll("button")].forEach((button, place) => button.setAttribute("aria-pressed", String(place === state.marked)));
}

function showActions(sample) {
  const chooses = state.settings.mode === "choose";
  const actions = chooses
    ? [["Cannot tell", "N", () => send("choice", { position: -1 })]]
    : [["Accept", "A", () => send("accept")], ["Reject", "R", async () => askFault()], ["Edit", "E", async () => startEdit()]];
  actions.push(["Skip", "S", () => next(sample.question)], ["Undo", "U", undo]);
  $("actions").replaceChildren(...actions.map(([label, key, action], index) => {
    const button = make("button", { type: "button", className: index === 0 && !chooses ? "main" : "" }, `${label} `, make("kbd", { textContent: key }));
    button.dataset.key = key.toLowerCase();
    button.addEventListener("click", () => run(action));
    if (label === "Undo") button.disabled = state.progress.last === null;
    return button;
  }));
  if (sample.decision) tell(`You decided on this sample already: ${sample.decision.verdict}. A new answer replaces it.`);
}

function askFault() {
  $("faults").hidden = false;
  $("faults").replaceChildren(...state.settings.faults.map((fault, index) => {
    const button = make("button", { type: "button" }, `${FAULT_NAMES[fault] ?? fault} `, make("kbd", { textContent: String(index + 1) }));
    button.addEventListener("click", () => run(() => send("reject", { fault, caption: state.marked })));
    return button;
  }));
  $("faults").querySelector("button").focus();
}

function startEdit() {
  const index = state.marked ?? 0;
  const caption = state.sample.captions[index];
  const parts = index === 0 ? ["object", "relation", "scene"] : [caption.part];
  const form = $("edit");
  const inputs = Object.fromEntries(parts.map((part) => [part, make("input", { name: part, value: caption.elements[part], maxLength: 300 })]));
  const problems = make("p", { className: "problems" });
  problems.setAttribute("role", "status");
  const save = make("button", { className: "main", textContent: "Save" });
  const read = () => [{ caption: index, text: { ...caption.elements, ...Object.fromEntries(parts.map((part) => [part, inputs[part].value.trim()])) } }];
  form.replaceChildren(...parts.flatMap((part) => [make("label", { htmlFor: `edit-${part}`, textContent: part }), Object.assign(inputs[part], { id: `edit-${part}` })]), problems, save);
  let asked = 0;
  const check = async () => {
    const mine = ++asked;
    const found = await call(`/api/samples/${state.sample.question}/check`, read());
    if (mine !== asked) return;
    problems.textContent = found.join("; ");
    save.disabled = found.length > 0;
  };
  form.oninput = () => check().catch((error) => tell(error.message));
  form.onsubmit = (event) => {
    event.preventDefault();
    run(() => send("edit", { edits: read() }));
  };
  form.hidden = false;
  inputs[parts[0]].focus();
}

async function send(verdict, more = {}) {
  const { sample } = state;
  await call("/api/answers", {
    question: sample.question, seen: sample.seen, reviewer: state.name, verdict, note: $("note").value,
    seconds: (performance.now() - state.shownAt) / 1000, ...more,
  });
  tell("");
  await next(sample.question);
}

async function undo() {
  if (state.progress.last === null) return;
  const shown = await call(`/api/samples/${state.progress.last}?reviewer=${encodeURIComponent(state.name)}`);
  await call("/api/answers", { question: shown.question, seen: shown.seen, reviewer: state.name, verdict: "withdrawn" });
  tell("Your last decision is undone.");
  await open(shown.question);
}

async function drawPicture(sample) {
  const picture = $("picture");
  picture.replaceChildren();
  const address = `/api/samples/${sample.question}/picture`;
  let response;
  try {
    response = await fetch(address);
  } catch {
    tell("The picture did not come; the server does not answer.");
    return;
  }
  if (state.sample !== sample) return;
  if (!response.ok) {
    tell((await response.json()).error);
    return;
  }
  state.size = response.headers.get("X-Image-Size").split(",").map(Number);
  const [width, height] = state.size;
  const unit = Math.max(width, height) / 320;
  const [x0, y0, x1, y1] = sample.box;
  picture.setAttribute("aria-label", "The picture; the box shows which thing the captions are about");
  const add = (tag, attributes) => {
    const node = document.createElementNS(NS, tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    picture.append(node);
    return node;
  };
  add("image", { href: address, width, height, preserveAspectRatio: "none" });
  if (sample.outline) add("path", { d: sample.outline, fill: "#ffd400", "fill-opacity": 0.12, "fill-rule": "evenodd", stroke: "#ffd400", "stroke-width": unit, "class": "outline" });
  for (const [wide, colour] of [[4, "#ffffff"], [2, "#e5006d"]]) {
    add("rect", { x: x0, y: y0, width: x1 - x0, height: y1 - y0, rx: 2 * unit, fill: "none", stroke: colour, "stroke-width": wide * unit });
  }
  look();
}

function look() {
  const [width, height] = state.size;
  const [x0, y0, x1, y1] = state.sample.box;
  const side = Math.max(x1 - x0, y1 - y0) * 1.6;
  const view = state.zoomed ? [(x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side, side] : [0, 0, width, height];
  $("picture").setAttribute("viewBox", view.join(" "));
}

function zoom() {
  if (!state.sample || !state.size) return;
  state.zoomed = !state.zoomed;
  look();
}

document.addEventListener("keydown", (event) => {
  if (event.target instanceof HTMLInputElement) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || !state.sample) return;
  const key = event.key.toLowerCase();
  if (key === "z") zoom();
  else if (/^[0-9]$/.test(key) && !$("faults").hidden) $("faults").querySelectorAll("button")[(Number(key) + 9) % 10]?.click();
  else if (/^[0-9]$/.test(key)) pickCaption((Number(key) + 9) % 10);
  else if (key === "escape") $("faults").hidden = true;
  else if (key === "?") $("help").click();
  else $("actions").querySelector(`[data-key="${CSS.escape(key)}"]`)?.click();
});

$("zoom").addEventListener("click", zoom);
$("picture").addEventListener("click", zoom);
$("help").addEventListener("click", () => {
  $("keys").hidden = !$("keys").hidden;
  $("help").setAttribute("aria-expanded", String(!$("keys").hidden));
});
$("who").addEventListener("submit", (event) => {
  event.preventDefault();
  state.name = $("name").value.trim();
  localStorage.setItem("scar-reviewer", state.name);
  $("name").blur();
  run(() => next());
});

async function start() {
  state.settings = await call("/api/settings");
  const keys = state.settings.mode === "choose"
    ? [["1 to 9, 0", "choose a caption"], ["N", "cannot tell"]]
    : [["A", "accept"], ["1 to 9, 0", "mark a caption"], ["R", "reject; then 1 to 7 says why"], ["E", "edit the marked caption, or the gold"]];
  keys.push(["S", "skip"], ["U", "undo your last decision"], ["Z", "zoom to the box"], ["?", "show or hide this"]);
  $("keys").replaceChildren(...keys.flatMap(([key, what]) => [make("dt", {}, make("kbd", { textContent: key })), make("dd", { textContent: what })]));
  $("name").value = localStorage.getItem("scar-reviewer") ?? "";
  if ($("name").value) $("who").requestSubmit();
  else $("name").focus();
}

start().catch((error) => tell(error.message));
