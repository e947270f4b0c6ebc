// Send the camera's newest frame whenever an answer is back, and draw the boxes on it.
import { Tracks } from "./tracks.js";

const SENT_PX = 480; // longer side of a sent frame; detectors look at about as many
const IN_FLIGHT = 2; // one is worked on while the next one travels
const $ = (id) => document.getElementById(id);
const video = $("video");
const canvas = $("boxes");
const small = document.createElement("canvas");
let stream = null;

$("form").onsubmit = (event) => {
  event.preventDefault();
  if (stream) stop("");
  else start().catch((error) => stop(explain(error)));
};
fillModels();

async function fillModels() {
  const answer = await fetch("models", { headers: keyHeader() });
  $("key-field").hidden = answer.status !== 401 && !$("key").value;
  if (!answer.ok) {
    $("problem").textContent = (await answer.json()).detail;
    return false;
  }
  const chosen = $("model").value;
  $("model").replaceChildren(...(await answer.json()).map((name) => new Option(name)));
  if (chosen) $("model").value = chosen;
  return true;
}

function keyHeader() {
  return $("key").value ? { "X-API-Key": $("key").value } : {};
}

async function start() {
  $("problem").textContent = "";
  if (!navigator.mediaDevices) throw new Error("no-camera-here");
  if (!(await fillModels())) return;
  const wanted = { video: { width: { ideal: 640 }, facingMode: "environment" } };
  video.srcObject = await navigator.mediaDevices.getUserMedia(wanted);
  await video.play();
  stream = { number: 0, sent: new Map(), times: [], delays: [], tracks: new Tracks() };
  open(stream);
  $("start").textContent = "Stop";
}

function open(live) {
  const address = new URL("stream", location.href);
  address.protocol = address.protocol.replace("http", "ws");
  address.search = new URLSearchParams({ model: $("model").value, confidence: 0.05 });
  const protocols = ["detectlab"];
  if ($("key").value) {
    const bytes = String.fromCharCode(...new TextEncoder().encode($("key").value));
    protocols.push("key." + btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""));
  }
  live.socket = new WebSocket(address, protocols);
  live.socket.onopen = () => capture(live);
  live.socket.onmessage = (event) => take(live, JSON.parse(event.data));
  live.socket.onclose = (event) => {
    if (stream === live) stop(event.reason || "The stream has ended. Start it again.");
  };
}

function capture(live) {
  if (stream !== live) return;
  video.requestVideoFrameCallback(() => capture(live));
  const isOpen = live.socket.readyState === WebSocket.OPEN;
  if (!isOpen || live.sent.size >= IN_FLIGHT || live.isEncoding) return;
  const scale = SENT_PX / Math.max(video.videoWidth, video.videoHeight);
  small.width = Math.round(video.videoWidth * Math.min(1, scale));
  small.height = Math.round(video.videoHeight * Math.min(1, scale));
  const captured = performance.now();
  live.isEncoding = true;
  small.getContext("2d").drawImage(video, 0, 0, small.width, small.height);
  const picture = createImageBitmap(small);
  small.toBlob((blob) => {
    live.isEncoding = false;
    if (stream !== live || live.socket.readyState !== WebSocket.OPEN) return;
    live.sent.set(++live.number, { captured, picture });
    live.socket.send(blob);
  }, "image/jpeg", 0.8);
}

async function take(live, message) {
  if (message.colours) live.colours = message.colours;
  if (!message.frame) return;
  const now = performance.now();
  const { captured, picture } = live.sent.get(message.frame);
  for (const number of live.sent.keys()) if (number <= message.frame) live.sent.delete(number);
  if (message.detail) {
    $("problem").textContent = message.detail;
    return;
  }
  live.times.push(now);
  live.delays.push(now - captured);
  while (live.times[0] < now - 2000) {
    live.times.shift();
    live.delays.shift();
  }
  const shown = message.detections.filter((it) => it.confidence >= $("confidence").value);
  const centres = shown.map((it) => ({
    name: it.class_name,
    x: (it.x_min + it.x_max) / 2 / small.width,
    y: (it.y_min + it.y_max) / 2 / small.height,
  }));
  live.tracks.update(centres, Number($("line").value), now);
  draw(live, shown, await picture);
  tell(live, now);
}

// Boxes are drawn on the frame that they were found in: on a newer one they would lag behind.
function draw(live, detections, picture) {
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const pen = canvas.getContext("2d");
  pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const scale = canvas.width / small.width;
  const font = Math.max(14, canvas.width / 36);
  pen.lineWidth = Math.max(2, canvas.width / 250);
  pen.font = `${font}px system-ui, sans-serif`;
  pen.textBaseline = "top";
  const x = $("line").value * canvas.width;
  pen.setLineDash([12, 8]);
  pen.strokeStyle = "#ffd600";
  pen.strokeRect(x, -9, canvas.width * 2, canvas.height + 18);
  pen.setLineDash([]);
  for (const it of [...detections].reverse()) {
    const colour = live.colours[it.class_name] ?? "#ffffff";
    const [left, top] = [it.x_min * scale, it.y_min * scale];
    pen.strokeStyle = pen.fillStyle = colour;
    pen.strokeRect(left, top, (it.x_max - it.x_min) * scale, (it.y_max - it.y_min) * scale);
    const text = `${it.class_name} ${it.confidence.toFixed(2)}`;
    pen.fillRect(left, top, pen.measureText(text).width + 8, font * 1.3); // inside its own box
    pen.fillStyle = isLight(colour) ? "#000" : "#fff";
    pen.fillText(text, left + 4, top + font * 0.15);
  }
}

function isLight(colour) {
  const [red, green, blue] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return 0.3 * red + 0.59 * green + 0.11 * blue > 130;
}

function tell(live, now) {
  const seconds = Math.min(2000, now - live.times[0]) / 1000;
  const delays = [...live.delays].sort((a, b) => a - b);
  $("rate").textContent = seconds > 0 ? ((live.times.length - 1) / seconds).toFixed(1) : "0";
  $("delay").textContent = Math.round(delays[delays.length >> 1]);
  $("crossings").textContent = live.tracks.total;
  const counts = [...live.tracks.crossings].map(([name, count]) => `${count} ${name}`);
  $("classes").textContent = counts.length ? `(${counts.join(", ")})` : "";
}

function stop(reason) {
  const ended = stream;
  stream = null;
  ended?.socket?.close();
  video.srcObject?.getTracks().forEach((track) => track.stop());
  video.srcObject = null;
  canvas.width = 0;
  $("start").textContent = "Start";
  $("problem").textContent = reason;
}

function explain(error) {
  if (error.message === "no-camera-here")
    return "The browser gives its camera only to pages at https or localhost.";
  if (error.name === "NotFoundError")
    return "This machine has no camera. Connect one, and start again.";
  if (error.name === "NotAllowedError")
    return "The browser may not use the camera. Allow it in the address bar, and start again.";
  return `The camera did not start: ${error.message}`;
}
