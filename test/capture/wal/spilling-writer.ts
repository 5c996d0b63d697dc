import Database from 'better-sqlite3'
import { beginSpill } from './written.ts'

/** A process that leaves a big transaction open and says so; its parent kills it. */
const [path] = process.argv.slice(2)
const connection = new Database(path)
connection.pragma('wal_autocheckpoint = 0')
beginSpill(connection)
process.send?.('spilled')
setInterval(() => connection.inTransaction, 60_000)
