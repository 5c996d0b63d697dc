import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Inspection } from '../core/audio.ts'
import { errorCode, TransientError, toWire } from '../core/errors.ts'
import { sameFile } from '../core/track.ts'
import { decodeAudio } from './decode.ts'
import { causeFault } from './faults.ts'
import { fingerprintAudio } from './fingerprint.ts'
import type { GuardLimits } from './guard.ts'
import {
  type Answer,
  type DecodeAnswer,
  type DecodeRequest,
  type Fault,
  type InspectRequest,
  REPORT_DESCRIPTOR,
  type Request,
} from './messages.ts'
import { statRegularFile } from './regular-file.ts'
import { readTags } from './tags.ts'

/*
 * Entry point of an audio child process: answers one request after the other. It dies with its parent, by the guard
 * thread while it is busy and by 'disconnect' while it is idle. Signals that a terminal or a service manager sends to
 * the whole group are left to the parent, which drains first.
 */

function main(parentPid: number, rssLimitBytes: number, faults: boolean): void {
  const limits: GuardLimits = { parentPid, rssLimitBytes, reportDescriptor: REPORT_DESCRIPTOR }
  const guard = new Worker(new URL(`./guard${extname(import.meta.filename)}`, import.meta.url), {
    workerData: limits,
    execArgv: [],
  })
  guard.unref()
  process.on('SIGINT', () => undefined)
  process.on('SIGTERM', () => undefined)
  process.on('disconnect', () => process.exit(0))
  process.on('message', async (request: Request) => {
    process.send?.(await answer(request, faults ? request.fault : undefined))
  })
}

async function answer(request: Request, fault: Fault | undefined): Promise<Answer> {
  let sizeBytes = 0
  try {
    const before = statRegularFile(request.path)
    sizeBytes = before.sizeBytes
    if (request.kind === 'decode' && !sameFile(before, request.expected))
      throw changed(request, 'since it was inspected')
    if (fault !== undefined) causeFault(fault, request.path)
    const value = request.kind === 'inspect' ? await inspect(request, before) : decode(request)
    if (!sameFile(before, statRegularFile(request.path))) throw changed(request, 'while being read')
    return { ok: true, value, sizeBytes, rssBytes: process.memoryUsage.rss() }
  } catch (error) {
    const wire = toWire(error, `${request.kind} audio`, request.path)
    return { ok: false, error: wire, sizeBytes, rssBytes: process.memoryUsage.rss() }
  }
}

async function inspect(request: InspectRequest, file: Inspection['file']): Promise<Inspection> {
  const { fingerprint, durationSeconds, codec } = fingerprintAudio(request.path)
  const attributes = request.tags ? await tagsOf(request.path, durationSeconds) : null
  return { file, fingerprint, durationSeconds, codec, attributes }
}

async function tagsOf(path: string, durationSeconds: number): Promise<Inspection['attributes']> {
  try {
    return await readTags(path, durationSeconds)
  } catch (error) {
    const message = `${errorCode(error)} while reading tags`
    throw new TransientError({ operation: 'read tags', subject: path, message, cause: error })
  }
}

function decode(request: DecodeRequest): DecodeAnswer {
  const { durationSeconds, outputs, corruptPackets } = decodeAudio(request.path, request)
  return { durationSeconds, outputs, corruptPackets }
}

function changed(request: Request, when: string): TransientError {
  return new TransientError({
    operation: `${request.kind} audio`,
    subject: request.path,
    message: `file changed ${when}`,
  })
}

const [parentPid, rssLimitBytes, faults] = process.argv.slice(2)
main(Number(parentPid), Number(rssLimitBytes), faults === '--faults')
