// A network that draws, and a slider for everything it can change.
//
// MODEL and LATENTS are in model.js. A sketch of your own needs no more than load(), decode() and
// toLatent(): decode(toLatent([0.5, -1, ...], LATENTS)) gives the numbers of a picture.
"use strict";

const SIDE = 640; // of the picture on the page, in pixels
const THUMBNAIL = 76;
const GROUND = [17, 19, 28];
const PAPER = [238, 234, 224];
const SPEED = 0.06; // of the walk
const FOLLOW_S = 0.35; // the time constant with which sliders follow

p5.disableFriendlyErrors = true;

let network; // once it is loaded
let sliders = [];
let wanted = []; // where the sliders are going
let walking = false;
let steps = 0; // how far the walk has come
let shown = ""; // the sliders of the picture on the page
let picture;

// ---- the network -----------------------------------------------------------------------------

async function load() {
  const weightData = Uint8Array.from(atob(MODEL.weights), (c) => c.charCodeAt(0)).buffer;
  const { modelTopology, weightSpecs } = MODEL;
  return tf.loadLayersModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
}

// Latents -> the picture's numbers, row by row: grey or red, green and blue from 0 to 1, or for
// shapes the distance to the outline, in shares of the picture, negative inside.
function decode(z) {
  return tf.tidy(() => network.predict(tf.tensor2d([z])).dataSync());
}

// ---- the page --------------------------------------------------------------------------------

function setup() {
  document.title = LATENTS.name;
  select("h1").html(LATENTS.name);
  select("#network").html(LATENTS.network);
  pixelDensity(Math.min(window.devicePixelRatio, 2));
  const scale = SIDE / Math.max(LATENTS.width, LATENTS.height);
  const canvas = createCanvas(LATENTS.width * scale, LATENTS.height * scale);
  canvas.parent("picture").removeAttribute("style"); // its size on the page is in index.html
  makeSliders();
  button("walk", toggleWalk);
  button("random", randomise);
  button("middle", () => goTo(wanted.map(() => 0)));
  button("save", savePicture);
  load().then((loaded) => {
    network = loaded;
    makeThumbnails();
  });
}

function makeSliders() {
  const { edge, directions, starts } = LATENTS;
  wanted = starts[0].slice();
  select("#sliders").elt.classList.toggle("many", directions.length > 10);
  sliders = directions.map((_, i) => {
    const row = createElement("label").parent("sliders");
    createSpan(String(i + 1)).parent(row);
    const slider = createSlider(-edge, edge, wanted[i], 0).parent(row);
    slider.attribute("aria-label", `direction ${i + 1}`);
    slider.input(() => {
      walking = false;
      wanted = sliders.map((s) => s.value());
    });
    slider.doubleClicked(() => (wanted[i] = 0));
    return slider;
  });
}

function makeThumbnails() {
  for (const start of LATENTS.starts) {
    const small = createImage(THUMBNAIL, THUMBNAIL);
    paint(small, decode(toLatent(start, LATENTS)));
    const thumbnail = createButton("").parent("starts");
    thumbnail.style("background-image", `url(${small.canvas.toDataURL()})`);
    thumbnail.attribute("aria-label", "go to this picture");
    thumbnail.mousePressed(() => goTo(start));
  }
}

function button(name, action) {
  createButton(name).parent("buttons").id(name).mousePressed(action);
}

function goTo(along) {
  walking = false;
  wanted = along.slice();
}

function randomise() {
  goTo(wanted.map(() => constrain(randomGaussian(), -LATENTS.edge, LATENTS.edge)));
}

function toggleWalk() {
  walking = !walking;
}

function savePicture() {
  saveCanvas(LATENTS.name, "png");
}

function keyPressed() {
  if (key === "s" || key === "S") savePicture();
  if (key === "r" || key === "R") randomise();
  if (key === "w" || key === "W") toggleWalk();
}

// ---- a frame ---------------------------------------------------------------------------------

function draw() {
  if (!network) return;
  if (walking) walk();
  select("#walk").elt.classList.toggle("on", walking);
  moveSliders();
  const along = sliders.map((slider) => slider.value());
  if (String(along) === shown) return; // nothing has moved
  shown = String(along);
  if (!picture) picture = createImage(width * pixelDensity(), height * pixelDensity());
  paint(picture, decode(toLatent(along, LATENTS)));
  image(picture, 0, 0, width, height);
}

