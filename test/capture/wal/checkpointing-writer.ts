import Database from 'better-sqlite3'
import { insert, rolledBackSpill } from './written.ts'

/** A process that commits, rolls back and checkpoints as fast as it can, then says so and goes. */
const [path] = process.argv.slice(2)
const connection = new Database(path)
connection.pragma('synchronous = off')
connection.pragma('wal_autocheckpoint = 100')
insert(connection, 150, 900)
for (let round = 0; round < 400; round += 1) {
  insert(connection, 1 + (round % 20), 300)
  connection.prepare('delete from t where id % 5 = ?').run(round % 5)
  if (round % 50 === 0) rolledBackSpill(connection, 30)
}
connection.close()
process.send?.('done')
process.disconnect?.()
