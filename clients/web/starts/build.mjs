// Builds the starts of ../README.md, each as a page of its own below a folder: node build.mjs FOLDER ADDRESS. The plain one is not built but
// laid beside the module; the others are Vite projects that import the package by its name.
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import vue from '@vitejs/plugin-vue'
import { build } from 'vite'

const [out, address] = process.argv.slice(2)
const here = import.meta.dirname
const readme = readFileSync(join(here, '../README.md'), 'utf8')
const block = (language) => readme.split(`\n\`\`\`${language}\n`)[1].split('\n```\n')[0].replaceAll('http://localhost:3000', address)

mkdirSync(join(out, 'plain'), { recursive: true })
writeFileSync(join(out, 'plain/index.html'), `<!doctype html>\n${block('html')}`)
copyFileSync(join(here, '../dist/wavepass.js'), join(out, 'plain/wavepass.js'))

const mount = { // what a new project of the framework has besides the component
  react: ["import './App.jsx'", 'App.jsx', 'jsx', []],
  vue: ["import { createApp } from 'vue'\nimport App from './App.vue'\ncreateApp(App).mount(document.body)", 'App.vue', 'vue', [vue()]],
  svelte: ["import { mount } from 'svelte'\nimport App from './App.svelte'\nmount(App, { target: document.body })", 'App.svelte', 'svelte', [svelte({ configFile: false })]],
}
for (const [name, [main, file, language, plugins]] of Object.entries(mount)) {
  const root = join(here, 'build', name) // below node_modules, so that packages are found
  mkdirSync(root, { recursive: true })
  writeFileSync(join(root, 'index.html'), '<!doctype html><title>start</title><body><script type=module src=main.js></script>')
  writeFileSync(join(root, 'main.js'), main)
  writeFileSync(join(root, file), block(language))
  await build({ root, base: './', configFile: false, logLevel: 'error', plugins, build: { outDir: join(out, name), emptyOutDir: true } })
}
rmSync(join(here, 'build'), { recursive: true })