// Perlin noise, a curve of it for each direction; turned into something like normal numbers.
function walk() {
  steps += (SPEED * deltaTime) / 1000;
  const point = wanted.map((_, i) => (noise(steps * 4, 7 * i) - 0.5) * 7);
  wanted = fromPoint(point, LATENTS);
}

function moveSliders() {
  const share = 1 - Math.exp(-deltaTime / 1000 / FOLLOW_S);
  sliders.forEach((slider, i) => {
    const off = wanted[i] - slider.value();
    slider.value(Math.abs(off) < 0.002 ? wanted[i] : slider.value() + share * off);
  });
}

// ---- numbers to pixels -----------------------------------------------------------------------

// values: as decode() gives them. They are resized first, and coloured after that: so the edge of a
// shape, which lies where its distance is 0, is as sharp as the canvas.
function paint(target, values) {
  const channels = LATENTS.pictures === "colour" ? 3 : 1;
  const large = resize(values, LATENTS.height, LATENTS.width, channels, target.height, target.width);
  target.loadPixels();
  const pixels = target.pixels;
  for (let i = 0, p = 0; p < pixels.length; i += channels, p += 4) {
    if (channels === 3) {
      for (let c = 0; c < 3; c++) pixels[p + c] = 255 * large[i + c];
    } else {
      const light =
        LATENTS.pictures === "distance" ? inside(large[i], target.width) : clamp(large[i]);
      for (let c = 0; c < 3; c++) pixels[p + c] = GROUND[c] + (PAPER[c] - GROUND[c]) * light;
    }
    pixels[p + 3] = 255;
  }
  target.updatePixels();
}

// How much of a pixel is inside of the shape, with a faint glow around it.
function inside(distance, side) {
  return Math.max(clamp(0.5 - distance * side), 0.16 * Math.exp(-9 * Math.max(distance, 0)));
}

function clamp(x) {
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

// (height, width, channels) -> (tall, wide, channels), smoothly: first along rows, then down.
function resize(values, height, width, channels, tall, wide) {
  const across = cubic(width, wide);
  const rows = new Float32Array(height * wide * channels);
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < wide; x++) {
      for (let c = 0; c < channels; c++, to++) {
        let sum = 0;
        for (let k = 4 * x; k < 4 * x + 4; k++) {
          sum += across.share[k] * values[(y * width + across.from[k]) * channels + c];
        }
        rows[to] = sum;
      }
    }
  }
  const down = cubic(height, tall);
  const line = wide * channels;
  const large = new Float32Array(tall * line);
  for (let y = 0, to = 0; y < tall; y++) {
    const [f0, f1, f2, f3] = down.from.subarray(4 * y, 4 * y + 4).map((row) => row * line);
    const [s0, s1, s2, s3] = down.share.subarray(4 * y, 4 * y + 4);
    for (let x = 0; x < line; x++, to++) {
      large[to] = s0 * rows[f0 + x] + s1 * rows[f1 + x] + s2 * rows[f2 + x] + s3 * rows[f3 + x];
    }
  }
  return large;
}

// Catmull-Rom's cubic: from which four of n pixels each of m new ones is made, and their shares.
const cubics = new Map();

function cubic(n, m) {
  const key = `${n} ${m}`;
  if (!cubics.has(key)) {
    const from = new Int32Array(4 * m);
    const share = new Float32Array(4 * m);
    for (let i = 0; i < m; i++) {
      const at = ((i + 0.5) * n) / m - 0.5;
      for (let k = 0; k < 4; k++) {
        const pixel = Math.floor(at) - 1 + k;
        const d = Math.abs(at - pixel);
        from[4 * i + k] = Math.min(Math.max(pixel, 0), n - 1);
        share[4 * i + k] =
          d < 1 ? (1.5 * d - 2.5) * d * d + 1 : d < 2 ? ((2.5 - d / 2) * d - 4) * d + 2 : 0;
      }
    }
    cubics.set(key, { from, share });
  }
  return cubics.get(key);
}
