import { describeOnBoth, testStatements } from "./describe-on-both.ts";

const sql = String.raw;
const letters = [..."AaBbCcDdeFfGgHhIiJjKklMmNnOoPpQqRrSsTtUuVvWwXxYyZz%+*~"];
const inSql = (texts: readonly string[]): string => `[${texts.map((text) => `'${text}'`).join(", ")}]`;

const times = {
  date: sql`date '2005-06-04'`,
  datetime: sql`datetime '2005-06-04 03:05:07.008009'`,
  timestamp: sql`timestamp '2005-06-04 21:05:07.008+00'`,
  time: sql`time '15:05:07.5'`,
};

/** Every letter behind these, in a text of every type; in one statement for each, since the reference takes its time. */
const prefixes = [
  "",
  "-",
  "_",
  "0",
  "^",
  "#",
  "5",
  "12",
  "05",
  "_9",
  "-9",
  "^12",
  "#^",
  "E",
  "O",
  "-O",
  "_E",
  "5E",
  "^O",
  "+",
  "EO",
  "-5E",
  ":",
  "::",
  "E*",
];
const elements = (prefix: string): readonly string[] =>
  letters.filter((letter) => !(letter === "J" && prefix === "")).map((letter) => `${prefix}${letter}`);

describeOnBoth("elements of formats of times", (both) => {
  testStatements(
    both,
    Object.fromEntries(
      Object.entries(times).map(([kind, time]) => [
        `when a ${kind} is written by an element with any flag, width or modifier, it is as C writes it, or stands there`,
        prefixes.map(
          (prefix) =>
            sql`select f, format_${kind}(concat('<%', f, '>'), ${time}) from unnest(${inSql(elements(prefix))}) f order by f`,
        ),
      ]),
    ),
  );
  testStatements(both, {
    "when a format ends within an element, what there is of it stands there": [
      sql`select f, format_date(f, date '2024-03-05') from unnest(['%', '%-', 'a%5', '%E', '%_5E', '%%%', '%O', '%^#', '']) f order by f`,
    ],
    "when people write days and months without a zero, there is none": [
      sql`select format_date('%-d. %-m. %Y', date '2024-03-05'), format_date('%B %-d, %Y', date '2024-11-15'), format_timestamp('%-I:%M %p', timestamp '2024-03-05 15:04:00+00')`,
    ],
    "when a year is short, long or before the first thousand, it is filled as asked": [
      sql`select f, d, format_date(concat('<%', f, '>'), d) from unnest(['Y', '5Y', '_5Y', '04Y', '-y', 'y', '-g', 'C', '3C', 'E4Y', 'F', '12F', '012F', '-j', '4j', '15c', '010D', '9x']) f,
        unnest([date '0007-01-02', '0987-10-11', '9999-12-31']) d order by f, d`,
    ],
    "when an instant is of a zone, its name and offset are filled like others": [
      sql`select f, z, format_timestamp(concat('<%', f, '>'), timestamp '2024-07-01 12:00:00+00', z) from unnest(['-z', '_z', '7z', '07z', '^Z', '#Z', '9Z', '09Z', 'Ez', 'Z', 'z', ':z']) f,
        unnest(['America/New_York', 'Asia/Kolkata', 'UTC']) z order by f, z`,
    ],
  });
});
