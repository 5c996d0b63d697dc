/**
 * An inference process whose "webgpu" is the CPU in disguise, always fast in the probe. It dies when it is asked for what the
 * environment variable names: `probe`, or `run` with a model on "webgpu".
 */
import type { Reply, Request } from '../../src/embedding/messages.ts'

let disguised = false
let asked: string | null = null

process.on('message', (message: Request) => {
  asked = message.name
  const { request } = message
  if (request !== null && 'provider' in request && request.provider === 'webgpu') {
    disguised = true
    Object.assign(request, { provider: 'cpu' })
  }
  if (disguised && message.name === process.env.SOUNDLEDGER_TEST_FAULT) process.kill(process.pid, 'SIGKILL')
})

const send = process.send?.bind(process)
process.send = (reply: Reply) => {
  if (asked === 'probe' && reply.ok) {
    Object.assign(reply.value ?? {}, { milliseconds: 10, cpuMilliseconds: 100 })
  }
  return send?.(reply) ?? false
}

await import('../../src/embedding/inference-child.ts')
