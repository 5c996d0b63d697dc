import type { Scenario } from '../scenario.ts'

/** Every scenario; a module is loaded only where it runs, so that its memory is not another one's. */
export const SCENARIOS: Readonly<Record<string, () => Promise<Scenario>>> = {
  embed: async () => (await import('../embed.ts')).embed,
  fingerprint: async () => (await import('../fingerprint.ts')).fingerprint,
  diff: async () => (await import('../diff.ts')).diff,
  'capture-irrelevant': async () => (await import('../capture.ts')).captureIrrelevant,
  'capture-rows': async () => (await import('../capture.ts')).captureRows,
  idle: async () => (await import('../capture.ts')).idle,
  latency: async () => (await import('../latency.ts')).latency,
  burst: async () => (await import('../burst.ts')).burst,
  'id-rewrite': async () => (await import('../id-rewrite.ts')).idRewrite,
  search: async () => (await import('../search.ts')).search,
}
