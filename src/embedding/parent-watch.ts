import { Socket } from 'node:net'
import { workerData } from 'node:worker_threads'

/**
 * Runs in a thread of the inference process. The parent holds the other end of this pipe and never writes: when it closes, the
 * parent is gone, however it went. A run may block the main thread for as long as it likes, so the main thread cannot
 * notice, nor could it leave; the signal ends the process with the run.
 */
const pipe = new Socket({ fd: workerData, readable: true, writable: false })
pipe.on('close', () => process.kill(process.pid, 'SIGKILL'))
pipe.on('error', () => pipe.destroy())
pipe.resume()
