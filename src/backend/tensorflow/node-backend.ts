import type * as tf from "@tensorflow/tfjs";

export interface OperationAttribute {
  name: string;
  type: number;
  value: unknown;
}

/** A tensor of TensorFlow's, as the addon describes it. */
export interface NativeTensor {
  id: number;
  shape: number[];
  dtype: number;
}

/** What is used here of tfjs-node's addon. */
export interface Binding {
  readonly TF_Version: string;
  readonly TF_FLOAT: number;
  readonly TF_RESOURCE: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_ATTR_FLOAT: number;
  readonly TF_ATTR_SHAPE: number;
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_BOOL: number;
  isUsingGpuDevice(): boolean;
  createTensor(shape: number[], dtype: number, values: ArrayBufferView): number;
  executeOp(
    operation: string,
    attributes: OperationAttribute[],
    inputs: number[],
    outputs: number,
  ): NativeTensor[];
  tensorDataSync(id: number): ArrayBufferView;
  deleteTensor(id: number): void;
  loadSavedModel(folder: string, tags: string): number;
  /** Names are `operation:output`, separated by commas. */
  runSavedModel(model: number, inputs: number[], inputNames: string, outputNames: string): NativeTensor[];
  deleteSavedModel(model: number): void;
}

/** What is used here of tfjs-node's backend. */
export interface NodeBackend extends tf.KernelBackend {
  binding: Binding;
  readonly tensorMap: { get(dataId: object): { shape: number[]; dtype: number } };
  executeSingleOutput(
    operation: string,
    attributes: OperationAttribute[],
    inputs: tf.TensorInfo[],
  ): tf.TensorInfo;
  /** Uploads what has not been yet. */
  getInputTensorIds(tensors: tf.TensorInfo[]): number[];
  createOutputTensor(tensor: NativeTensor): tf.Tensor;
}
