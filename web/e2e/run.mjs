// node run.mjs SCENARIO '{"chromium": ..., "url": ..., ...}' -> one JSON line on stdout

import * as measurements from "./measure.mjs";
import * as scenarios from "./scenarios.mjs";
import * as troubles from "./trouble.mjs";

const [name, text] = process.argv.slice(2);
const result = await { ...scenarios, ...troubles, ...measurements }[name](JSON.parse(text));
console.log(JSON.stringify(result));
