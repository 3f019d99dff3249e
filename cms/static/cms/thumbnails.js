// Loads thumbnails two at a time: the server makes each when it is first asked for, and lets few requests wait.
"use strict";
const AT_A_TIME = 2;

async function loadThumbnails(images) {
  const left = [...images];
  const load = async () => {
    for (let image = left.shift(); image; image = left.shift()) {
      image.src = image.dataset.src;
      await image.decode().catch(() => {}); // The next one may load.
    }
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, load));
}
loadThumbnails(document.querySelectorAll("img[data-src]"));
