"""timbre as an ONNX graph, node by node."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import definition as d

OPSET = 18
IR_VERSION = 9

# A frame's DFT of 2048 points is done as 64 x 32: with n = 32 a + b and k = p + 64 q,
#   X[p + 64 q] = sum_b W32^(b q) * ( W2048^(b p) * sum_a W64^(a p) w[n] x[n] ).
# The inner part is one small real matrix for each b, into which the window w and the twiddle go; as x is real, p = 0..32
# is enough. The outer part is one matrix for all p. Both leave the frames innermost, so nothing is ever transposed.
ROWS, COLUMNS = 64, d.FRAME // 64
HALF = ROWS // 2 + 1
LANES = HALF + 1  # one p too many, always zero: the WebGPU provider mixes up groups whose channels are no multiple of 4
SLOTS = COLUMNS * LANES


def inner_kernels():
    """[COLUMNS * 2 * LANES, 1, ROWS] for a convolution in COLUMNS groups: output channel (b, real or imaginary, p)."""
    a = np.arange(ROWS)
    p = np.arange(HALF)
    window = d.hann()
    kernels = np.zeros((COLUMNS, 2, LANES, ROWS))
    for b in range(COLUMNS):
        n = COLUMNS * a + b
        phase = -2 * np.pi * ((n[None, :] * p[:, None]) % d.FRAME) / d.FRAME
        kernels[b, 0, :HALF] = window[n] * np.cos(phase)
        kernels[b, 1, :HALF] = window[n] * np.sin(phase)
    return kernels.reshape(COLUMNS * 2 * LANES, 1, ROWS)


def outer_matrix():
    """[2 * COLUMNS, COLUMNS * 2]: rows (real or imaginary, q), columns (b, real or imaginary)."""
    b = np.arange(COLUMNS)
    phase = -2 * np.pi * ((b[None, :] * b[:, None]) % COLUMNS) / COLUMNS
    matrix = np.zeros((2, COLUMNS, COLUMNS, 2))
    matrix[0, :, :, 0], matrix[0, :, :, 1] = np.cos(phase), -np.sin(phase)
    matrix[1, :, :, 0], matrix[1, :, :, 1] = np.sin(phase), np.cos(phase)
    return matrix.reshape(2 * COLUMNS, COLUMNS * 2)


def by_slot(rows):
    """Moves columns from bin order to the order (q, p) in which the factored transform leaves the power spectrum."""
    slots = np.zeros((rows.shape[0], COLUMNS, LANES))
    taken = set()
    for q in range(COLUMNS):
        for p in range(HALF):
            k = p + ROWS * q
            k = min(k, d.FRAME - k)
            if k not in taken:
                taken.add(k)
                slots[:, q, p] = rows[:, k]
    assert len(taken) == d.BINS
    return slots.reshape(rows.shape[0], SLOTS)


class Builder:
    """Collects nodes and constants; every method returns the name of its result."""

    def __init__(self):
        self.nodes = []
        self.constants = {}

    def const(self, name, value, dtype=np.float32):
        self.constants[name] = numpy_helper.from_array(np.asarray(value, dtype=dtype), name)
        return name

    def ints(self, *values):
        return self.const("int_" + "_".join(str(v).replace("-", "m") for v in values), values, np.int64)

    def scalar(self, value):
        return self.const(f"number_{value!r}", value)

    def op(self, op_type, *inputs, name, outputs=1, **attributes):
        names = [name] if outputs == 1 else [f"{name}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op_type, list(inputs), names, name=name, **attributes))
        return name if outputs == 1 else names

    def slice(self, data, start, end, axis, name):
        return self.op("Slice", data, self.ints(start), self.ints(end), self.ints(axis), name=name)

    def reduce(self, kind, data, axes, name, keep=1):
        return self.op("Reduce" + kind, data, self.ints(*axes), name=name, keepdims=keep)


def power_spectrum(g):
    used = g.slice("waveform", 0, d.USED_SAMPLES, 1, "used")
    rows = g.op("Reshape", used, g.ints(0, -1, COLUMNS), name="rows")
    columns = g.op("Transpose", rows, name="columns", perm=[0, 2, 1])
    inner = g.op(
        "Conv", columns, g.const("inner_kernels", inner_kernels()),
        name="inner", group=COLUMNS, kernel_shape=[ROWS], strides=[d.HOP // COLUMNS],
    )
    pairs = g.op("Reshape", inner, g.ints(0, 2 * COLUMNS, LANES * d.FRAMES), name="pairs")
    outer = g.op("MatMul", g.const("outer_matrix", outer_matrix()), pairs, name="outer")
    parts = g.op("Reshape", outer, g.ints(0, 2, SLOTS, d.FRAMES), name="parts")
    return g.reduce("SumSquare", parts, [1], "power", keep=0)


def frame_features(g):
    """Per frame, all relative to the loudest mel of the window: names of [batch, n, frames] tensors."""
    power = power_spectrum(g)
    linear_rows = np.concatenate(
        [d.mel_matrix(), d.rumble_row(), d.chroma_matrix(), d.band_matrix(), d.centroid_rows()]
    )
    linear = g.op("MatMul", g.const("linear_rows", by_slot(linear_rows)), power, name="linear")
    audible = g.slice(linear, 0, d.MELS + 1, 1, "mel_and_rumble")
    loudest = g.op("Max", g.reduce("Max", audible, [1, 2], "maximum"), g.scalar(d.LOUDEST_MINIMUM), name="loudest")
    relative = g.op("Div", linear, loudest, name="relative")
    at = d.MELS
    mel = g.slice(relative, 0, at, 1, "mel")
    at += 1
    chroma = g.slice(relative, at, at + d.CHROMA, 1, "relative_chroma")
    at += d.CHROMA
    bands = g.slice(relative, at, at + d.BANDS, 1, "relative_bands")
    at += d.BANDS
    moment = g.slice(relative, at, at + 1, 1, "moment")
    total = g.slice(relative, at + 1, at + 2, 1, "total")

    floor = g.op("Mul", loudest, g.scalar(d.BIN_FLOOR), name="bin_floor")
    log_power = g.op("Log", g.op("Add", power, floor, name="floored_power"), name="log_power")
    all_bins = np.zeros((1, d.BINS))
    low, high = d.FLATNESS_BINS
    all_bins[0, low:high] = 1 / (high - low)
    log_rows = np.concatenate([d.band_matrix(), all_bins])
    log_means = g.op("MatMul", g.const("log_rows", by_slot(log_rows)), log_power, name="log_means")
    log_means = g.op("Sub", log_means, g.op("Log", loudest, name="log_loudest"), name="relative_log_means")
    log_bands = g.slice(log_means, 0, d.BANDS, 1, "log_bands")
    log_all = g.slice(log_means, d.BANDS, d.BANDS + 1, 1, "log_all")

    def log(value, floor, name):
        return g.op("Log", g.op("Add", value, g.scalar(floor), name=name + "_floored"), name=name)

    active = g.op("Greater", g.reduce("Max", mel, [1], "frame_loudest"), g.scalar(d.ACTIVE_FLOOR), name="is_active")
    active = g.op("Cast", active, name="active", to=TensorProto.FLOAT)
    decibel = g.op("Mul", log(mel, d.MEL_FLOOR, "log_mel"), g.scalar(1 / np.log(10)), name="levels")
    cepstra = g.op("MatMul", g.const("cepstrum_matrix", d.cepstrum_matrix()), decibel, name="cepstra")
    contrast = g.op("Sub", log(bands, d.BIN_FLOOR, "log_band_power"), log_bands, name="contrast")
    centroid = g.op(
        "Sub", log(moment, d.BIN_FLOOR, "log_moment"), log(total, d.BIN_FLOOR, "log_total"), name="centroid"
    )
    mean_power = g.op("Div", total, g.scalar(float(d.BINS - 1)), name="mean_power")
    flatness = g.op("Sub", log_all, log(mean_power, d.BIN_FLOOR, "log_mean_power"), name="flatness")
    shape = g.op("Concat", contrast, centroid, flatness, name="shape", axis=1)
    chroma_sum = g.op("Add", g.reduce("Sum", chroma, [1], "chroma_sum"), g.scalar(d.BIN_FLOOR), name="chroma_total")
    harmony = g.op("Sqrt", g.op("Div", chroma, chroma_sum, name="chroma"), name="harmony")
    return {"active": active, "levels": decibel, "cepstra": cepstra, "shape": shape, "harmony": harmony}


def window_features(g, frames):
    """The numbers of a window before anything learned comes in, [batch, FEATURES]."""
    f = d.FRAMES
    active = frames["active"]

    def column(mask, name):
        return g.op("Reshape", mask, g.ints(0, -1, 1), name=name)

    def count(mask, name):
        return g.op("Max", g.reduce("Sum", mask, [2], name + "_sum"), g.scalar(1.0), name=name)

    def mean(data, weights, total, name):
        return g.op("Div", g.op("MatMul", data, weights, name=name + "_sum"), total, name=name)

    def neighbours(data, name):
        return g.slice(data, 0, f - 1, 2, name + "_before"), g.slice(data, 1, f, 2, name + "_after")

    weights, total = column(active, "weights"), count(active, "count")
    both = g.op("Mul", *neighbours(active, "active"), name="both_active")
    pair_weights, pair_total = column(both, "pair_weights"), count(both, "pair_count")

    stack = g.op("Concat", frames["levels"], frames["cepstra"], frames["shape"], name="stack", axis=1)
    means = mean(stack, weights, total, "means")
    before, after = neighbours(frames["cepstra"], "cepstra")
    change = g.op("Abs", g.op("Sub", after, before, name="cepstra_step"), name="cepstra_change")
    changes = mean(change, pair_weights, pair_total, "changes")
    at = d.MELS + d.CEPSTRA
    shape_mean = g.slice(means, at, at + d.BANDS + 2, 1, "shape_mean")
    deviation = g.op("Sub", frames["shape"], shape_mean, name="shape_deviation")
    square = g.op("Mul", deviation, deviation, name="shape_square")
    spread = g.op("Sqrt", mean(square, weights, total, "shape_variance"), name="shape_spread")

    sounding = g.op("Mul", frames["harmony"], active, name="sounding")
    over_time = g.op("Transpose", frames["harmony"], name="harmony_over_time", perm=[0, 2, 1])
    table = g.op("Reshape", mean(sounding, over_time, total, "pair_table"), g.ints(0, -1, 1), name="pair_list")
    pairs = g.op("Gather", table, g.const("pair_index", d.pair_index(), np.int64), name="pairs_of_classes", axis=1)

    before, after = neighbours(frames["levels"], "levels")
    rise = g.op("Relu", g.op("Sub", after, before, name="level_step"), name="rise")
    onset = g.op("Mul", g.reduce("Mean", rise, [1], "mean_rise"), both, name="onset")
    onset_mean = g.op("Div", g.reduce("Sum", onset, [2], "onset_sum"), pair_total, name="onset_mean")
    centred = g.op("Mul", g.op("Sub", onset, onset_mean, name="onset_deviation"), both, name="onset_centred")
    lags, weights_by_tempo = d.tempo_matrix()
    padded = g.op("Pad", centred, g.ints(0, 0, 0, 0, 0, int(lags[-1])), name="onset_padded")
    line = g.op("Reshape", padded, g.ints(0, -1), name="onset_line")
    index = np.arange(f - 1)[:, None] + lags[None, :]
    shifted = g.op("Gather", line, g.const("lag_index", index, np.int64), name="onset_shifted", axis=1)
    energy = g.op(
        "Add", g.reduce("SumSquare", centred, [2], "onset_energy"), g.scalar(d.ONSET_EPSILON), name="onset_scale"
    )
    products = g.op("MatMul", centred, shifted, name="lag_products")
    correlation = g.op("Div", products, energy, name="correlation")
    tempogram = g.op("MatMul", correlation, g.const("tempo_weights", weights_by_tempo), name="tempogram_row")
    tempogram = g.op("Reshape", tempogram, g.ints(0, -1, 1), name="tempogram")
    together = g.op("Concat", means, changes, spread, pairs, tempogram, name="together", axis=1)
    return g.op("Reshape", together, g.ints(0, d.FEATURES), name="features")


def embedding(g, features, constants):
    centred = g.op("Sub", features, g.const("feature_mean", constants["mean"]), name="features_centred")
    scaled = g.op("Mul", centred, g.const("feature_scale", 1 / constants["std"]), name="features_scaled")
    clipped = g.op("Clip", scaled, g.scalar(-d.CLIP), g.scalar(d.CLIP), name="features_clipped")
    projected = g.op("MatMul", clipped, g.const("projection", constants["projection"].T), name="projected")
    length = g.op("Sqrt", g.reduce("SumSquare", projected, [1], "squared_length"), name="length")
    return g.op("Div", projected, g.op("Max", length, g.scalar(1e-6), name="safe_length"), name="embedding")


def build(constants=None):
    """The model; without constants, the graph that ends at `features`."""
    g = Builder()
    features = window_features(g, frame_features(g))
    if constants is None:
        output = helper.make_tensor_value_info(features, TensorProto.FLOAT, ["batch", d.FEATURES])
    else:
        name = embedding(g, features, constants)
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", d.DIM])
    graph = helper.make_graph(
        g.nodes, "timbre",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, ["batch", d.WINDOW_SAMPLES])],
        [output],
        list(g.constants.values()),
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="soundledger")
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return model
