import * as tf from "@tensorflow/tfjs";
import "../models/registry.js"; // registers the layers that a saved model may name

/** A model in the TensorFlow.js Layers format, as the contents of its two files. */
export interface ModelFiles {
  /** `model.json`: the topology, and a manifest of the weights in `weights.bin`. */
  readonly json: string;
  /** `weights.bin`: float32, little-endian, in the manifest's order. */
  readonly weights: Uint8Array;
}

/** The contents of the files that hold a model. */
export async function modelToFiles(model: tf.LayersModel): Promise<ModelFiles> {
  let files: ModelFiles | undefined;
  await model.save(
    tf.io.withSaveHandler(async (artifacts) => {
      const { weightData, weightSpecs, ...rest } = artifacts;
      const json = { ...rest, weightsManifest: [{ paths: ["weights.bin"], weights: weightSpecs }] };
      files = {
        json: `${JSON.stringify(json)}\n`,
        weights: new Uint8Array(tf.io.CompositeArrayBuffer.join(weightData)),
      };
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: "JSON" } };
    }),
  );
  return files!;
}

/**
 * The model that the files hold. Rejects with TensorFlow.js's own error where they do not fit each other; who reads them
 * from somewhere says where.
 */
export async function modelFromFiles(files: ModelFiles): Promise<tf.LayersModel> {
  const { weightsManifest, ...rest } = JSON.parse(files.json) as tf.io.ModelJSON;
  const weightSpecs = weightsManifest.flatMap((group) => group.weights);
  const expected = weightSpecs.reduce((sum, spec) => sum + 4 * tf.util.sizeFromShape(spec.shape), 0);
  if (files.weights.byteLength !== expected) {
    throw new Error(`the weights are ${files.weights.byteLength} bytes, ${expected} were expected`);
  }
  const weightData = files.weights.buffer.slice(
    files.weights.byteOffset,
    files.weights.byteOffset + files.weights.byteLength,
  ) as ArrayBuffer;
  return tf.loadLayersModel(tf.io.fromMemory({ ...rest, weightSpecs, weightData } as tf.io.ModelArtifacts));
}
