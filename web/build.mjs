// Builds what the pages load into the folder that is given: style, script and icons, each under a name that holds a
// digest of its content, each also compressed. `manifest.txt` lists them: kind, name, media type, bytes compressed.
// Called by crates/dripline/build.rs.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const pages = join(here, "../crates/dripline");
const out = process.argv[2];
if (!out) {
  console.error("usage: node build.mjs FOLDER");
  process.exit(2);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

function style() {
  const file = join(out, "style.css");
  const args = ["-i", join(here, "src/app.css"), "-o", file, "--minify"];
  const run = spawnSync(join(here, "node_modules/.bin/tailwindcss"), args, { cwd: here, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`tailwindcss failed:\n${run.stderr || run.error}`);
  const text = readFileSync(file);
  rmSync(file);
  return text;
}

async function script() {
  const built = await build({
    entryPoints: [join(here, "src/app.ts")],
    bundle: true,
    minify: true,
    format: "iife",
    target: "es2022",
    legalComments: "none",
    write: false,
    logLevel: "warning",
  });
  return Buffer.from(built.outputFiles[0].contents);
}

function filesBelow(folder, ending) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

// Every icon that a template, a page or a script names, as symbols of one file. A name that the library lacks is an error here.
function icons() {
  const names = new Set();
  const sources = [
    [join(pages, "templates"), ".html", /\b(?:icon|empty)\("([a-z0-9-]+)"/g],
    [join(pages, "src/web"), ".rs", /\bIcon\("([a-z0-9-]+)"\)/g],
    [join(here, "src"), ".ts", /\bicon\("([a-z0-9-]+)"/g],
  ];
  for (const [folder, ending, pattern] of sources)
    for (const file of filesBelow(folder, ending))
      for (const found of readFileSync(file, "utf8").matchAll(pattern)) names.add(found[1]);
  const symbols = [...names].sort().map((name) => {
    const svg = readFileSync(join(here, "node_modules/lucide-static/icons", `${name}.svg`), "utf8");
    const inner = svg.replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "").replace(/\s+/g, " ").trim();
    return `<symbol id="${name}" viewBox="0 0 24 24">${inner}</symbol>`;
  });
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("")}</svg>`);
}

const made = [
  ["STYLE", "style", "css", "text/css; charset=utf-8", style()],
  ["SCRIPT", "script", "js", "text/javascript; charset=utf-8", await script()],
  ["ICONS", "icons", "svg", "image/svg+xml", icons()],
  ["MARK", "mark", "svg", "image/svg+xml", readFileSync(join(here, "src/mark.svg"))],
];
const lines = made.map(([kind, stem, ending, type, content]) => {
  const name = `${stem}-${createHash("sha256").update(content).digest("hex").slice(0, 12)}.${ending}`;
  const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length } };
  const brotli = brotliCompressSync(content, quality);
  writeFileSync(join(out, name), content);
  writeFileSync(join(out, `${name}.br`), brotli);
  writeFileSync(join(out, `${name}.gz`), gzipSync(content, { level: 9 }));
  return [kind, name, type, brotli.length].join("\t");
});
writeFileSync(join(out, "manifest.txt"), `${lines.join("\n")}\n`);
