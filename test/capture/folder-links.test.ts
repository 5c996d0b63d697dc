import assert from 'node:assert/strict'
import { mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FolderLinks } from '../../src/capture/folder-links.ts'
import { temporaryFolder, write } from './folder-given.ts'

describe('a symbolic link', () => {
  it('to a folder outside the roots is followed, every time it is asked for', (t) => {
    const { link, links } = given(t)
    const first = link('first', 'outside')
    assert.equal(links().follows(first), true)
    const same = links()
    assert.deepEqual([same.follows(first), same.follows(first)], [true, true])
  })

  it('to what is watched anyway is not followed, but one to a hidden folder below a root is', (t) => {
    const { link, links } = given(t)
    assert.equal(links().follows(link('root', 'music')), false)
    assert.equal(links().follows(link('folder', 'music/album')), false)
    assert.equal(links().follows(link('file', 'music/album/track.flac')), false)
    assert.equal(links().follows(link('hidden', 'music/.hidden')), true)
  })

  it('to a folder above a root is not followed', (t) => {
    const { link, links } = given(t)
    assert.equal(links().follows(link('above', '.')), false)
  })

  it('to a folder that another link leads to, or to one below it, is not followed while that link is there', (t) => {
    const { link, links } = given(t)
    const [first, second, below] = [
      link('first', 'outside'),
      link('second', 'outside'),
      link('below', 'outside/cd 1'),
    ]
    const same = links()
    assert.equal(same.follows(first), true)
    assert.equal(same.follows(second), false)
    assert.equal(same.follows(below), false)
    rmSync(first)
    assert.equal(same.follows(below), true)
    assert.equal(same.follows(second), true)
  })

  it('to a neighbour whose name begins like that of a root is followed', (t) => {
    const { link, links } = given(t)
    assert.equal(links().follows(link('neighbour', 'music 2')), true)
  })

  it('to a folder is not followed when folders are not to be, one to a file is', (t) => {
    const { link, links } = given(t)
    assert.equal(links(false).follows(link('folder', 'outside')), false)
    assert.equal(links(false).follows(link('file', 'outside/cd 1/track.flac')), true)
  })

  it('to nowhere, or in a circle, is not followed, and told', (t) => {
    const { link, links, dangling } = given(t)
    const [nowhere, circle] = [link('nowhere', 'nowhere'), link('circle', 'music/circle')]
    assert.equal(links().follows(nowhere), false)
    assert.equal(links().follows(circle), false)
    assert.deepEqual(dangling, [nowhere, circle])
  })
})

function given(t: TestContext) {
  const root = temporaryFolder(t)
  write(root, 'music/album/track.flac')
  write(root, 'music/.hidden/track.flac')
  write(root, 'outside/cd 1/track.flac')
  mkdirSync(join(root, 'music 2'))
  const dangling: string[] = []
  return {
    dangling,
    link(name: string, target: string): string {
      const path = join(root, 'music', name)
      symlinkSync(join(root, target), path)
      return path
    },
    links: (followFolders = true) =>
      new FolderLinks([join(root, 'music')], followFolders, (path) => dangling.push(path)),
  }
}
