#!/usr/bin/env node
// Plain CommonJS without imports: even a Node that can run nothing else of this program can read it and say so.
{
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major >= 24) {
    const { existsSync } = process.getBuiltinModule('node:fs')
    const source = `${__dirname}/../src/run.ts`
    import(existsSync(source) ? source : `${__dirname}/../dist/src/run.js`)
  } else {
    process.stderr.write(
      `soundledger needs Node.js 24 or newer; this is ${process.version} (in a checkout, npm start and npx bring their own)\n`,
    )
    process.exitCode = 1
  }
}
