// The real TensorFlow.js, for the tests: one request a line on stdin, one answer a line on stdout.
//
// {do: "predict", model: ".../model.json", inputs: [[...], ...]}   -> {shape, outputs: [[...], ...]}
// {do: "make", layers: [[kind, arguments], ...], folder, seed,
//  shape: "sequential" or "model", shards}                         -> {}    writes model.json there
// {do: "latents", map, points}                                     -> {along, z}  as the page has it
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const readline = require("node:readline");

const [, , libraries, page] = process.argv;
console.warn = console.info = () => {};
console.log = () => {};
const tf = require(path.join(libraries, "@tensorflow/tfjs"));

function fromDisk(file) {
  return {
    load: async () => {
      const model = JSON.parse(fs.readFileSync(file, "utf8"));
      const weightSpecs = model.weightsManifest.flatMap((group) => group.weights);
      const shards = model.weightsManifest.flatMap((group) => group.paths);
      const data = Buffer.concat(shards.map((n) => fs.readFileSync(path.join(path.dirname(file), n))));
      const weightData = data.buffer.slice(data.byteOffset, data.byteOffset + data.length);
      return { modelTopology: model.modelTopology, weightSpecs, weightData };
    },
  };
}

function toDisk(folder, shards) {
  return tf.io.withSaveHandler(async (artifacts) => {
    const data = Buffer.from(tf.io.CompositeArrayBuffer.join(artifacts.weightData));
    const size = Math.ceil(data.length / shards);
    const paths = [];
    for (let i = 0; i < shards; i++) {
      paths.push(shards === 1 ? "./model.weights.bin" : `group1-shard${i + 1}of${shards}.bin`);
      fs.writeFileSync(path.join(folder, paths[i]), data.subarray(i * size, (i + 1) * size));
    }
    const { modelTopology, weightSpecs, ...others } = artifacts;
    delete others.weightData;
    const weightsManifest = [{ paths, weights: weightSpecs }];
    fs.writeFileSync(
      path.join(folder, "model.json"),
      JSON.stringify({ modelTopology, ...others, weightsManifest }),
    );
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  });
}

function layer([kind, args]) {
  return kind === "sequential" ? tf.sequential({ layers: args.map(layer) }) : tf.layers[kind](args);
}

function build(layers, shape) {
  if (shape === "sequential") return tf.sequential({ layers: layers.map(layer) });
  const input = tf.input({ shape: layers[0][1].inputShape });
  return tf.model({ inputs: input, outputs: layers.reduce((x, l) => layer(l).apply(x), input) });
}

function randomise(model, seed) {
  const fresh = model.weights.map((weight, i) => {
    const name = weight.originalName.split("/").pop();
    if (/variance|gamma/.test(name)) return tf.randomUniform(weight.shape, 0.5, 1.5, "float32", seed + i);
    const fan = name === "kernel" ? weight.shape.slice(0, -1).reduce((a, b) => a * b, 1) : 25;
    return tf.randomNormal(weight.shape, 0, 1 / Math.sqrt(fan), "float32", seed + i);
  });
  model.setWeights(fresh);
}

const loaded = new Map();

const verbs = {
  async predict({ model, inputs }) {
    if (!loaded.has(model)) loaded.set(model, await tf.loadLayersModel(fromDisk(model)));
    const network = loaded.get(model);
    const takes = network.inputs[0].shape.slice(1);
    const x = tf.tensor(inputs.flat(), [inputs.length, ...takes], "float32");
    const y = network.predict(x);
    const outputs = await tf.reshape(y, [inputs.length, -1]).array();
    return { shape: y.shape.slice(1), outputs };
  },

  async make({ layers, folder, seed, shape, shards, compile }) {
    const model = build(layers, shape);
    randomise(model, seed);
    if (compile) {
      model.compile({ optimizer: "adam", loss: "meanSquaredError" });
      const takes = [4, ...model.inputs[0].shape.slice(1)];
      const gives = [4, ...model.outputs[0].shape.slice(1)];
      await model.fit(tf.randomUniform(takes), tf.randomUniform(gives), { verbose: 0 });
    }
    await model.save(toDisk(folder, shards), { includeOptimizer: Boolean(compile) });
    return {};
  },

  async latents({ map, points }) {
    const page_ = require(path.join(page, "latents.js"));
    const along = points.map((point) => page_.fromPoint(point, map));
    return { along, z: along.map((a) => page_.toLatent(a, map)) };
  },
};

readline.createInterface({ input: process.stdin }).on("line", async (line) => {
  let answer;
  try {
    const request = JSON.parse(line);
    answer = await verbs[request.do](request);
  } catch (error) {
    answer = { error: error.message || String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
});
