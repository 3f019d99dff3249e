// Renditions that the server has yet to make. It works on one picture at a time and refuses what it can't get to, so
// these wait in one line: the first asks again after growing pauses, then it is shown, or its alternative text is.
"use strict";
const loadThumbnails = (() => {
  const PAUSES_MS = [0, 1000, 2000, 4000, 8000];
  const BUSY = 503;
  const RENDITIONS = [/\/mediafile\/[^/]+\/file\/\?size=/, /\/media\/[^/]+\/renditions\/[^/?]+$/];
  /** @type {WeakMap<HTMLImageElement, string>} the address that each picture has waited for, or waits for */
  const asked = new WeakMap();
  /** @type {HTMLImageElement[]} */
  const line = [];
  let isMoving = false;

  /** @param {HTMLImageElement} image */
  const isWanted = (image) => image.isConnected && (!image.src || image.src === asked.get(image));

  /** Ask until the picture is made. Another refusal than "busy" is the last.
   *  @param {HTMLImageElement} image */
  async function waitFor(image) {
    for (const pause of PAUSES_MS) {
      await new Promise((resolve) => { setTimeout(resolve, pause); });
      if (!isWanted(image)) return;
      const answer = await fetch(asked.get(image), { method: "HEAD", redirect: "manual" }).catch(() => null);
      if (answer && answer.status !== BUSY) return;
    }
  }

  async function move() {
    if (isMoving) return;
    isMoving = true;
    for (let image = line.shift(); image; image = line.shift()) {
      await waitFor(image);
      if (isWanted(image)) image.src = asked.get(image);
    }
    isMoving = false;
  }

  /** @param {HTMLImageElement} image
   *  @param {string} address */
  function loadInTurn(image, address) {
    if (asked.get(image) === address) return; // It had its tries.
    asked.set(image, address);
    line.push(image);
    move();
  }

  // The event of a picture does not bubble: only the way down passes here.
  document.addEventListener("error", ({ target }) => {
    if (!(target instanceof HTMLImageElement) || !target.src.startsWith(`${location.origin}/`)) return;
    if (RENDITIONS.some((known) => known.test(target.src))) loadInTurn(target, target.src);
  }, true);

  /** Load pictures one by one from their `data-src`.
   *  @param {Iterable<HTMLImageElement>} images */
  return (images) => {
    for (const image of images) loadInTurn(image, new URL(image.dataset.src, location.href).href);
  };
})();
document.addEventListener("DOMContentLoaded", () => loadThumbnails(document.querySelectorAll("img[data-src]")));
