"""Measures a collection of music, learns the constants of timbre from it and reports recall across sets.

    python tools/timbre/learn.py MUSIC WORK

MUSIC holds one folder for each set of sets.json (README.md says how to fetch them); WORK keeps measured features.
"""

import argparse
import hashlib
import json
from pathlib import Path

import av
import numpy as np
import onnxruntime

import audio
import fit
import graph
from definition import SAMPLE_RATE, WINDOW_SAMPLES

HERE = Path(__file__).resolve().parent
SHORTEST_SECONDS, MOST_SECONDS = 60, 250
COPIED_WINDOWS = 3
BATCH = 4
PCM_SCALE = 32_000
DIGITS = 6


def tracks_of(folder, skip):
    """Files of a set that hold at least SHORTEST_SECONDS of sound, in order of their names."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and not any(p.match(pattern) for pattern in skip)):
        try:
            with av.open(str(path)) as container:
                if container.streams.audio and (container.duration or 0) / 1e6 >= SHORTEST_SECONDS:
                    yield path
        except av.FFmpegError:
            continue  # a picture, a text


def windows_of(path):
    """(window index, kind, samples) of the whole windows of a file and of the copies of some of them."""
    track = audio.decode(str(path), audio.SOURCE_RATE, MOST_SECONDS)
    samples = audio.resample(track, audio.SOURCE_RATE, SAMPLE_RATE)
    count = track.size // (30 * audio.SOURCE_RATE)
    copied = set(np.round(np.linspace(0, count - 1, COPIED_WINDOWS)).astype(int).tolist())
    for index in range(count):
        yield index, "orig", audio.fit(samples[index * WINDOW_SAMPLES :])
        if index in copied:
            for kind, window in audio.copies(track, 30 * index).items():
                yield index, kind, window


def collect(music, work, name, skip):
    """Keeps all windows of a set in WORK as 16-bit samples, with a list of what they are; decodes nothing twice."""
    about, sound = work / f"{name}.json", work / f"{name}.i16"
    if about.exists():
        return
    listed = []
    with sound.open("wb") as file:
        for path in tracks_of(music / name, skip):
            try:
                windows = list(windows_of(path))
            except av.FFmpegError as error:
                print(f"left out, not decodable: {path.name}: {error}", flush=True)
                continue
            for index, kind, window in windows:
                file.write(np.clip(np.round(window * PCM_SCALE), -32768, 32767).astype("<i2").tobytes())
                listed.append([str(path.relative_to(music)), index, kind])
    about.write_text(json.dumps(listed))


def measuring_session():
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = graph.build().SerializeToString(deterministic=True)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return session, hashlib.sha256(model).hexdigest()[:12]


def measure(work, name, skip):
    """The features of all windows of a collected set."""
    session, digest = measuring_session()
    listed = json.loads((work / f"{name}.json").read_text())
    file = work / f"{name}-{digest}.npy"
    if not file.exists():
        sound = np.memmap(work / f"{name}.i16", "<i2", "r").reshape(len(listed), WINDOW_SAMPLES)
        batches = [sound[i : i + BATCH].astype(np.float32) / PCM_SCALE for i in range(0, len(listed), BATCH)]
        np.save(file, np.concatenate([session.run(["features"], {"waveform": batch})[0] for batch in batches]))
    tracks, windows, kinds = (np.array(column) for column in zip(*listed))
    measured = fit.Measured(np.load(file).astype(np.float64), np.full(len(listed), name), tracks, windows, kinds)
    return measured.where(np.array([not any(Path(t).match(pattern) for pattern in skip) for t in tracks]))


def chance_of(tracks):
    _, counts = np.unique(tracks, return_counts=True)
    return (counts * (counts - 1)).sum() / (counts.sum() * (counts.sum() - 1))


def standing_of_copies(copies, sources, others):
    """(mean cosine of copy and source, share of copies nearer to their source than to any window of `others`)."""
    own = (copies * sources).sum(1)
    return own.mean(), np.mean(own > (copies @ others.T).max(1))


def left_out(measured, name):
    """Figures for one set under constants learned on all the others."""
    constants = fit.learn(measured.where(measured.sets != name))
    inside = measured.where(measured.sets == name)
    originals, copies = inside.where(inside.kinds == "orig"), inside.where(inside.kinds != "orig")
    everything = measured.where(measured.kinds == "orig")
    vectors = fit.embed(everything.features, constants)
    plain = fit.standardise(originals.features, constants)
    plain /= np.linalg.norm(plain, axis=1, keepdims=True)
    here = everything.sets == name
    of_window = {key: i for i, key in enumerate(zip(originals.tracks, originals.windows))}
    sources = vectors[here][[of_window[key] for key in zip(copies.tracks, copies.windows)]]
    standings = [
        standing_of_copies(
            fit.embed(copies.features[copies.tracks == track], constants), sources[copies.tracks == track],
            vectors[everything.tracks != track],
        )
        for track in np.unique(copies.tracks)
    ]
    return {
        "tracks": len(set(originals.tracks)),
        "windows": len(originals.tracks),
        "chance": chance_of(originals.tracks),
        "plain": fit.recall(plain, originals.tracks),
        "within": fit.recall(vectors[here], originals.tracks),
        "all": fit.recall(vectors, everything.tracks, here),
        "copy": np.mean([s[0] for s in standings]),
        "first": np.mean([s[1] for s in standings]),
    }


def report(measured):
    """Leave one set out: learn on the others, ask for its windows."""
    columns = ["tracks", "windows", "chance", "plain", "within", "all", "copy", "first"]
    print(f"{'set left out':24s}" + "".join(f"{column:>9s}" for column in columns))
    rows = {name: left_out(measured, name) for name in np.unique(measured.sets)}
    weights = np.array([row["windows"] for row in rows.values()], dtype=float)
    together = {c: np.average([row[c] for row in rows.values()], weights=weights) for c in columns}
    together |= {c: sum(row[c] for row in rows.values()) for c in ("tracks", "windows")}
    for name, row in [*rows.items(), ("all", together)]:
        cells = [f"{row[c]:9d}" if c in ("tracks", "windows") else f"{row[c]:9.3f}" for c in columns]
        print(f"{name:24s}" + "".join(cells))


def rounded(array):
    return [rounded(row) for row in array] if array.ndim > 1 else [float(f"{v:.{DIGITS}g}") for v in array]


def write_constants(measured, sets):
    constants = fit.learn(measured)
    learned_from = []
    for name, about in sets.items():
        mine = measured.where(measured.sets == name)
        originals = int(np.sum(mine.kinds == "orig"))
        counts = {"tracks": len(set(mine.tracks)), "windows": originals, "copies": len(mine.kinds) - originals}
        learned_from.append({"package": name, **about, **counts})
    stored = {"learned_from": learned_from, **{key: rounded(value) for key, value in constants.items()}}
    (HERE / "constants.json").write_text(
        "{\n" + ",\n".join(f'"{key}": {json.dumps(value)}' for key, value in stored.items()) + "\n}\n"
    )


def main():
    parser = argparse.ArgumentParser(description="Learn the constants of timbre.")
    parser.add_argument("music", type=Path, help="folder with one folder for each set of sets.json")
    parser.add_argument("work", type=Path, help="folder for windows and features: some 15 GB")
    options = parser.parse_args()
    sets = json.loads((HERE / "sets.json").read_text())
    options.work.mkdir(parents=True, exist_ok=True)
    parts = []
    for name, about in sets.items():
        skip = about.get("skip", [])
        collect(options.music, options.work, name, skip)
        parts.append(measure(options.work, name, skip))
        print(f"{name}: {len(set(parts[-1].tracks))} tracks, {len(parts[-1].tracks)} windows", flush=True)
    measured = fit.joined(parts)
    report(measured)
    write_constants(measured, sets)


if __name__ == "__main__":
    main()
