import { acts, choices } from "./choices.ts";

/** The page: everything on it is put there by its script from `/api/state`, as text. */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Inboxloop: what came of this message?</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<main>
<header>
<h1>What came of this message?</h1>
<p id="progress" role="status" aria-live="polite"></p>
</header>
<section id="message" tabindex="-1" aria-label="The message">
<dl id="facts"></dl>
<table id="events"><caption>What was seen of it</caption><thead><tr><th>after the send</th><th>what</th><th>how</th><th class="number">a person's</th><th>because</th></tr></thead><tbody></tbody></table>
<table id="votes"><caption>What the labelling functions say</caption><thead><tr><th>question</th><th>who</th><th>vote</th></tr></thead><tbody></tbody></table>
</section>
<section aria-label="Answers">
<div id="choices"></div>
<div id="acts">
<button type="button" data-act="skip"><kbd>${acts.skip}</kbd> skip</button>
<button type="button" data-act="undo"><kbd>${acts.undo}</kbd> undo</button>
<button type="button" data-act="quit"><kbd>${acts.quit}</kbd> finish</button>
</div>
</section>
<p id="notice" role="alert"></p>
</main>
<script src="/review.js"></script>
</body>
</html>
`;

export const pageStyle = `
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --paper: #ffffff; --panel: #f5f7fa; --line: #dde3ea; --act: #2563b8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e5eaf1; --soft: #9aa7b7; --paper: #12171e; --panel: #1b222c; --line: #2d3743; --act: #6ea8f5; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1.25rem 3rem; }
h1 { font-size: 1.5rem; margin: 0; }
#progress, caption, dt { color: var(--soft); }
dl { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; margin: 1rem 0; padding: .75rem 1rem; background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; }
dt { font-size: .85rem; } dd { margin: 0; font-weight: 600; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding-bottom: .25rem; }
th, td { text-align: left; padding: .25rem 1rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
.number { text-align: right; }
#choices { display: grid; grid-template-columns: repeat(auto-fill, minmax(17rem, 1fr)); gap: .4rem; }
#acts { display: flex; gap: .4rem; margin-top: .8rem; }
button { font: inherit; text-align: left; padding: .35rem .6rem; border: 1px solid var(--line); border-radius: .4rem; background: var(--panel); color: var(--ink); cursor: pointer; }
button:hover, button:focus-visible { border-color: var(--act); outline: 2px solid var(--act); outline-offset: -1px; }
button small { color: var(--soft); margin-left: .4rem; }
kbd { font: .85em ui-monospace, monospace; border: 1px solid var(--line); border-bottom-width: 2px; border-radius: .25rem; padding: 0 .35rem; margin-right: .4rem; }
#notice { color: var(--soft); min-height: 1.5em; }
`;

/** Runs in the browser: plain script, nothing fetched but the page's own server. */
export const pageScript = `"use strict";
(() => {
  const choices = ${JSON.stringify(choices)};
  const acts = ${JSON.stringify(acts)};
  const byId = (id) => document.getElementById(id);
  let place = null;
  let isBusy = false;

  const cell = (name, value, kind) => {
    const made = document.createElement(name);
    made.textContent = value;
    if (kind) made.setAttribute("class", kind);
    return made;
  };
  const fill = (table, rows) => {
    const body = table.querySelector("tbody");
    body.textContent = "";
    for (const row of rows) {
      const line = document.createElement("tr");
      for (const one of row) line.append(typeof one === "string" ? cell("td", one) : one);
      body.append(line);
    }
    table.hidden = rows.length === 0;
  };

  const show = (state) => {
    place = state.place;
    byId("progress").textContent = state.labelled + " labelled, " + state.skipped + " skipped, " + state.left + " to go";
    const facts = byId("facts");
    facts.textContent = "";
    for (const one of state.evidence ? state.evidence.facts : []) {
      const pair = document.createElement("div");
      pair.append(cell("dt", one.name), cell("dd", one.value));
      facts.append(pair);
    }
    facts.hidden = !state.evidence;
    fill(byId("events"), state.evidence ? state.evidence.events.map((one) => [
      one.after, one.event_type, one.detail,
      cell("td", one.p_human === null ? "" : Math.round(one.p_human * 100) + " %", "number"), one.reasons.join(", "),
    ]) : []);
    fill(byId("votes"), state.evidence ? state.evidence.votes.map((one) => [one.question, one.voter, one.vote]) : []);
    for (const button of document.querySelectorAll("#choices button")) button.disabled = place === null;
    byId("notice").textContent = state.ended ? "Your labels have landed. You can close this page." : place === null ? "No message is left. Press " + acts.quit + " to finish, or " + acts.undo + " to go back." : "";
  };

  const send = async (path, body) => {
    if (isBusy) return;
    isBusy = true;
    try {
      const answer = await fetch(path, body === undefined ? { headers: { "x-inboxloop": "review" } } : {
        method: "POST", headers: { "content-type": "application/json", "x-inboxloop": "review" }, body: JSON.stringify(body),
      });
      const said = await answer.json();
      if (answer.ok || answer.status === 409) show(said);
      else byId("notice").textContent = "Not taken: " + said.error;
    } catch {
      byId("notice").textContent = "Nobody answers. What you said is kept; start the command again to go on.";
    } finally {
      isBusy = false;
    }
  };
  const label = (name) => { if (place !== null) void send("/api/label", { place, label: name }); };
  const act = (name) => {
    if (name === "skip" && place === null) return;
    void send("/api/" + name, name === "quit" ? {} : { place });
  };

  for (const one of choices) {
    const button = document.createElement("button");
    button.setAttribute("type", "button");
    button.append(cell("kbd", one.key), one.label.replaceAll("_", " "), cell("small", one.meaning));
    button.addEventListener("click", () => label(one.label));
    byId("choices").append(button);
  }
  for (const button of document.querySelectorAll("#acts button"))
    button.addEventListener("click", () => act(button.getAttribute("data-act")));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const choice = choices.find((one) => one.key === event.key);
    const name = Object.keys(acts).find((one) => acts[one] === event.key);
    if (!choice && !name) return;
    event.preventDefault();
    if (choice) label(choice.label);
    else act(name);
  });
  void send("/api/state");
})();
`;
