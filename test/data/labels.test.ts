import { describe, expect, it } from "vitest";
import { COURSE_LABELS, mendLabel, resolveLabels } from "../../src/data/labels.js";

describe("mendLabel", () => {
  it("mends the course's two misspellings and nothing else", () => {
    const labels = ["unknow", "slience", "unknown", "silence", "yes", "constructor"];
    expect(labels.map(mendLabel)).toEqual(["unknown", "silence", "unknown", "silence", "yes", "constructor"]);
  });
});

describe("resolveLabels", () => {
  it("gives the twelve of the course in their order where the data has no others", () => {
    const twelve = "yes no up down left right on off stop go unknown silence".split(" ");
    expect(COURSE_LABELS).toEqual(twelve);
    expect(resolveLabels(["silence", "go", "yes", "go"])).toEqual(twelve);
  });

  it("else gives the data's own, sorted, each once", () => {
    expect(resolveLabels(["yes", "zero", "no", "yes"])).toEqual(["no", "yes", "zero"]);
  });

  it("gives the chosen ones in the order they were chosen, misspellings mended", () => {
    expect(resolveLabels(["yes", "no", "unknown"], ["unknow", "yes"])).toEqual(["unknown", "yes"]);
  });

  it("names what the data lacks", () => {
    const choose = () => resolveLabels(["yes", "no"], ["yes", "cat", "dog"]);
    expect(choose).toThrow(
      expect.objectContaining({
        exitCode: 1,
        message: "the data has no clip labelled cat, dog; its labels are no, yes",
      }),
    );
  });

  it.each([
    [["yes", "yes"], /"yes" is asked for twice/],
    [["unknown", "unknow"], /"unknown" is asked for twice/],
    [["yes", ""], /empty label/],
    [[], /empty label/],
  ])("calls %j wrong usage", (chosen, message) => {
    expect(() => resolveLabels(["yes", "unknown"], chosen)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringMatching(message) }),
    );
  });
});
