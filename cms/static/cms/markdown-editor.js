// The editor of a post's content: EasyMDE with the server's own preview, and pictures by paste, drop or choice.
"use strict";
(() => {
  const area = document.getElementById("id_content");
  const format = document.getElementById("id_content_format");
  const config = JSON.parse(document.getElementById("editor-config").textContent);
  const token = () => document.querySelector("#post_form [name=csrfmiddlewaretoken]").value;
  let editor = null;

  const icon = (name) => `<span class="material-symbols-outlined" aria-hidden="true">${name}</span>`;
  // Buttons that change the view go on working while the text is out of sight.
  const VIEWS = ["preview", "side-by-side", "fullscreen"];
  const button = (name, action, sign, title) => ({
    name, action, title, icon: icon(sign), className: `tool-${name}`, attributes: { "aria-label": title },
    noDisable: VIEWS.includes(name),
  });

  async function post(address, fields) {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", token());
    for (const [name, value] of Object.entries(fields)) data.append(name, value);
    const answer = await fetch(address, { method: "POST", body: data, redirect: "manual" });
    if (answer.type === "opaqueredirect") throw new Error(gettext("Your session has ended. Save, and you are asked to sign in."));
    return answer;
  }

  // -- preview: the HTML that readers get ----------------------------------------------------------------------

  let previewTimer = null;
  let previewsAsked = 0;
  function preview(text, element) {
    clearTimeout(previewTimer);
    const number = (previewsAsked += 1);
    const isNewest = () => number === previewsAsked;
    const ask = async () => {
      if (!isNewest()) throw new Error(); // Its text has changed meanwhile.
      return post(config.preview, { content: text, content_format: format.value });
    };
    previewTimer = setTimeout(async () => {
      try {
        const answer = await sendWhileBusy(ask);
        if (answer.status === 503) throw new Error(gettext("The server is busy. Try again in a minute."));
        const html = await answer.text();
        if (isNewest()) element.replaceChildren(withoutNames(html));
      } catch (error) {
        if (isNewest()) element.textContent = error.message;
      }
    }, element.innerHTML ? 400 : 0);
    return null; // The element keeps what it shows until then.
  }

  // A picture in the form whose id is "elements" would take the place of the form's own. Classes are those of the
  // front end's styles, and this page gives some a meaning of its own.
  function withoutNames(html) {
    const template = document.createElement("template");
    template.innerHTML = html;
    const attributes = ["id", "name", "class"];
    for (const named of template.content.querySelectorAll("[id], [name], [class]")) {
      attributes.forEach((attribute) => named.removeAttribute(attribute));
    }
    return template.content;
  }

  // -- pictures ------------------------------------------------------------------------------------------------

  const dialog = document.getElementById("picture");
  const form = dialog.querySelector("form");
  const chooser = document.getElementById("picture-files");
  const state = document.getElementById("editor-state");

  function askForAlternativeText(address, name) {
    form.reset();
    dialog.querySelector("img").src = address;
    dialog.querySelector("[data-name]").textContent = name;
    dialog.showModal();
    form.elements.alt.focus();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "insert" ? form.elements.alt.value : null), {
        once: true,
      });
    });
  }
  async function insertPicture(file) {
    const answer = await sendWhileBusy(() => post(config.upload, { file }));
    if (answer.status === 503) throw new Error(gettext("The server is busy. Try again in a minute."));
    const told = await answer.json();
    if (!answer.ok) throw new Error(told.message);
    const alt = await askForAlternativeText(told.address, file.name);
    if (alt === null) return;
    if (alt) await post(told.describe, { alt_text: alt });
    insertAddress(told.address, alt);
  }
  function insertAddress(address, alt) {
    const escaped = alt.replace(/([\\[\]])/g, "\\$1").replace(/\s+/g, " ");
    editor.codemirror.replaceSelection(`![${escaped}](${address})\n`);
    // Who went elsewhere during an upload stays there.
    const place = document.activeElement;
    if (place === document.body || place.closest(".EasyMDEContainer")) editor.codemirror.focus();
  }
  async function insertPictures(files) {
    const pictures = [...files].filter((file) => file.type.startsWith("image/"));
    for (const [index, file] of pictures.entries()) {
      state.textContent = interpolate(gettext("Uploading %s of %s …"), [index + 1, pictures.length]);
      try {
        await insertPicture(file);
        state.textContent = "";
      } catch (error) {
        state.textContent = `${file.name}: ${error.message}`;
      }
    }
    return pictures.length;
  }
  function insertFromLibrary() {
    const detail = ({ address, alt }) => insertAddress(address, alt);
    document.dispatchEvent(new CustomEvent("choose-picture", { detail }));
  }
  const hasPictures = (transfer) => [...(transfer?.files || [])].some((file) => file.type.startsWith("image/"));

  chooser.addEventListener("change", async () => {
    await insertPictures(chooser.files);
    chooser.value = "";
  });

  // -- the editor ----------------------------------------------------------------------------------------------

  function begin() {
    editor = new EasyMDE({
      element: area,
      autoDownloadFontAwesome: false,
      spellChecker: false,
      nativeSpellcheck: true,
      inputStyle: "contenteditable",
      forceSync: true,
      sideBySideFullscreen: false,
      minHeight: "24rem",
      previewClass: ["editor-preview", "prose"],
      previewRender: preview,
      shortcuts: { drawImage: null },
      status: ["words"],
      toolbar: [
        button("bold", EasyMDE.toggleBold, "format_bold", gettext("Bold")),
        button("italic", EasyMDE.toggleItalic, "format_italic", gettext("Italic")),
        button("heading", EasyMDE.toggleHeadingSmaller, "title", gettext("Heading")),
        "|",
        button("quote", EasyMDE.toggleBlockquote, "format_quote", gettext("Quote")),
        button("unordered-list", EasyMDE.toggleUnorderedList, "format_list_bulleted", gettext("Bulleted list")),
        button("ordered-list", EasyMDE.toggleOrderedList, "format_list_numbered", gettext("Numbered list")),
        button("code", EasyMDE.toggleCodeBlock, "code", gettext("Code")),
        "|",
        button("link", EasyMDE.drawLink, "link", gettext("Link")),
        button("picture", () => chooser.click(), "add_photo_alternate", gettext("Picture")),
        button("library", insertFromLibrary, "photo_library", gettext("Picture from the library")),
        button("table", EasyMDE.drawTable, "table", gettext("Table")),
        "|",
        button("preview", EasyMDE.togglePreview, "visibility", gettext("Preview")),
        button("side-by-side", EasyMDE.toggleSideBySide, "vertical_split", gettext("Preview beside the text")),
        button("fullscreen", EasyMDE.toggleFullScreen, "fullscreen", gettext("Full screen")),
      ],
    });
    // EasyMDE leaves its buttons to the mouse.
    for (const tool of editor.gui.toolbar.querySelectorAll("button")) tool.removeAttribute("tabindex");
    const mirror = editor.codemirror;
    // Tab leads on, as everywhere: nobody is caught in the text. Ctrl+] and Ctrl+[ indent.
    mirror.setOption("extraKeys", { ...mirror.getOption("extraKeys"), Tab: false, "Shift-Tab": false });
    mirror.getInputField().setAttribute("aria-label", gettext("Content"));
    mirror.getWrapperElement().lang = area.lang;
    mirror.on("change", () => area.dispatchEvent(new Event("input", { bubbles: true })));
    mirror.on("paste", (_, event) => {
      if (!hasPictures(event.clipboardData)) return;
      event.preventDefault();
      insertPictures(event.clipboardData.files);
    });
    mirror.on("drop", (_, event) => {
      if (!hasPictures(event.dataTransfer)) return;
      event.preventDefault();
      insertPictures(event.dataTransfer.files);
    });
    // A text that is put into the form, such as one that was kept, is shown in the editor.
    area.addEventListener("change", () => { if (editor && editor.value() !== area.value) editor.value(area.value); });
  }
  function follow() {
    const wantsEditor = format.value === "markdown";
    if (wantsEditor && !editor) begin();
    if (!wantsEditor && editor) {
      editor.toTextArea();
      editor = null;
    }
  }
  format.addEventListener("change", follow);
  follow();
})();
