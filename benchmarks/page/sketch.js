// The reference page: every frame a 28x28 Perlin field goes through a dense autoencoder and p5
// draws the field and the answer side by side. style=original works as the Coding Train's page
// does: predict(), and a square() for every pixel. style=tuned is as fast as a p5 sketch with
// TensorFlow.js reasonably gets: nothing is allocated per frame but the network's own tensors, the
// two pictures are p5.Images upscaled by image(), and each layer is one fused kernel.
//
// Query: width, height  canvas in pixels         seconds  how long to count, after the warm-up
//        backend        wasm, cpu or webgl       style    original or tuned
//        started        epoch ms of the launch   picture  1: send the last canvas along
"use strict";

const query = new URLSearchParams(location.search);
const WIDTH = Number(query.get("width") || 640);
const HEIGHT = Number(query.get("height") || 320);
const SECONDS = Number(query.get("seconds") || 10);
const BACKEND = query.get("backend") || "wasm";
const ORIGINAL = query.get("style") !== "tuned";
const STARTED = Number(query.get("started") || performance.timeOrigin);
const WARM_UP_MS = 2000;

const SIDE = 28;
const UNITS = [784, 256, 128, 64, 16, 4, 16, 64, 128, 256, 784];
const NOISE_STEP = 0.1; // between neighbouring pixels
const NOISE_SPEED = 0.01; // per frame

p5.disableFriendlyErrors = true;

const field = new Float32Array(SIDE * SIDE);
let input, output; // p5.Image
let model, layers;
let ready = false;
let offset = 0;
let frames = 0;
let firstDraw = 0;
let firstPicture = 0; // epoch ms
const starts = []; // ms, one per counted frame
const spent = { noise: 0, network: 0, pictures: 0 }; // ms, summed

async function loadNetwork() {
  if (BACKEND === "wasm") {
    tf.wasm.setWasmPaths("node_modules/@tensorflow/tfjs-backend-wasm/dist/");
  }
  if (!(await tf.setBackend(BACKEND)) || tf.getBackend() !== BACKEND) {
    throw new Error(`backend ${BACKEND} is not available here`);
  }
  await tf.ready();
  // Random but seeded weights: the arithmetic is that of trained ones.
  model = tf.sequential();
  for (let i = 1; i < UNITS.length; i++) {
    model.add(
      tf.layers.dense({
        units: UNITS[i],
        inputShape: [UNITS[i - 1]],
        activation: i === UNITS.length - 1 ? "sigmoid" : "relu",
        kernelInitializer: tf.initializers.heNormal({ seed: i }),
      }),
    );
  }
  layers = model.layers.map((layer, i) => {
    const [kernel, bias] = layer.getWeights();
    return { b: kernel, bias, activation: i === UNITS.length - 2 ? "sigmoid" : "relu" };
  });
  ready = true;
}

// The fused kernels are those that predict() calls, without the Layers API around them.
function autoencode(values) {
  return tf.tidy(() => {
    let x = tf.tensor2d(values, [1, values.length]);
    if (ORIGINAL) {
      x = model.predict(x);
    } else {
      for (const layer of layers) {
        x = tf.fused.matMul({ a: x, ...layer });
      }
    }
    return x.dataSync();
  });
}

function show(picture, values) {
  const pixels = picture.pixels;
  for (let i = 0, p = 0; i < values.length; i++, p += 4) {
    pixels[p] = pixels[p + 1] = pixels[p + 2] = values[i] * 255;
  }
  picture.updatePixels();
}

function squares(values, left) {
  const side = HEIGHT / SIDE;
  noStroke();
  for (let y = 0, i = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      fill(values[i++] * 255);
      square(left + x * side, y * side, side);
    }
  }
}

function greyPicture() {
  const picture = createImage(SIDE, SIDE);
  picture.loadPixels();
  picture.pixels.fill(255); // opaque, once and for all
  return picture;
}

function setup() {
  pixelDensity(1);
  createCanvas(WIDTH, HEIGHT);
  frameRate(10000); // p5 skips animation frames to hold 60 otherwise
  if (!ORIGINAL) {
    noSmooth();
  }
  noiseSeed(1);
  input = greyPicture();
  output = greyPicture();
  loadNetwork();
}

function draw() {
  if (!ready) {
    return;
  }
  const start = performance.now();
  if (frames === 0) {
    firstDraw = start;
  } else if (frames === 1) {
    firstPicture = performance.timeOrigin + start; // the frame before this one has been handed over
  }
  frames++;
  const counting = start - firstDraw >= WARM_UP_MS;
  if (counting) {
    starts.push(start);
    if (start - starts[0] >= SECONDS * 1000) {
      noLoop();
      report();
      return;
    }
  }

  for (let y = 0, i = 0; y < SIDE; y++) {
    const ny = y * NOISE_STEP + offset;
    for (let x = 0; x < SIDE; x++) {
      field[i++] = noise(x * NOISE_STEP + offset, ny, offset);
    }
  }
  offset += NOISE_SPEED;
  const afterNoise = performance.now();

  const answer = autoencode(field);
  const afterNetwork = performance.now();

  if (ORIGINAL) {
    background(255);
    squares(field, 0);
    squares(answer, WIDTH / 2);
  } else {
    show(input, field);
    show(output, answer);
    image(input, 0, 0, WIDTH / 2, HEIGHT);
    image(output, WIDTH / 2, 0, WIDTH / 2, HEIGHT);
  }
  if (counting) {
    spent.noise += afterNoise - start;
    spent.network += afterNetwork - afterNoise;
    spent.pictures += performance.now() - afterNetwork;
  }
}

function report() {
  const count = starts.length - 1;
  const seconds = (starts[count] - starts[0]) / 1000;
  const gaps = starts
    .slice(1)
    .map((t, i) => t - starts[i])
    .sort((a, b) => a - b);
  const at = (q) => gaps[Math.min(gaps.length - 1, Math.floor(q * gaps.length))];
  const round = (value) => Number(value.toFixed(3));
  const canvas = document.querySelector("canvas");
  const box = canvas.getBoundingClientRect();
  const result = {
    fps: round(count / seconds),
    frames: count,
    seconds: round(seconds),
    width: canvas.width,
    height: canvas.height,
    backend: tf.getBackend(),
    style: ORIGINAL ? "original" : "tuned",
    threads: BACKEND === "wasm" ? tf.wasm.getThreadsCount() : 1,
    ms_median: round(at(0.5)),
    ms_p95: round(at(0.95)),
    ms_noise: round(spent.noise / count),
    ms_network: round(spent.network / count),
    ms_pictures: round(spent.pictures / count),
    first_picture_s: round((firstPicture - STARTED) / 1000),
    in_view: box.right <= innerWidth && box.bottom <= innerHeight,
    versions: { p5: p5.VERSION, tfjs: tf.version.tfjs },
    userAgent: navigator.userAgent,
  };
  if (query.get("picture")) {
    result.picture = canvas.toDataURL("image/png");
  }
  fetch("/result", { method: "POST", body: JSON.stringify(result) });
}
