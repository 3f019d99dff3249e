// Pictures that are already there: chosen from a grid, as the featured image or for the text.
"use strict";
(() => {
  const config = JSON.parse(document.getElementById("editor-config").textContent);
  const dialog = document.getElementById("pictures");
  const search = dialog.querySelector("input");
  const grid = dialog.querySelector(".picture-grid");
  const field = document.getElementById("id_featured_image");
  let choose = null;
  let timer = null;

  async function show() {
    const asked = search.value;
    const answer = await fetch(`${config.pictures}?q=${encodeURIComponent(asked)}`);
    const { pictures } = answer.ok ? await answer.json() : { pictures: [] };
    if (asked !== search.value) return; // The answer to what was typed since follows.
    grid.ariaBusy = "false";
    if (!answer.ok) return;
    grid.replaceChildren(...pictures.map((picture) => {
      const button = document.createElement("button");
      const image = document.createElement("img");
      button.type = "button";
      button.title = picture.name;
      if (picture.isMade) image.src = picture.thumbnail;
      else image.dataset.src = picture.thumbnail;
      image.alt = picture.alt || picture.name;
      button.append(image);
      button.addEventListener("click", () => {
        dialog.close();
        choose(picture);
      });
      return button;
    }));
    loadThumbnails(grid.querySelectorAll("img[data-src]"));
    if (!pictures.length) grid.textContent = gettext("There is no such picture.");
  }
  search.addEventListener("input", () => {
    grid.ariaBusy = "true";
    clearTimeout(timer);
    timer = setTimeout(show, 300);
  });
  function open(chosen) {
    choose = chosen;
    search.value = "";
    grid.ariaBusy = "true";
    dialog.showModal();
    show();
  }
  document.addEventListener("choose-picture", (event) => open(event.detail));

  // -- the featured image --------------------------------------------------------------------------------------

  if (!field) return;
  const row = field.closest(".form-row");
  const preview = document.createElement("img");
  preview.className = "featured-image";
  preview.alt = "";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "choose-featured";
  button.textContent = gettext("Choose from pictures");
  field.closest(".related-widget-wrapper").after(button, preview);
  function follow() {
    preview.hidden = !field.value;
    preview.alt = field.selectedOptions[0]?.text ?? "";
    if (field.value) preview.src = config.thumbnail.replace("{id}", field.value);
  }
  button.addEventListener("click", () => open((picture) => {
    if (![...field.options].some((option) => option.value === picture.id)) {
      field.add(new Option(picture.name, picture.id));
    }
    field.value = picture.id;
    field.dispatchEvent(new Event("change", { bubbles: true }));
    window.django?.jQuery?.(field).trigger("change.select2");
    follow();
  }));
  window.django?.jQuery?.(field).on("change", follow);
  row.addEventListener("change", follow);
  follow();
})();
