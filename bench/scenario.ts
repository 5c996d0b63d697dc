/** Where a scenario puts what it measured. */
export interface Report {
  /** One figure; the unit is the end of its name: "search.100k.p95_ms". */
  metric(name: string, value: number): void
  /** What the figure should be; a missed aim is shown, it does not stop the run. */
  aim(metric: string, op: '<=' | '>=', value: number): void
}

/** Under what a scenario runs. */
export interface Setting {
  /** Sizes so small that the figures mean nothing: only to see that the scenario still runs. */
  readonly quick: boolean
  /** Kept between runs, for what is expensive to make. Everything else belongs below `os.tmpdir()`, which is of this run only. */
  readonly cacheFolder: string
}

/** A scenario has a process of its own: the memory and the event loop it measures are its own. */
export interface Scenario {
  readonly name: string
  /** It honours `Setting.quick`; one that does not is left out of quick runs. */
  readonly hasQuick?: boolean
  run(report: Report, setting: Setting): Promise<void>
}
