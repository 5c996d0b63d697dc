import { describe, it, type TestContext } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { NavidromeWriter } from '../../support/navidrome.ts'
import type { Mirror } from './mirror.ts'
import { pickOperation } from './operations.ts'
import { seeded } from './random.ts'
import { library } from './setting.ts'

const STEPS = Number(process.env.PAGES_STEPS ?? 300)
const SEED = Number(process.env.PAGES_SEED ?? Math.floor(Math.random() * 2 ** 31))

/** Some hundred rows from narrow to wide, so that the tree has several levels. */
async function fill(writer: NavidromeWriter): Promise<void> {
  await writer.exec(`
    with recursive n (i) as (select 1 union all select i + 1 from n where i < 700)
    insert into media_file (rowid, id, path, title, library_id, lyrics, tags)
    select i * 3, printf('id%020d', i), printf('album %d/%d.flac', i / 10, i), printf('title%03d', i), 2,
      case when i % 9 = 0 then printf('%.*c', 1500, 'l') else '[]' end, printf('{"x":"%.*c"}', 100 * (i % 5), 't')
    from n`)
}

function report(t: TestContext, mirror: Mirror): void {
  const { full, ...counts } = mirror.hints.statistics
  t.diagnostic(JSON.stringify({ ...counts, rowsRead: mirror.rowsRead, rows: mirror.size }))
  t.diagnostic(JSON.stringify(Object.fromEntries(full)))
}

describe('change hints', () => {
  for (const pageSize of [512, 1024, 4096]) {
    it(`miss nothing that transactions change in pages of ${pageSize} bytes`, async (t) => {
      t.diagnostic(`seed ${SEED}`)
      const random = seeded(SEED + pageSize)
      const { writer, mirror } = await library(t, pageSize, fill)
      const plays = { all: 0, irrelevant: 0 }
      for (let step = 0; step < STEPS; step += 1) {
        const names: string[] = []
        for (let left = random.below(4) === 0 ? 3 : 1; left > 0; left -= 1) {
          const operation = pickOperation(random)
          names.push(operation.name)
          await operation.run(writer, random)
        }
        const { kind } = mirror.follow()
        mirror.assertTrue(`step ${step}: ${names.join(', ')} (${kind})`)
        if (names.every((name) => name === 'play')) {
          plays.all += 1
          if (kind === 'irrelevant') plays.irrelevant += 1
        }
      }
      report(t, mirror)
      t.diagnostic(`${plays.irrelevant} of ${plays.all} plays were irrelevant`)
    })
  }

  it('end with the truth when they are asked while transactions are committed', async (t) => {
    t.diagnostic(`seed ${SEED}`)
    const random = seeded(SEED)
    const { writer, mirror } = await library(t, 1024, fill)
    for (let round = 0; round < STEPS / 10; round += 1) {
      let running = 12
      const done = Array.from({ length: running }, () =>
        pickOperation(random)
          .run(writer, random)
          .then(() => {
            running -= 1
          }),
      )
      while (running > 0) {
        mirror.follow()
        await setImmediate()
      }
      await Promise.all(done)
      mirror.follow()
      mirror.assertTrue(`round ${round}`)
    }
    report(t, mirror)
  })
})
