// Boxes on a picture: draw, move, resize, delete, choose the class by a key, next.
const SVG = "http://www.w3.org/2000/svg";
const SMALLEST = 0.005; // of the picture's side
const clamp = (value, low = 0, high = 1) => Math.min(high, Math.max(low, value));

class Editor {
  constructor(root) {
    this.root = root.querySelector(".labelling");
    this.part = (name) => this.root.querySelector(`.${name}`);
    this.svg = this.part("boxes");
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("pointermove", (event) => this.drag(event));
    this.svg.addEventListener("pointerup", () => this.release());
    this.svg.addEventListener("pointercancel", () => this.release());
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.part("delete").onclick = () => this.remove();
    this.part("before").onclick = () => this.send(-1);
    this.part("next").onclick = () => this.send(1);
    this.name = null;
  }

  show(data, setTriggerValue) {
    this.trigger = setTriggerValue;
    if (this.name === data.name && this.version === data.version) return;
    Object.assign(this, { name: data.name, version: data.version, classes: data.classes });
    this.boxes = data.boxes.map((box) => [...box]);
    this.chosen = -1;
    this.number = clamp(this.number ?? 0, 0, this.classes.length - 1);
    this.part("picture").src = data.picture;
    this.part("classes").replaceChildren(
      ...this.classes.map((name, number) => {
        const button = document.createElement("button");
        button.textContent = number < 9 ? `${number + 1} ${name}` : name;
        button.onclick = () => this.choose(number);
        return button;
      }),
    );
    this.draw();
    this.root.dataset.picture = data.name;
    this.root.focus({ preventScroll: true });
  }

  at(event) {
    const frame = this.svg.getBoundingClientRect();
    const share = (value, low, size) => clamp((value - low) / size);
    return [
      share(event.clientX, frame.left, frame.width),
      share(event.clientY, frame.top, frame.height),
    ];
  }

  press(event) {
    event.preventDefault();
    this.root.focus({ preventScroll: true });
    this.svg.setPointerCapture(event.pointerId);
    const [x, y] = this.at(event);
    const target = event.target.dataset;
    if (target.corner !== undefined) {
      const box = this.boxes[this.chosen];
      const [i, j] = [1 + 2 * (target.corner & 1), 2 + (target.corner & 2)];
      this.action = { fixed: [box[4 - i], box[6 - j]] };
    } else if (target.box !== undefined && !event.shiftKey) {
      this.chosen = Number(target.box);
      this.action = { from: [x, y], box: [...this.boxes[this.chosen]] };
    } else {
      this.boxes.push([this.number, x, y, x, y]);
      this.chosen = this.boxes.length - 1;
      this.action = { fixed: [x, y] };
    }
    this.draw();
  }

  drag(event) {
    if (!this.action) return;
    const [x, y] = this.at(event);
    const box = this.boxes[this.chosen];
    if (this.action.fixed) {
      const [u, v] = this.action.fixed;
      box.splice(1, 4, Math.min(x, u), Math.min(y, v), Math.max(x, u), Math.max(y, v));
    } else {
      const old = this.action.box;
      const dx = clamp(x - this.action.from[0], -old[1], 1 - old[3]);
      const dy = clamp(y - this.action.from[1], -old[2], 1 - old[4]);
      box.splice(1, 4, old[1] + dx, old[2] + dy, old[3] + dx, old[4] + dy);
    }
    this.draw();
  }

  release() {
    const box = this.action && this.boxes[this.chosen];
    this.action = null;
    if (box && Math.min(box[3] - box[1], box[4] - box[2]) < SMALLEST) this.remove();
  }

  key(event) {
    const number = Number(event.key) - 1;
    if (event.key === "Delete" || event.key === "Backspace") this.remove();
    else if (event.key === "Enter") this.send(1);
    else if (event.key === "Escape") this.chosen = -1;
    else if (number >= 0 && number < this.classes.length) this.choose(number);
    else return;
    event.preventDefault();
    event.stopPropagation();
    this.draw();
  }

  choose(number) {
    this.number = number;
    if (this.chosen >= 0) this.boxes[this.chosen][0] = number;
    this.draw();
  }

  remove() {
    if (this.chosen >= 0) this.boxes.splice(this.chosen, 1);
    this.chosen = -1;
    this.draw();
  }

  send(step) {
    this.trigger("saved", { name: this.name, boxes: this.boxes, step });
  }

  draw() {
    const make = (kind, attributes, data = {}) => {
      const node = document.createElementNS(SVG, kind);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      Object.assign(node.dataset, data);
      return node;
    };
    const percent = (value) => `${value * 100}%`;
    const nodes = this.boxes.flatMap(([number, left, top, right, bottom], index) => {
      const place = { x: percent(left), y: percent(top) };
      const size = { width: percent(right - left), height: percent(bottom - top) };
      const kind = index === this.chosen ? "chosen" : "";
      const label = make("text", { ...place, dy: top > 0.04 ? -4 : 14 });
      label.textContent = this.classes[number] ?? "ignored";
      return [make("rect", { ...place, ...size, class: kind }, { box: index }), label];
    });
    if (this.chosen >= 0) {
      const box = this.boxes[this.chosen];
      for (const corner of [0, 1, 2, 3]) {
        const [cx, cy] = [percent(box[1 + 2 * (corner & 1)]), percent(box[2 + (corner & 2)])];
        nodes.push(make("circle", { cx, cy, r: 6 }, { corner }));
      }
    }
    this.svg.replaceChildren(...nodes);
    [...this.part("classes").children].forEach((button, number) =>
      button.setAttribute("aria-pressed", String(number === this.number)),
    );
    this.part("count").textContent = `${this.boxes.length} box${this.boxes.length === 1 ? "" : "es"}`;
  }
}

const editors = new WeakMap();

export default function (component) {
  const { parentElement, data, setTriggerValue } = component;
  if (!editors.has(parentElement)) editors.set(parentElement, new Editor(parentElement));
  editors.get(parentElement).show(data, setTriggerValue);
}
