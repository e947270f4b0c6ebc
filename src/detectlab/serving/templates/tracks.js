// Follow objects from frame to frame, and count those that cross a vertical line.

const FORGOTTEN_MS = 700;
// Farthest that an object moves between two answered frames, in widths of the picture.
const FARTHEST = 0.25;

export class Tracks {
  constructor() {
    this.tracks = [];
    this.crossings = new Map();
  }

  get total() {
    return [...this.crossings.values()].reduce((sum, count) => sum + count, 0);
  }

  // `objects`: [{ name, x, y }], centres from 0 to 1. `line`: x of the line. `now`: in ms.
  update(objects, line, now) {
    const left = this.tracks.filter((track) => now - track.seen < FORGOTTEN_MS);
    const next = [];
    for (const object of objects) {
      const track = nearest(left, object);
      if (track) left.splice(left.indexOf(track), 1);
      const side = object.x < line ? -1 : 1;
      if (track && track.side !== side && track.line === line)
        this.crossings.set(object.name, (this.crossings.get(object.name) ?? 0) + 1);
      next.push({ ...object, side, line, seen: now });
    }
    this.tracks = [...next, ...left];
  }
}

function nearest(tracks, object) {
  let best = null;
  let shortest = FARTHEST;
  for (const track of tracks) {
    const far = Math.hypot(track.x - object.x, track.y - object.y);
    if (track.name === object.name && far < shortest) {
      best = track;
      shortest = far;
    }
  }
  return best;
}
