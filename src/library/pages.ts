export const DEFAULT_PAGE_SIZE = 1000

/** Throws RangeError for anything but a positive integer: a mistake of the caller. */
export function checkedPageSize(pageSize: number = DEFAULT_PAGE_SIZE): number {
  if (Number.isSafeInteger(pageSize) && pageSize > 0) return pageSize
  throw new RangeError(`pageSize must be a positive integer, got ${pageSize}`)
}

/** Groups items into arrays of `size`; the last may be shorter, none is empty. */
export function* inPages<T>(items: Iterable<T>, size: number): Generator<T[], void> {
  let page: T[] = []
  for (const item of items) {
    page.push(item)
    if (page.length < size) continue
    yield page
    page = []
  }
  if (page.length > 0) yield page
}
