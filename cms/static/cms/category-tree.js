// The tree of categories: dragged by a handle, or moved by pressing it and choosing a place. Each move has Undo.
"use strict";
(() => {
  const area = document.getElementById("category-tree");
  if (!area) return;
  const DRAG_FROM_PX = 6; // less is a press
  const EDGE_PX = 60;
  const UNDO_MS = 10_000;
  const undo = area.querySelector("form.undo");
  const refusal = document.getElementById("tree-refusal");
  const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("tree-dialog"));
  const place = /** @type {HTMLSelectElement} */ (document.getElementById("tree-place"));
  const topLevel = document.getElementById("tree-top");
  const firstPlace = place.options[0];
  let undoTimer = 0;
  let takeBack = () => {};

  /** @type {{handle: HTMLElement, x: number, y: number, shown: HTMLElement | null, target: HTMLElement | null} | null} */
  let drag = null;
  let wasDragged = false;

  const handles = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll(".tree-handle")]);
  const handleOf = (id) => handles().find((one) => one.dataset.category === id);
  const rowOf = (handle) => handle.closest("tr");

  function begin() {
    for (const handle of handles()) handle.hidden = false;
    document.getElementById("tree-hint").hidden = handles().length < 2;
  }

  /** @param {string} text */
  function refuse(text) {
    refusal.textContent = text;
  }

  /** Put the list as it is now in place of this one, with the boxes that are ticked. */
  async function renew() {
    const answer = await fetch(location.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("result_list");
    if (!fresh) return location.reload(); // The session has ended, or the last row has gone.
    const old = document.getElementById("result_list");
    for (const box of old.querySelectorAll("input.action-select:checked")) {
      const again = fresh.querySelector(`input.action-select[value="${box.value}"]`);
      if (again) again.checked = true;
    }
    old.replaceWith(document.adoptNode(fresh));
    const boxes = document.querySelectorAll("tr input.action-select");
    if (boxes.length) window.Actions(boxes, { parent: document.querySelector(".result-list-wrapper") });
    begin();
  }

  function endUndo() {
    clearTimeout(undoTimer);
    undo.hidden = true;
  }

  /** @param {string} text
   *  @param {() => void} back */
  function offerUndo(text, back) {
    endUndo();
    undo.querySelector("span").textContent = text;
    takeBack = back;
    undo.hidden = false;
    undoTimer = setTimeout(endUndo, UNDO_MS);
  }

  /** @param {HTMLElement} handle
   *  @param {string} parent the id of the new parent, empty for the top
   *  @param {boolean} [isUndo] */
  async function move(handle, parent, isUndo = false) {
    refuse("");
    endUndo();
    const data = new FormData(undo);
    data.set("parent", parent);
    const { category, move: address } = handle.dataset;
    try {
      const answer = await fetch(address, { method: "POST", body: data });
      const told = await answer.json();
      if (!answer.ok) return refuse(told.message);
      await renew();
      handleOf(category)?.focus();
      if (!isUndo && told.former !== parent) {
        offerUndo(told.message, () => move(handleOf(category) || handle, told.former, true));
      }
    } catch (error) {
      console.warn(error);
      refuse(area.dataset.failed);
    }
  }

  /** @param {HTMLElement} handle */
  async function choose(handle) {
    refuse("");
    try {
      const told = await (await fetch(handle.dataset.places)).json();
      const options = told.places.map(({ id, name }) => new Option(name, id));
      place.replaceChildren(firstPlace, ...options);
      place.value = told.parent;
    } catch (error) {
      console.warn(error);
      return refuse(area.dataset.failed);
    }
    dialog.querySelector("[data-name]").textContent = handle.dataset.name;
    dialog.returnValue = "";
    dialog.showModal();
    place.focus();
    dialog.onclose = () => {
      handle.focus();
      if (dialog.returnValue === "move") move(handle, place.value);
    };
  }

  /** @param {HTMLElement | null} target a row, or the bar of the top level */
  function aim(target) {
    drag.target?.classList.remove("is-target");
    drag.target = target;
    target?.classList.add("is-target");
  }

  /** @param {PointerEvent} event */
  function lift(event) {
    drag.shown = document.createElement("div");
    drag.shown.className = "tree-dragged";
    drag.shown.textContent = drag.handle.dataset.name;
    area.append(drag.shown);
    topLevel.hidden = false;
    rowOf(drag.handle).classList.add("is-dragged");
    drag.handle.setPointerCapture(event.pointerId);
  }

  function drop() {
    drag.shown?.remove();
    topLevel.hidden = true;
    aim(null);
    rowOf(drag.handle)?.classList.remove("is-dragged");
    drag = null;
  }

  document.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest(".tree-handle");
    wasDragged = false;
    if (handle && event.button === 0) drag = { handle, x: event.clientX, y: event.clientY, shown: null, target: null };
  });

  document.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const { clientX: x, clientY: y } = event;
    if (!drag.shown && Math.hypot(x - drag.x, y - drag.y) < DRAG_FROM_PX) return;
    if (!drag.shown) lift(event);
    drag.shown.style.transform = `translate(${x + 12}px, ${y + 12}px)`;
    if (y > innerHeight - EDGE_PX) document.scrollingElement.scrollBy(0, 12);
    if (y < EDGE_PX) document.scrollingElement.scrollBy(0, -12);
    const below = document.elementFromPoint(x, y);
    const row = below?.closest("tr");
    aim(below?.closest("#tree-top") || (row?.querySelector(".tree-handle") && row !== rowOf(drag.handle) ? row : null));
  });

  document.addEventListener("pointerup", () => {
    if (!drag) return;
    const { handle, shown, target } = drag;
    wasDragged = shown !== null;
    drop();
    if (target) move(handle, target === topLevel ? "" : target.querySelector(".tree-handle").dataset.category);
  });
  document.addEventListener("pointercancel", () => { if (drag) drop(); });
  document.addEventListener("keydown", (event) => { if (drag && event.key === "Escape") drop(); });

  document.addEventListener("click", (event) => {
    const handle = event.target.closest(".tree-handle");
    if (handle && !wasDragged) choose(handle);
    wasDragged = false;
  });

  undo.addEventListener("submit", (event) => {
    event.preventDefault();
    takeBack();
  });

  begin();
})();
