"""One contestant of bench/train.ts: Keras on TensorFlow. Arguments: model, width, batch, threads.

The architecture is that of src/models/course.ts; the front end is TensorFlow's own STFT.
"""
import json
import os
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import tensorflow as tf
from keras import layers

name, width, batch, threads = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
tf.config.threading.set_intra_op_parallelism_threads(threads)
flat = name in ("conv1d", "skip")
skip = name in ("skip", "spectrogram-skip")


def channels(count):
    return max(4, int(np.floor(count * width + 0.5)))


class Stft(layers.Layer):
    def call(self, waves):
        padded = tf.pad(waves, [[0, 0], [129, 129]], "REFLECT")
        spectrum = tf.signal.stft(padded, 258, 64, 258)
        return tf.transpose(tf.abs(spectrum), [0, 2, 1])[..., None]

    def compute_output_shape(self, shape):
        return (shape[0], 130, 1 + shape[1] // 64, 1)


conv = (lambda n: layers.Conv1D(n, 9, padding="same", activation="relu")) if flat else (
    lambda n: layers.Conv2D(n, 3, padding="same", activation="relu"))
pool = layers.MaxPooling1D if flat else layers.MaxPooling2D

waveform = keras.Input((8000,))
x = layers.Reshape((8000, 1))(waveform) if flat else Stft()(waveform)
for index, (filters, count) in enumerate([(32, 2), (64, 2), (128, 3), (256, 3)]):
    before = x
    for _ in range(count):
        x = conv(channels(filters))(x)
    if skip and index > 0:
        x = layers.Concatenate()([x, before])
    x = pool(2)(x)
x = layers.Dropout(0.3)(x)
x = layers.Flatten()(x)
x = layers.Dense(channels(256))(x)
x = layers.BatchNormalization()(x)
x = layers.ReLU()(x)
model = keras.Model(waveform, layers.Dense(12)(x))
model.compile(keras.optimizers.Adam(1e-4), keras.losses.SparseCategoricalCrossentropy(from_logits=True))

rng = np.random.default_rng(1)
waves = tf.constant(rng.standard_normal((batch, 8000)), tf.float32)
labels = tf.constant(np.arange(batch) % 12)
data = tf.data.Dataset.from_tensors((waves, labels)).repeat()

print(json.dumps({
    "about": f"Keras {keras.__version__}, TensorFlow {tf.__version__}, Python {sys.version.split()[0]}",
    "params": model.count_params(),
}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    history = model.fit(data, steps_per_epoch=int(line), epochs=1, verbose=0)
    print(json.dumps({"seconds": time.perf_counter() - start, "loss": history.history["loss"][-1]}), flush=True)
