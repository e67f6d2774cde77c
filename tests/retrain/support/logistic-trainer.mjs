// A trainer of somebody else's, in plain JavaScript: a logistic regression over the numbers it is given, written as ONNX by hand.
// What it does besides is told in its arguments, for tests of what is refused.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";

const settings = JSON.parse(readFileSync(process.env.TRAINING_SETTINGS, "utf8"));
const output = process.env.TRAINING_OUTPUT;
const wish = process.argv[2] ?? "";
if (wish === "environment") writeFileSync(join(output, "environment.json"), JSON.stringify(process.env));
if (wish === "hang") await new Promise((resolve) => setTimeout(resolve, 120_000));
if (wish === "flood") {
  for (let i = 0; ; i++) {
    writeFileSync(join(output, `flood-${i}`), Buffer.alloc(4_000_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
if (wish === "fail") {
  console.error("no such library: boost");
  process.exit(7);
}

const used = settings.features.filter(({ name }) =>
  ["click_rate_90d", "days_since_last_open", "variant"].includes(name),
);
const instance = await DuckDBInstance.create(":memory:");
const connection = await instance.connect();
const file = join(process.env.TRAINING_SNAPSHOT, settings.rows_file);
const names = [...used.map(({ name }) => name), ...settings.outcomes.map(({ column }) => column)];
const rows = (
  await connection.runAndReadAll(`select ${names.map((name) => `"${name}"`).join(", ")} from read_parquet('${file}')`)
).getRowObjects();
if (rows.length !== settings.rows) throw new Error("rows are missing");
const columns = used.map(({ name, type }) =>
  type === "number"
    ? { name, type }
    : { name, type, values: [...new Set(rows.map((row) => row[name]))].filter(Boolean).sort() },
);
const cell = (row, column) => {
  const value = row[column.name];
  if (column.type === "category") return 1 + column.values.indexOf(value);
  return value === null ? Number.NaN : Number(value);
};
const matrix = rows.map((row) => columns.map((column) => cell(row, column)));
const scale = columns.map(
  (_, i) => Math.max(...matrix.map((row) => (Number.isNaN(row[i]) ? 0 : Math.abs(row[i])))) || 1,
);

function learned(labels) {
  const weights = columns.map(() => 0);
  const rate = labels.reduce((sum, one) => sum + one, 0) / labels.length;
  let bias = Math.log(rate / (1 - rate));
  for (let step = 0; step < 300; step++) {
    const gradient = columns.map(() => 0);
    let onBias = 0;
    matrix.forEach((row, r) => {
      let sum = bias;
      for (let i = 0; i < weights.length; i++) sum += Number.isNaN(row[i]) ? 0 : (weights[i] * row[i]) / scale[i];
      const error = 1 / (1 + Math.exp(-sum)) - labels[r];
      onBias += error;
      for (let i = 0; i < weights.length; i++) gradient[i] += Number.isNaN(row[i]) ? 0 : (error * row[i]) / scale[i];
    });
    bias -= (4 * onBias) / rows.length;
    for (let i = 0; i < weights.length; i++) weights[i] -= (4 * gradient[i]) / rows.length;
  }
  return { weights: weights.map((weight, i) => weight / scale[i]), bias };
}

// Protocol Buffers by hand: https://protobuf.dev/programming-guides/encoding/ and onnx.proto3 of ONNX.
const varint = (n) => {
  const bytes = [];
  for (let left = n; ; left = Math.floor(left / 128)) {
    if (left < 128) return Buffer.from([...bytes, left]);
    bytes.push((left % 128) + 128);
  }
};
const number = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field, value) => {
  const body = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([varint(field * 8 + 2), varint(body.length), body]);
};
const message = (...parts) => Buffer.concat(parts);
const node = (type, inputs, out) =>
  bytes(1, message(...inputs.map((name) => bytes(1, name)), bytes(2, out), bytes(4, type)));
const tensor = (name, dims, values) => {
  const raw = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) raw.writeFloatLE(value, 4 * i);
  return bytes(5, message(...dims.map((dim) => number(1, dim)), number(2, 1), bytes(8, name), bytes(9, raw)));
};
const dim = (value) => bytes(1, typeof value === "string" ? bytes(2, value) : number(1, value));
const typed = (field, name, dims) =>
  bytes(field, message(bytes(1, name), bytes(2, bytes(1, message(number(1, 1), bytes(2, message(...dims.map(dim))))))));

function graph({ weights, bias }, width) {
  const body = message(
    node("IsNaN", ["features"], "unknown"),
    node("Where", ["unknown", "zero", "features"], "known"),
    node("MatMul", ["known", "weights"], "product"),
    node("Add", ["product", "bias"], "sum"),
    node(wish === "not-a-probability" ? "Identity" : "Sigmoid", ["sum"], "probability"),
    bytes(2, "logistic"),
    tensor("zero", [1], [0]),
    tensor("weights", [weights.length, 1], weights),
    tensor("bias", [1], [bias]),
    typed(11, "features", ["rows", width]),
    typed(12, "probability", ["rows", 1]),
  );
  return message(number(1, 8), bytes(7, body), bytes(8, message(bytes(1, ""), number(2, 13))));
}

const outcomes = {};
for (const { name, column } of settings.outcomes) {
  const labels = rows.map((row) => (row[column] ? 1 : 0));
  const positives = labels.reduce((sum, one) => sum + one, 0);
  if (positives < 20) {
    outcomes[name] = { probability: (positives + 0.5) / (rows.length + 1) };
    continue;
  }
  writeFileSync(join(output, `${name}.onnx`), graph(learned(labels), columns.length));
  outcomes[name] = {
    file: `${name}.onnx`,
    input: { name: "features", columns: wish === "other-width" ? columns.slice(1) : columns },
    output: { name: wish === "other-output" ? "score" : "probability", column: null },
  };
}
if (wish === "no-outcome") delete outcomes.click;
if (wish === "outside") outcomes.click.file = "../click.onnx";
if (wish === "broken") writeFileSync(join(output, "click.onnx"), "no graph");
const trainer = { name: "logistic", version: "1" };
writeFileSync(
  join(output, "manifest.json"),
  JSON.stringify({ format: "inboxloop-onnx/1", trainer, hyperparameters: { steps: 300 }, outcomes }),
);
