// SPDX-License-Identifier: Apache-2.0
// Runs npm's lip-sync libraries, made for browsers, in node: the libraries themselves are unmodified,
// what they ask of the browser (an AnalyserNode, an audio worklet's port, a clock) is imitated here.
//
//   node node_peers.mjs PEER MODULES CLIPS.json OUT.json
//
// PEER is wawa-lipsync or headaudio, MODULES the node_modules folder, CLIPS a list of files of
// float32 samples at 48 kHz, as a browser's audio context has them. OUT holds, for each clip, the
// weights of the visemes 60 times a second, and the CPU milliseconds that the library took; the
// imitated FFT, which is native code in a browser, is not counted against it.

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

export const RATE = 48000;
const FRAMES = 60;
let clock = 0; // seconds of audio

// The Web Audio API's AnalyserNode, after its specification: Blackman window, FFT, smoothing
// over time, decibels from -100 to -30 onto bytes.
export class Analyser {
  constructor() {
    this.fftSize = 2048;
    this.smoothing = 0.8;
    this.samples = new Float32Array(0);
    this.position = 0;
    this.spentMs = 0;
  }
  get frequencyBinCount() {
    return this.fftSize / 2;
  }
  connect() {}
  getByteFrequencyData(bytes) {
    const began = process.cpuUsage();
    const n = this.fftSize;
    if (!this.window || this.window.length !== n) {
      this.window = Float64Array.from({ length: n }, (_, i) =>
        0.42 - 0.5 * Math.cos((2 * Math.PI * i) / n) + 0.08 * Math.cos((4 * Math.PI * i) / n));
      this.smoothed = new Float64Array(n / 2);
    }
    const re = new Float64Array(n), im = new Float64Array(n);
    for (let i = 0; i < n; i++) {
      const place = this.position - n + i;
      re[i] = place >= 0 && place < this.samples.length ? this.samples[place] * this.window[i] : 0;
    }
    fft(re, im);
    for (let k = 0; k < n / 2; k++) {
      const magnitude = Math.hypot(re[k], im[k]) / n;
      this.smoothed[k] = this.smoothing * this.smoothed[k] + (1 - this.smoothing) * magnitude;
      const decibels = 20 * Math.log10(this.smoothed[k] || 1e-12);
      bytes[k] = Math.max(0, Math.min(255, Math.floor((255 / 70) * (decibels + 100))));
    }
    this.spentMs += cpuMs(began);
  }
}

// Radix-2, in place.
export function fft(re, im) {
  const n = re.length;
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
  for (let size = 2; size <= n; size <<= 1) {
    const angle = (-2 * Math.PI) / size;
    for (let k = 0; k < size / 2; k++) {
      const c = Math.cos(angle * k), s = Math.sin(angle * k);
      for (let i = k; i < n; i += size) {
        const j = i + size / 2;
        const x = re[j] * c - im[j] * s, y = re[j] * s + im[j] * c;
        re[j] = re[i] - x; im[j] = im[i] - y;
        re[i] += x; im[i] += y;
      }
    }
  }
}

function cpuMs(began) {
  const spent = process.cpuUsage(began);
  return (spent.user + spent.system) / 1000;
}

async function wawa(modules) {
  globalThis.window = {
    AudioContext: class {
      sampleRate = RATE;
      createAnalyser() { return new Analyser(); }
      resume() {}
    },
  };
  // It asks performance.now() how long a viseme has lasted: that is time of the audio.
  Object.defineProperty(globalThis, "performance", {
    value: { now: () => clock * 1000 }, configurable: true,
  });
  const file = path.join(modules, "wawa-lipsync/dist/wawa-lipsync.es.js");
  // An ES module by its export statement only: node wants to be told.
  const source = fs.readFileSync(file, "utf8");
  const { Lipsync, VISEMES } = await import(
    "data:text/javascript;base64," + Buffer.from(source).toString("base64"));
  const names = Object.values(VISEMES);
  return {
    names,
    run(samples) {
      const lipsync = new Lipsync();
      lipsync.analyser.samples = samples;
      const rows = frames(samples, (end) => {
        lipsync.analyser.position = end;
        lipsync.processAudio();
        return names.map((name) => (name === lipsync.viseme ? 1 : 0));
      });
      return { ...rows, cpu_ms: rows.cpu_ms - lipsync.analyser.spentMs };
    },
  };
}

async function headaudio(modules) {
  const folder = path.join(modules, "@met4citizen/headaudio");
  globalThis.AudioWorkletNode = class {
    constructor() { this.port = { postMessage() {}, onmessage: null }; }
  };
  const load = (name) => import(pathToFileURL(path.join(folder, "modules", name)));
  const { HeadAudio } = await load("headaudio.mjs");
  const { Processor } = await load("processor.mjs");
  const bytes = fs.readFileSync(path.join(folder, "dist/model-en-mixed.bin"));
  globalThis.fetch = async () => new Response(bytes);
  const probe = new HeadAudio(null);
  return {
    names: probe.visemeNames,
    async run(samples) {
      const node = new HeadAudio(null);
      const worklet = { port: { postMessage: (data) => node.port.onmessage({ data }) } };
      const processor = new Processor({ sampleRate: RATE }, worklet);
      node.port.postMessage = (data) => processor._onmessage({ data });
      await node.loadModel("model-en-mixed.bin");
      let fed = 0;
      const weights = () => node.visemeAlphas.map(
        (alpha, i) => node.visemeMaxs[i] * node.easing(alpha));
      return frames(samples, (end) => {
        for (; fed + 128 <= end; fed += 128) processor.process(samples.subarray(fed, fed + 128));
        node.update(1000 / FRAMES);
        return weights();
      });
    },
  };
}

// Rows at the end of every 60th of a second; CPU time of all of it.
function frames(samples, step) {
  const values = [];
  const began = process.cpuUsage();
  for (let i = 1; Math.round((i * RATE) / FRAMES) <= samples.length; i++) {
    const end = Math.round((i * RATE) / FRAMES);
    clock = end / RATE;
    values.push(step(end));
  }
  return { values, cpu_ms: cpuMs(began) };
}

async function main([peer, modules, clips, out]) {
  const library = await { "wawa-lipsync": wawa, headaudio }[peer](modules);
  const found = [];
  const files = JSON.parse(fs.readFileSync(clips, "utf8"));
  const read = (file) => {
    const bytes = fs.readFileSync(file);
    return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  };
  if (files.length) await library.run(read(files[0])); // compiled before it is measured
  for (const file of files) {
    const { values, cpu_ms } = await library.run(read(file));
    found.push({ rate: FRAMES, first_s: 1 / FRAMES, names: library.names, values, cpu_ms });
  }
  fs.writeFileSync(out, JSON.stringify(found));
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(process.argv.slice(2));
}
