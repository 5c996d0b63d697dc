/** Where a scenario puts what it measured. */
export interface Report {
  /** One figure; the unit is the end of its name: "search.100k.p95_ms". */
  metric(name: string, value: number): void
  /** What the figure should be; a missed aim is shown, it does not stop the run. */
  aim(metric: string, op: '<=' | '>=', value: number): void
}

export interface Scenario {
  readonly name: string
  run(report: Report): Promise<void>
}
