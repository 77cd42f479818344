// Writes the table of ../README.md: node compare.mjs. Each client is bundled alone, by the same bundler with the same settings, as far as a page
// uses it (clients.mjs). --check only looks at the sizes, and needs no browser.
import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { clients } from './clients.mjs'
import { restoredTabs } from './tabs.mjs'

const here = import.meta.dirname
async function size(contents) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: here }, bundle: true, minify: true, write: false, format: 'esm', platform: 'browser', target: 'es2022',
    define: { 'process.env.NODE_ENV': '"production"' }, logLevel: 'error',
  })
  return gzipSync(outputFiles[0].contents, { level: 9 }).length
}

const manifest = (name, from) => {
  for (const folder of createRequire(join(from, 'x.js')).resolve.paths(name)) {
    try {
      return [JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')), join(folder, name)]
    } catch {}
  }
  throw new Error(`${name} is not installed`)
}

/** The packages that come with a package: all that it depends on, and that those depend on. */
function dependencies(name, from, found = new Set()) {
  const [{ dependencies: own = {} }, at] = manifest(name, from)
  for (const next of Object.keys(own)) {
    if (found.has(next)) continue
    found.add(next)
    dependencies(next, at, found)
  }
  return found
}

const sizes = (row) => `| ${row.name} ${row.version} | ${row.size.toLocaleString('en')} | ${row.dependencies} |`

const rows = []
for (const [name, { use }] of Object.entries(clients)) {
  rows.push({ name, version: manifest(name, here)[0].version, size: await size(use), dependencies: dependencies(name, here).size })
}
const [own, ...others] = rows
const smallest = Math.min(...others.map((row) => row.size))
if (own.size * 3 > smallest) throw new Error(`${own.size} bytes are more than a third of the smallest peer's ${smallest}`)

const path = join(here, '../README.md')
const readme = readFileSync(path, 'utf8')
if (process.argv.includes('--check')) {
  for (const row of rows.map(sizes)) {
    if (!readme.includes(row)) throw new Error(`README.md has no row "${row}": npm run compare`)
  }
} else {
  const tabs = await restoredTabs()
  const table = [
    '| package | bytes, minified and gzipped | packages that it brings | refreshes of ten restored tabs | left in storage |', '|---|---|---|---|---|',
    ...rows.map((row) => `${sizes(row)} ${tabs[row.name].refreshes} | ${tabs[row.name].stores} |`),
  ].join('\n')
  const notes = Object.entries(clients).filter(([, client]) => client.how).map(([name, { how }]) => `${name} ${how}`).join('; ')
  const [before, rest] = readme.split('<!-- compare -->\n')
  writeFileSync(path, `${before}<!-- compare -->\n${table}\n\n${notes}.\n<!-- /compare -->${rest.split('<!-- /compare -->')[1]}`)
}
console.log(rows.map(sizes).join('\n'))
