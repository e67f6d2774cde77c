/** Another run draws other statements: GOOGLESQL_SEED=7 npm run test:googlesql. */
export const seed = Number(process.env["GOOGLESQL_SEED"] ?? 20_240_229);

const scale = Number(process.env["GOOGLESQL_SCALE"] ?? 1);

export const casesPerFunction = Math.ceil(40 * scale);
export const expressions = Math.ceil(4000 * scale);
