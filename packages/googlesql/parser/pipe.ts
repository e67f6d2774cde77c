import type {
  PipeAggregateItem,
  PipeIfCase,
  PipeOperator,
  PipeRenameItem,
  PipeSetItem,
  Query,
  SelectItem,
  TableExpression,
} from "../ast.ts";
import type { Cursor } from "./cursor.ts";
import { parseExpression } from "./expression.ts";
import { parseCondition, parseJoinOperator, parseTable, parseTableFunctionCall } from "./from.ts";
import { parseGroupingOrder, parsePipeGroupBy } from "./group-by.ts";
import { parseAlias, parseHint } from "./names.ts";
import { parseSubquery } from "./primary.ts";
import {
  atEndOfPipeOperator,
  atSetOperation,
  parseLimit,
  parseOrderBy,
  parseSetOperator,
  parseWithClause,
} from "./query.ts";
import { parseSelectHead, parseSelectItems, parseWindows } from "./select.ts";
import { parsePivot, parseSample, parseUnpivot } from "./table-operators.ts";

/** `|> OPERATOR ...` */
export function parsePipeOperator(p: Cursor): PipeOperator {
  const start = p.start;
  p.expect("|>");
  if (atSetOperation(p)) return parsePipeSetOperation(p, start);
  const join = parseJoinOperator(p, false);
  if (join !== undefined) return parsePipeJoin(p, start, join);
  switch (p.token.word) {
    case "SELECT": {
      const { privacy, ...head } = parseSelectHead(p);
      if (privacy) p.refuse("DIFFERENTIAL_PRIVACY in a pipe", privacy.span.start);
      return { kind: "pipe-select", ...head, windows: parsePipeWindows(p), span: p.spanFrom(start) };
    }
    case "EXTEND": {
      p.advance();
      const items = parsePipeItems(p);
      return { kind: "pipe-extend", items, windows: parsePipeWindows(p), span: p.spanFrom(start) };
    }
    case "WINDOW":
      p.advance();
      return { kind: "pipe-window", items: parsePipeItems(p), span: p.spanFrom(start) };
    case "SET":
      p.advance();
      return { kind: "pipe-set", items: pipeList(p, parseSetItem), span: p.spanFrom(start) };
    case "DROP":
      p.advance();
      return { kind: "pipe-drop", columns: pipeList(p, (q) => columnAlone(q, "DROP")), span: p.spanFrom(start) };
    case "RENAME":
      p.advance();
      return { kind: "pipe-rename", items: pipeList(p, parseRenameItem), span: p.spanFrom(start) };
    case "AS":
      p.advance();
      return { kind: "pipe-as", alias: p.identifier("an alias"), span: p.spanFrom(start) };
    case "WHERE":
      p.advance();
      return { kind: "pipe-where", condition: parseExpression(p), span: p.spanFrom(start) };
    case "AGGREGATE":
      return parsePipeAggregate(p, start);
    case "ORDER":
      return { kind: "pipe-order-by", items: parseOrderBy(p, true), span: p.spanFrom(start) };
    case "LIMIT":
      return { kind: "pipe-limit", limit: parseLimit(p), span: p.spanFrom(start) };
    case "CALL": {
      p.advance();
      const call = parseTableFunctionCall(p);
      return { kind: "pipe-call", ...call, alias: parseAlias(p), span: p.spanFrom(start) };
    }
    case "DISTINCT":
      p.advance();
      return { kind: "pipe-distinct", span: p.spanFrom(start) };
    case "PIVOT":
      return { kind: "pipe-pivot", pivot: parsePivot(p), alias: parseAlias(p), span: p.spanFrom(start) };
    case "UNPIVOT":
      return { kind: "pipe-unpivot", unpivot: parseUnpivot(p), alias: parseAlias(p), span: p.spanFrom(start) };
    case "TABLESAMPLE":
      return { kind: "pipe-sample", sample: parseSample(p), span: p.spanFrom(start) };
    case "WITH": {
      const clause = parseWithClause(p, true);
      return { kind: "pipe-with", with: clause, span: p.spanFrom(start) };
    }
    case "ASSERT": {
      p.advance();
      const [condition, ...payload] = pipeList(p, parseExpression);
      return { kind: "pipe-assert", condition: condition!, payload, span: p.spanFrom(start) };
    }
    case "IF":
      return parsePipeIf(p, start);
    case "GROUP":
      return p.fail("GROUP BY should be part of a pipe AGGREGATE operator, without a leading pipe symbol");
    default:
      if (unsupportedOperators.has(p.token.word)) p.refuse(`The pipe operator ${p.token.word}`);
      return p.failExpected("a pipe operator, such as SELECT");
  }
}

