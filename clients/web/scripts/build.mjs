// Writes dist/: the client as one minified module, and its types. With --check it only says whether dist/ is what this would write.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const LIMIT = 4096 // bytes, gzipped

/** Names that the parts of the client use among themselves, which are shortened: none that pages, browsers, the server or other tabs know. */
const INSIDE = /^(held|known|turns|renewing|peers|hold|holds|steady|wall|alone|renew|due|life)$/

const root = new URL('..', import.meta.url).pathname
const out = mkdtempSync(join(tmpdir(), 'wavepass-web-'))
process.on('exit', () => rmSync(out, { recursive: true }))

await build({
  entryPoints: [join(root, 'src/wavepass.ts')],
  outfile: join(out, 'wavepass.js'),
  bundle: true, minify: true, format: 'esm', target: 'es2021', mangleProps: INSIDE,
  banner: { js: '// @wavepass/web, Apache-2.0. The source is in clients/web/src.' },
})
execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', root, '--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--outDir', out], { stdio: 'inherit' })

const size = gzipSync(readFileSync(join(out, 'wavepass.js')), { level: 9 }).length
if (size > LIMIT) throw new Error(`wavepass.js has ${size} bytes gzipped, at most ${LIMIT} are allowed`)
console.log(`wavepass.js: ${size} bytes gzipped, of ${LIMIT}`)

for (const file of ['wavepass.js', 'wavepass.d.ts', 'types.d.ts']) {
  const made = readFileSync(join(out, file), 'utf8')
  const path = join(root, 'dist', file)
  if (!process.argv.includes('--check')) writeFileSync(path, made)
  else if (readFileSync(path, 'utf8') !== made) throw new Error(`dist/${file} is not what the source makes: npm run build`)
}
