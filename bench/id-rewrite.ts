import type { Scenario } from './scenario.ts'
import { type KnownLibrary, withKnownLibrary } from './support/known-library.ts'
import { runPart } from './support/part.ts'
import type { RewriteOutput } from './support/rewrite-part.ts'

/** A server's migration gives 100,000 tracks new ids: how long until every row of the store carries its new one. */
export const idRewrite: Scenario = {
  name: 'id-rewrite',
  hasQuick: true,
  async run(report, { quick }) {
    await withKnownLibrary(quick ? 500 : 100_000, async (library) => {
      const output = await runPart<KnownLibrary, RewriteOutput>('rewrite-part.ts', library)
      report.metric('id-rewrite.s', output.seconds)
      report.metric('id-rewrite.decoded', output.decoded)
      report.metric('id-rewrite.embedded', output.embedded)
      report.metric('id-rewrite.rows_rewritten', output.rewritten)
      report.aim('id-rewrite.s', '<=', 60)
      report.aim('id-rewrite.decoded', '<=', 0)
      report.aim('id-rewrite.embedded', '<=', 0)
      report.aim('id-rewrite.rows_rewritten', '>=', library.tracks)
    })
  },
}
