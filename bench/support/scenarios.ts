import type { Scenario } from '../scenario.ts'

/** Every scenario; a module is loaded only where it runs, so that its memory is not another one's. */
export const SCENARIOS: Readonly<Record<string, () => Promise<Scenario>>> = {
  embed: async () => (await import('../embed.ts')).embed,
  fingerprint: async () => (await import('../fingerprint.ts')).fingerprint,
  diff: async () => (await import('../diff.ts')).diff,
  search: async () => (await import('../search.ts')).search,
}
