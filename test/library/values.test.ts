import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseGoTime } from '../../src/library/go-time.ts'
import { cleanText, isMissing } from '../../src/library/navidrome-row.ts'
import { pathMapper, serverPath } from '../../src/library/path-map.ts'

describe('a path mapping', () => {
  const map = pathMapper([
    { from: '/music', to: '/mnt/a' },
    { from: '/music/classical/', to: '/mnt/b/' },
    { from: '/data', to: '/' },
    { from: './relative', to: '/mnt/c' },
  ])

  it('takes the longest matching folder, whatever the order', () => {
    assert.equal(map('/music/x.mp3'), '/mnt/a/x.mp3')
    assert.equal(map('/music/classical/x.mp3'), '/mnt/b/x.mp3')
    assert.equal(map('/music'), '/mnt/a')
    assert.equal(map('/data/x.mp3'), '/x.mp3')
    assert.equal(map('./relative/x.mp3'), '/mnt/c/x.mp3')
  })

  it('leaves a path alone that only begins with the same letters', () => {
    assert.equal(map('/music2/x.mp3'), '/music2/x.mp3')
    assert.equal(map('/music/classical2/x.mp3'), '/mnt/a/classical2/x.mp3')
  })

  it('of everything keeps what follows the folder', () => {
    const all = pathMapper([{ from: '/', to: '/host' }])
    assert.equal(all('/music/x.mp3'), '/host/music/x.mp3')
  })
})

describe('the path of a row', () => {
  it('is relative to its library since 0.55 and absolute before', () => {
    assert.deepEqual(serverPath('/music/', 'a/b.mp3'), { path: '/music/a/b.mp3', escapes: false })
    assert.deepEqual(serverPath('/music', '/music/a/b.mp3'), { path: '/music/a/b.mp3', escapes: false })
    assert.deepEqual(serverPath('/', 'a/b.mp3'), { path: '/a/b.mp3', escapes: false })
    assert.deepEqual(serverPath('./music', 'a/b.mp3'), { path: './music/a/b.mp3', escapes: false })
  })

  it('is told when it leads out of its library', () => {
    for (const path of ['../x.mp3', 'a/../../x.mp3', '..', '/etc/passwd', '/music2/x.mp3', '/music/../x.mp3'])
      assert.equal(serverPath('/music', path).escapes, true, path)
    for (const path of ['a/../x.mp3', '..x/y.mp3', 'a/..b.mp3', '/music/a/../x.mp3'])
      assert.equal(serverPath('/music', path).escapes, false, path)
  })
})

describe('a timestamp of Go', () => {
  it('is read with its offset and its trimmed fraction', () => {
    const noon = Date.parse('2026-03-04T12:00:00Z')
    assert.equal(parseGoTime('2026-03-04 12:00:00+00:00'), noon)
    assert.equal(parseGoTime('2026-03-04 14:00:00.5+02:00'), noon + 500)
    assert.equal(parseGoTime('2026-03-04T12:00:00.123456789Z'), noon + 123)
    assert.equal(parseGoTime('2026-03-04 12:00:00'), noon)
    assert.equal(parseGoTime('2026-03-04 07:00:00.000000001 -0500 EST m=+0.1'), noon)
  })

  it('is null for zero values and for what is no time', () => {
    const zeros = [
      '0001-01-01 00:00:00+00:00',
      '0001-01-01T00:00:00Z',
      '0000-00-00 00:00:00',
      '',
      'soon',
      null,
      0,
      '2026-13-40 00:00:00',
    ]
    for (const zero of zeros) assert.equal(parseGoTime(zero), null, String(zero))
  })
})

describe('a text from the database', () => {
  it('never holds control characters, is never too long and always well-formed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const clean = cleanText(text)
        return clean.length <= 512 && clean.isWellFormed() && !/\p{Cc}/u.test(clean)
      }),
    )
  })

  it('is made of whatever is there', () => {
    assert.equal(cleanText(null), '')
    assert.equal(cleanText(1984), '1984')
    assert.equal(cleanText(Buffer.from('Björk')), 'Björk')
    assert.equal(cleanText('a\u{0}b\u{7f}\n c'), 'ab c')
  })

  it('calls a track missing only where it says so', () => {
    assert.deepEqual([1, '1', 'true', 1n].map(isMissing), [true, true, true, true])
    assert.deepEqual([0, '0', 'false', '', null, undefined].map(isMissing), [
      false,
      false,
      false,
      false,
      false,
      false,
    ])
  })
})
