// The focal point of a picture: set by a click on it, moved by arrow keys, kept in two number fields beside it.
"use strict";
(() => {
  const frame = /** @type {HTMLElement | null} */ (document.querySelector(".focal"));
  const image = frame?.querySelector("img");
  const fields = ["x", "y"].map((name) => /** @type {HTMLInputElement | null} */ (document.getElementById(`id_focal_${name}`)));
  if (!image || !fields.every(Boolean)) return;
  const STEP = 0.01;
  const LONG_STEP = 0.1;
  const WAYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  const point = document.createElement("button");
  point.type = "button";
  point.className = "focal-point";
  const clear = document.createElement("button");
  clear.type = "button";
  clear.className = "focal-clear";
  clear.textContent = gettext("Clear focal point");
  frame.append(point);
  frame.after(clear);

  /** @returns {number[] | null} the fractions in the fields, null unless both are numbers from 0 to 1 */
  function current() {
    const values = fields.map((field) => (field.value === "" ? NaN : Number(field.value)));
    return values.every((value) => value >= 0 && value <= 1) ? values : null;
  }

  function show() {
    const set = current();
    const [x, y] = set || [0.5, 0.5];
    point.style.left = `${x * 100}%`;
    point.style.top = `${y * 100}%`;
    point.classList.toggle("is-unset", !set);
    clear.hidden = fields.every((field) => field.value === "");
    const words = set
      ? gettext("Focal point: %s from the left, %s from the top. Move it by arrow keys.")
      : gettext("Focal point: not set. Set it by arrow keys.");
    point.setAttribute("aria-label", set ? interpolate(words, set.map((value) => `${Math.round(value * 100)} %`)) : words);
  }

  /** @param {number[]} values */
  function set(values) {
    values.forEach((value, index) => { fields[index].value = String(Math.round(Math.min(1, Math.max(0, value)) * 1e4) / 1e4); });
    fields[0].dispatchEvent(new Event("input", { bubbles: true }));
    show();
  }

  /** @param {MouseEvent} event */
  function follow(event) {
    const { left, top, width, height } = image.getBoundingClientRect();
    set([(event.clientX - left) / width, (event.clientY - top) / height]);
  }

  image.addEventListener("click", (event) => {
    follow(event);
    point.focus();
  });
  point.addEventListener("pointerdown", (event) => point.setPointerCapture(event.pointerId));
  point.addEventListener("pointermove", (event) => { if (point.hasPointerCapture(event.pointerId)) follow(event); });
  point.addEventListener("keydown", (event) => {
    const way = WAYS[event.key];
    if (!way) return;
    event.preventDefault();
    const step = event.shiftKey ? LONG_STEP : STEP;
    const from = current() || [0.5, 0.5];
    set(from.map((value, index) => value + way[index] * step));
  });
  clear.addEventListener("click", () => {
    for (const field of fields) field.value = "";
    show();
    point.focus();
  });
  for (const field of fields) field.addEventListener("input", show);
  show();
})();
