/** The report's own style sheet: nothing is fetched. Charts take their colours from the same variables. */
export const style = `
:root {
  color-scheme: light dark;
  --ink: #1c2430; --soft: #5b6675; --paper: #ffffff; --panel: #f5f7fa; --line: #dde3ea;
  --series-1: #2563b8; --series-2: #d2601a; --series-3: #2a8354; --series-4: #7d4fc4; --series-5: #a8790d; --series-6: #b83232;
  --good: #1f7a45; --warn: #96680a; --bad: #b42318;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ink: #e5eaf1; --soft: #9aa7b7; --paper: #12171e; --panel: #1b222c; --line: #2d3743;
    --series-1: #6ea8f5; --series-2: #f0935a; --series-3: #62c08e; --series-4: #b394ee; --series-5: #d9b04a; --series-6: #ee7d7d;
    --good: #66c48f; --warn: #e0b454; --bad: #f28b82;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.9rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.3rem; margin: 3rem 0 .25rem; }
p { margin: .5rem 0; max-width: 46rem; }
.soft, figcaption, caption { color: var(--soft); }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; list-style: none; padding: 0; margin: 1rem 0 0; }
a { color: var(--series-1); }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; margin: 1rem 0; }
.figures div { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; }
.figures dt { color: var(--soft); font-size: .85rem; }
.figures dd { margin: 0; font-size: 1.5rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures dd + dd { font-size: .85rem; font-weight: 400; color: var(--soft); }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; }
caption { text-align: left; padding: 0 0 .35rem; font-size: .92rem; }
th, td { text-align: left; padding: .3rem 1.2rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
.number { text-align: right; }
figure { margin: 1.5rem 0; }
figcaption { font-size: .92rem; margin-bottom: .35rem; }
figure svg { max-width: 100%; height: auto; --plot-background: var(--paper); }
.legend { display: flex; flex-wrap: wrap; gap: .15rem 1rem; font-size: .85rem; color: var(--soft); list-style: none; padding: 0; margin: 0 0 .25rem; }
.legend span { display: inline-block; width: .75rem; height: .75rem; border-radius: .15rem; margin-right: .4rem; vertical-align: -1px; }
ol.history { list-style: none; margin: 1rem 0; padding: 0 0 0 1.1rem; border-left: 2px solid var(--line); }
ol.history li { position: relative; margin: 0 0 .8rem; }
ol.history li::before { content: ""; position: absolute; left: -1.5rem; top: .5rem; width: .65rem; height: .65rem; border-radius: 50%; background: var(--soft); }
ol.history li.good::before { background: var(--good); } ol.history li.warn::before { background: var(--warn); } ol.history li.bad::before { background: var(--bad); }
ol.history time { color: var(--soft); font-size: .85rem; margin-right: .6rem; font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .warn { color: var(--warn); } .bad { color: var(--bad); }
ol.history li.good, ol.history li.warn, ol.history li.bad { color: inherit; }
footer { margin-top: 3rem; border-top: 1px solid var(--line); padding-top: .75rem; font-size: .85rem; color: var(--soft); }
@media print { nav { display: none; } h2 { break-after: avoid; } figure, table { break-inside: avoid; } }
`;
