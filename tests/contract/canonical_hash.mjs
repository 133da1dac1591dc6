// A second implementation of a document's hash, independent of ours: plain Node, no package.
// RFC 8785 is what JSON.stringify does to strings and numbers, with keys sorted by UTF-16 code units,
// which is what Array.prototype.sort does. Reads files of proto3 JSON (default values left out, proto
// field names), prints {"file": "sha256"}.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const members = Object.keys(value).sort();
    return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

const hashes = {};
for (const file of process.argv.slice(2)) {
  const text = canonical(JSON.parse(readFileSync(file, "utf8")));
  hashes[file] = createHash("sha256").update(text, "utf8").digest("hex");
}
process.stdout.write(JSON.stringify(hashes));
