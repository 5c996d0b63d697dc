import { makeDemoLibrary, serveDemoWorker } from './library.ts'

const [argument = 'demo'] = process.argv.slice(2)

if (argument === '--worker') serveDemoWorker()
else await makeFromTerminal(argument)

async function makeFromTerminal(folder: string): Promise<void> {
  const { tracks, musicFolder, created } = await makeDemoLibrary(folder, {
    onProgress: (done, total, what) => process.stdout.write(`${done}/${total} ${what}\n`),
  })
  process.stdout.write(`${musicFolder}: ${tracks.length} files${created ? '' : ', already complete'}\n`)
}
