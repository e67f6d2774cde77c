import type { RegisterCommand } from "../command.ts";

export const register: RegisterCommand = (program, environment) => {
  program
    .command("report")
    .description(
      "Write one self-contained HTML file: signals, engagement, interests, lift, drift, scores, models, the release log",
    )
    .option("--out <file>", "where to write it (default: reports/report.html in the home)")
    .action(async (options: { out?: string }) => {
      const { mkdir, writeFile } = await import("node:fs/promises");
      const { dirname, join, resolve } = await import("node:path");
      const { refuseClearFile } = await import("../../platform/home-seal.ts");
      const { listModels } = await import("../../scoring/model.ts");
      const { releaseStatus } = await import("../../release/release.ts");
      const { readFigures } = await import("../../report/read-figures.ts");
      const { renderReport } = await import("../../report/render-report.ts");
      const {
        driftSection,
        engagementSection,
        historySection,
        devicesSection,
        interestSection,
        liftSection,
        modelsSection,
        releasesSection,
        scoresSection,
        sendersSection,
        signalsSection,
      } = await import("../../report/sections.ts");
      const { describe } = await import("./release/render.ts");
      const world = environment();
      const file = options.out ? resolve(world.cwd, options.out) : join(world.home.reports, "report.html");
      refuseClearFile(file, "the report", "inboxloop report --out <a file outside of the home>");
      const warehouse = await world.target.openWarehouse();
      const figures = await readFigures(warehouse).finally(() => warehouse.close());
      const models = await listModels(await world.target.models.refresh());
      const { state, entries } = await releaseStatus(world.releaseLog);
      const log = entries.map(({ at, by, event, entry_hash }) => ({ at, by, what: describe(event), hash: entry_hash }));
      const html = renderReport({
        title: "Inboxloop",
        sections: [
          signalsSection(figures.accounts, figures.deadLetters),
          engagementSection(figures),
          interestSection(figures),
          ...devicesSection(figures),
          ...(figures.lift.length > 0 ? [liftSection(figures)] : []),
          sendersSection(figures.senders),
          driftSection(figures),
          ...(figures.scores.length + figures.estimates.length > 0 ? [scoresSection(figures)] : []),
          modelsSection(models.map(({ name, record }) => ({ name, outcomes: record.outcomes }))),
          ...(figures.releases.length > 0 ? [releasesSection(figures.releases)] : []),
          historySection(state.champion, log),
        ],
        footer: `As of ${world.now().toISOString()}.`,
      });
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, html);
      world.console.result(
        { file, figures, champion: state.champion, models: models.map(({ name }) => name) },
        () => `wrote ${file}`,
      );
    });
};
