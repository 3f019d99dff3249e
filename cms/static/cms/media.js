// The media library: several uploads with their progress, and copying addresses. Without it the add page uploads one file.
"use strict";
// The grid cuts pictures around their focal points. Styles in the page are forbidden, so they come from here.
for (const image of document.querySelectorAll("img[data-focal]")) image.style.objectPosition = image.dataset.focal;
(() => {
  const area = document.getElementById("media-upload");
  if (!area) return;
  const words = area.dataset;
  const form = area.querySelector("form");
  const chooser = document.getElementById("media-files");
  const list = area.querySelector("ul");
  const status = area.querySelector("[role=status]");
  let waiting = Promise.resolve();

  /** @param {string} address
   *  @param {Record<string, string | File>} fields
   *  @param {(share: number) => void} [tell]
   *  @returns {Promise<XMLHttpRequest>} */
  function send(address, fields, tell) {
    const data = new FormData(form);
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(); // fetch tells nothing of an upload's progress
      request.responseType = "json";
      request.upload.addEventListener("progress", (event) => tell?.(event.loaded / event.total));
      request.addEventListener("error", () => reject(new Error(words.failed)));
      request.addEventListener("load", () => resolve(request));
      request.open("POST", address);
      request.send(data);
    });
  }

  /** Send, and return what the server answered; rejected with what it refused. */
  async function post(address, fields, tell) {
    const { status, response } = await sendWhileBusy(() => send(address, fields, tell));
    if (status === 200 && response) return response;
    throw new Error(response?.message || words.failed);
  }

  /** Ask for the alternative text where the file's progress was.
   *  @param {HTMLElement} row
   *  @param {string} name
   *  @param {string} address */
  function askForAlternativeText(row, name, address) {
    const input = document.createElement("input");
    input.placeholder = words.alt;
    input.setAttribute("aria-label", `${words.alt}: ${name}`);
    const save = document.createElement("button");
    save.type = "button";
    save.textContent = words.save;
    save.addEventListener("click", async () => {
      try {
        await post(address, { alt_text: input.value });
        status.textContent = `${name}: ${words.saved}`;
        save.textContent = words.saved;
      } catch (error) {
        status.textContent = `${name}: ${error.message}`;
      }
    });
    input.addEventListener("input", () => { save.textContent = words.save; });
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") save.click(); });
    row.append(input, save);
  }

  /** @param {File} file */
  async function upload(file) {
    const row = document.createElement("li");
    const name = document.createElement("span");
    const bar = document.createElement("progress");
    name.textContent = file.name;
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", file.name);
    row.append(name, bar);
    list.append(row);
    try {
      const told = await post(words.address, { file }, (share) => { bar.value = share; });
      bar.remove();
      status.textContent = `${file.name}: ${words.done}`;
      if (file.type.startsWith("image/")) askForAlternativeText(row, file.name, told.describe);
      area.querySelector("a").hidden = false;
    } catch (error) {
      bar.remove();
      const reason = document.createElement("span");
      reason.textContent = error.message;
      row.append(reason);
      status.textContent = `${file.name}: ${error.message}`;
    }
  }

  /** One after the other: each has the line for itself.
   *  @param {FileList} files */
  function uploadAll(files) {
    for (const file of [...files]) waiting = waiting.then(() => upload(file));
  }

  chooser.addEventListener("change", () => {
    uploadAll(chooser.files);
    chooser.value = "";
  });
  const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    area.classList.add("is-over");
  });
  document.addEventListener("dragleave", (event) => { if (!event.relatedTarget) area.classList.remove("is-over"); });
  document.addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    area.classList.remove("is-over");
    uploadAll(event.dataTransfer.files);
  });

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const text = button.textContent;
    const wanted = button.dataset.copy;
    await navigator.clipboard.writeText(wanted.startsWith("/") ? new URL(wanted, location.href).href : wanted);
    button.textContent = words.copied;
    setTimeout(() => { button.textContent = text; }, 2000);
  });

  area.hidden = false;
  if (navigator.clipboard) for (const one of document.querySelectorAll(".media-copy")) one.hidden = false;
})();
