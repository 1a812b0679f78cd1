import * as tf from "@tensorflow/tfjs";
import { beforeAll, describe, expect, test } from "vitest";
import { startBackend } from "../../src/backend/start.js";
import { sameGraph, sorted } from "../../src/graph/graph.js";
import { CannotTrace, trace } from "../../src/graph/trace.js";

const pair = { shape: [2], dtype: "float32" } as const;
const names = (ends: Parameters<typeof sorted>[0]) =>
  sorted(ends).map((value) => (value.kind === "result" ? value.operation.name : value.kind));

describe("a traced computation", () => {
  beforeAll(async () => {
    await startBackend("cpu", "training");
  });

  test("has the operations of the forward and the backward pass, and the variables' new values", () => {
    const weight = tf.variable(tf.tensor1d([1, 2]));
    const graph = trace(
      ({ input }) => {
        const x = input(pair, "x");
        const { value, grads } = tf.variableGrads(() => weight.mul(x).square().sum(), [weight]);
        weight.assign(weight.sub(grads[weight.name]!.mul(0.1)));
        return [value];
      },
      { variables: [weight] },
    );
    expect(names(graph.outputs)).toEqual(["variable", "input", "Multiply", "Square", "Sum"]);
    expect(names(graph.updates).at(-1)).toBe("Sub");
    expect([...weight.dataSync()], "the variable is as it was").toEqual([1, 2]);
    weight.dispose();
  });

  test("has constants for all that follows from constants", () => {
    const graph = trace(({ input }) => [input(pair, "x").add(tf.scalar(2).square().add([1, 2]))]);
    const [constant] = sorted(graph.outputs).filter(({ kind }) => kind === "constant");
    expect(constant).toMatchObject({ values: Float32Array.of(5, 6), shape: [2] });
    expect(names(graph.outputs)).toEqual(["input", "constant", "Add"]);
  });

  test("has one reshape for several, and none that changes nothing", () => {
    const six = { shape: [6], dtype: "float32" } as const;
    const graph = trace(({ input }) => {
      const x = input(six, "x");
      return [x.reshape([2, 3]).expandDims(0).reshape([3, 2]), x.reshape([3, 2]).reshape([6])];
    });
    expect(names([graph.outputs[0]!])).toEqual(["input", "Reshape"]);
    expect(names([graph.outputs[1]!])).toEqual(["input"]);
  });

  test("keeps tensors that were made in it and outlive it", () => {
    let kept!: tf.Tensor;
    trace(() => {
      kept = tf.keep(tf.tensor1d([1, 2]).mul(3));
      return [kept];
    });
    expect([...kept.add(1).dataSync()]).toEqual([4, 7]);
    kept.dispose();
  });

  test("is refused where values are read, where an operation is unknown, and where another variable changes", () => {
    expect(() => trace(({ input }) => [tf.scalar(input(pair, "x").sum().dataSync()[0]!)])).toThrow(
      CannotTrace,
    );
    expect(() => trace(({ input }) => [tf.cumsum(input(pair, "x"))])).toThrow(/Cumsum cannot be recorded/);
    const other = tf.variable(tf.scalar(1));
    expect(() => trace(({ input }) => [other.assign(input(pair, "x").sum()) ?? other])).toThrow(/changes/);
    expect(other.dataSync()[0]).toBe(1);
    other.dispose();
  });

  test("is told from one with other operations or constants", () => {
    const plus = (value: number) => trace(({ input }) => [input(pair, "x").add(value)]);
    const times = trace(({ input }) => [input(pair, "x").mul(1)]);
    expect(sameGraph(plus(1), plus(1))).toBe(true);
    expect(sameGraph(plus(1), plus(2))).toBe(false);
    expect(sameGraph(plus(1), times)).toBe(false);
  });
});
