// Where this network's pictures lie among its latents. The sliders go along directions, the one in
// which pictures change most first; a slider says how far from the middle, in deviations of what the
// network has seen. `map` is what latents.json holds.
"use strict";

// A point for which a step of the same length is as visible in every direction -> the sliders.
// What goes too far along one is turned back, so a walk that goes on for ever goes to and fro.
function fromPoint(point, map) {
  return point.map((x, i) => fold(x * map.stretch[i], map.edge));
}

function fold(x, edge) {
  const turns = x - edge - 4 * edge * Math.floor((x - edge) / (4 * edge));
  return Math.abs(turns - 2 * edge) - edge;
}

// The sliders -> the latents, which the network takes.
function toLatent(along, map) {
  return bend(product(along, map.directions), map);
}

// Standard normal numbers -> latents: in each layer every number goes along a line with corners (its
// knots, evenly spaced from -reach to reach), and then all of them are rotated.
function bend(normal, map) {
  let x = normal;
  for (let layer = map.knots.length - 1; layer >= 0; layer--) {
    x = x.map((value, i) => between(map.knots[layer][i], value, map.reach));
    x = product(x, map.rotations[layer]);
  }
  return x.map((value, i) => value * map.std[i] + map.mean[i]);
}

function between(knots, x, reach) {
  const pieces = knots.length - 1;
  const place = Math.min(Math.max(((x + reach) / (2 * reach)) * pieces, 0), pieces);
  const below = Math.min(Math.floor(place), pieces - 1);
  return knots[below] + (knots[below + 1] - knots[below]) * (place - below);
}

// A row of numbers times a matrix.
function product(row, matrix) {
  return matrix[0].map((_, j) => row.reduce((sum, x, i) => sum + x * matrix[i][j], 0));
}

if (typeof module !== "undefined") {
  module.exports = { fromPoint, toLatent };
}
