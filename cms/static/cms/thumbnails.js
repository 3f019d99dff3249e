// Work on pictures or texts that a server refuses while it works on others: it does one at a time. Each is asked again
// after growing pauses. Thumbnails wait in one line until they are made, or show their alternative text in the end.
"use strict";

/** Send a request until the server is no longer busy, or for a last time. What it refuses so has changed nothing.
 *  @template {{ status: number }} Answer
 *  @param {() => Promise<Answer>} send
 *  @returns {Promise<Answer>} */
async function sendWhileBusy(send) {
  for (const pause of [1000, 2000, 4000, 8000]) {
    const answer = await send();
    if (answer.status !== 503) return answer;
    await new Promise((resolve) => { setTimeout(resolve, pause); });
  }
  return send();
}

const loadThumbnails = (() => {
  const RENDITIONS = [/\/mediafile\/[^/]+\/file\/\?size=/, /\/media\/[^/]+\/renditions\/[^/?]+$/];
  /** @type {WeakMap<HTMLImageElement, string>} the address that each picture has waited for, or waits for */
  const asked = new WeakMap();
  /** @type {HTMLImageElement[]} */
  const line = [];
  let isMoving = false;

  /** @param {HTMLImageElement} image */
  const isWanted = (image) => image.isConnected && (!image.src || image.src === asked.get(image));

  /** @param {HTMLImageElement} image
   *  @returns {Promise<{ status: number }>} of the answer; as if busy where there is no connection */
  const ask = async (image) => {
    if (!isWanted(image)) return { status: 0 };
    return fetch(asked.get(image), { method: "HEAD", redirect: "manual" }).catch(() => ({ status: 503 }));
  };

  async function move() {
    if (isMoving) return;
    isMoving = true;
    for (let image = line.shift(); image; image = line.shift()) {
      await sendWhileBusy(() => ask(image));
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