const unsupportedOperators = new Set(
  `FORK TEE LOG DESCRIBE STATIC_DESCRIBE EXPORT CREATE INSERT MATCH_RECOGNIZE RECURSIVE FINISH ALIGN`.split(" "),
);

function parsePipeIf(p: Cursor, start: number): PipeOperator {
  p.expect("IF");
  const hint = parseHint(p);
  if (hint) p.refuse("A hint on IF", hint.span.start);
  const cases: PipeIfCase[] = [];
  do {
    const at = p.start;
    const condition = parseExpression(p);
    p.expect("THEN");
    cases.push({ kind: "pipe-if-case", condition, pipes: parseSubpipe(p), span: p.spanFrom(at) });
  } while (p.accept("ELSEIF"));
  const otherwise = p.accept("ELSE") ? parseSubpipe(p) : [];
  return { kind: "pipe-if", cases, otherwise, span: p.spanFrom(start) };
}

/** `( |> operator ... )` */
function parseSubpipe(p: Cursor): PipeOperator[] {
  return p.nested(() => {
    const pipes: PipeOperator[] = [];
    p.expect("(");
    while (p.at("|>")) pipes.push(parsePipeOperator(p));
    p.expect(")");
    return pipes;
  });
}

function pipeList<T>(p: Cursor, parse: (p: Cursor) => T): T[] {
  const items = [parse(p)];
  while (p.accept(",")) {
    if (atEndOfPipeOperator(p)) break;
    items.push(parse(p));
  }
  return items;
}

function parsePipeItems(p: Cursor): SelectItem[] {
  return parseSelectItems(p, false);
}

function parsePipeWindows(p: Cursor) {
  return p.at("WINDOW") ? parseWindows(p, true) : [];
}

function columnAlone(p: Cursor, operator: string) {
  const name = p.identifier("the name of a column");
  if (p.at(".")) p.fail(`Pipe ${operator} takes columns by name alone`, name.span.start);
  return name;
}

function parseSetItem(p: Cursor): PipeSetItem {
  const start = p.start;
  const column = columnAlone(p, "SET");
  p.expect("=");
  const value = parseExpression(p);
  return { kind: "pipe-set-item", column, value, span: p.spanFrom(start) };
}

function parseRenameItem(p: Cursor): PipeRenameItem {
  const start = p.start;
  const from = columnAlone(p, "RENAME");
  p.accept("AS");
  const to = columnAlone(p, "RENAME");
  return { kind: "pipe-rename-item", from, to, span: p.spanFrom(start) };
}

function parsePipeAggregate(p: Cursor, start: number): PipeOperator {
  p.expect("AGGREGATE");
  const hint = parseHint(p);
  if (p.at("WITH") && p.peek(1).word !== "(") p.refuse(`AGGREGATE WITH ${p.peek(1).word}`);
  const items: PipeAggregateItem[] = [];
  if (!p.at("GROUP") && !atEndOfPipeOperator(p)) {
    do items.push(parseAggregateItem(p));
    while (p.accept(",") && !p.at("GROUP") && !atEndOfPipeOperator(p));
  }
  const { groupBy, groupAndOrder } = p.at("GROUP") ? parsePipeGroupBy(p) : { groupBy: undefined, groupAndOrder: false };
  if (items.length === 0 && groupBy === undefined) p.failExpected("an aggregate or GROUP BY");
  return { kind: "pipe-aggregate", items, groupBy, groupAndOrder, hint, span: p.spanFrom(start) };
}

function parseAggregateItem(p: Cursor): PipeAggregateItem {
  const start = p.start;
  const expression = parseExpression(p);
  if (p.at(".", "*")) p.refuse("A star in AGGREGATE");
  const alias = parseAlias(p);
  const order = parseGroupingOrder(p, false);
  return { kind: "pipe-aggregate-item", expression, alias, order, span: p.spanFrom(start) };
}

function parsePipeJoin(p: Cursor, start: number, operator: ReturnType<typeof parseJoinOperator>): PipeOperator {
  const hint = parseHint(p);
  const right: TableExpression = parseTable(p);
  const conditional = operator !== "cross" && p.atAny("ON", "USING");
  const condition = conditional ? parseCondition(p) : undefined;
  if (operator === undefined || operator === "comma") return p.failUnexpected();
  return { kind: "pipe-join", operator, right, condition, hint, span: p.spanFrom(start) };
}

function parsePipeSetOperation(p: Cursor, start: number): PipeOperator {
  const { operator, quantifier, matching } = parseSetOperator(p);
  const inputs: Query[] = pipeList(p, parseSubquery);
  return { kind: "pipe-set-operation", operator, quantifier, matching, inputs, span: p.spanFrom(start) };
}
