// A post as others get it: the text on the screen as a page in a frame, and a link for strangers.
"use strict";
(() => {
  const form = document.getElementById("post_form");
  const config = JSON.parse(document.getElementById("editor-config").textContent);
  const state = document.getElementById("editor-state");

  for (const button of document.querySelectorAll("dialog [data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }

  const page = document.getElementById("look-page");
  const frame = page.querySelector("iframe");
  const widths = [...page.querySelectorAll("[data-width]")];
  for (const button of widths) {
    button.addEventListener("click", () => {
      for (const one of widths) one.setAttribute("aria-pressed", String(one === button));
      frame.style.width = `${button.dataset.width}px`;
    });
  }
  // A form of its own: the page's is kept from leaving.
  function look() {
    const sent = document.createElement("form");
    Object.assign(sent, { method: "post", enctype: "multipart/form-data", action: config.page, target: frame.name, hidden: true });
    for (const name of ["csrfmiddlewaretoken", "title", "content", "content_format", "language"]) {
      const field = document.createElement("textarea");
      field.name = name;
      field.value = form.elements[name].value;
      sent.append(field);
    }
    document.body.append(sent);
    sent.submit();
    sent.remove();
    page.showModal();
  }
  document.getElementById("look").addEventListener("click", look);
  for (const button of document.querySelectorAll("#look, #share")) button.disabled = false;

  const share = document.getElementById("share-link");
  const link = share.querySelector("input");
  document.getElementById("share")?.addEventListener("click", async () => {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    try {
      const answer = await fetch(config.share, { method: "POST", body: data, redirect: "manual" });
      if (answer.type === "opaqueredirect") throw new Error(gettext("Your session has ended. Save, and you are asked to sign in."));
      const told = await answer.json();
      if (!answer.ok) throw new Error(told.message);
      link.value = told.address;
      share.querySelector("[data-until]").textContent = told.until;
      share.showModal();
      link.select();
    } catch (error) {
      state.textContent = error.message;
    }
  });
  share.querySelector("[data-copy]").addEventListener("click", async ({ target }) => {
    link.select();
    try {
      await navigator.clipboard.writeText(link.value);
    } catch { // Without https the clipboard is closed to scripts.
      document.execCommand("copy");
    }
    target.textContent = gettext("Copied");
  });

  // -- advice ----------------------------------------------------------------------------------------------------

  const place = document.getElementById("advice");
  const ASKS_AFTER_MS = 2000;
  const ASKS_AGAIN_MS = 10_000; // while the server works on other texts, or nobody is signed in
  let timer = null;
  async function advise() {
    if ("signedOut" in form.dataset) return adviseIn(ASKS_AGAIN_MS); // editor.js asks to sign in.
    const data = new FormData();
    for (const name of ["csrfmiddlewaretoken", "content", "content_format", "slug", "excerpt"]) {
      data.append(name, form.elements[name]?.value || "");
    }
    data.append("post", config.post || "");
    try {
      const answer = await fetch(config.advice, { method: "POST", body: data, redirect: "manual" });
      if (answer.status === 503) adviseIn(ASKS_AGAIN_MS);
      if (!answer.ok) return;
      const { advice } = await answer.json();
      place.hidden = !advice.length;
      place.querySelector("ul").replaceChildren(...advice.map((sentence) => {
        const row = document.createElement("li");
        row.textContent = sentence;
        return row;
      }));
    } catch { /* Saving says that there is no connection. */ }
  }
  function adviseIn(pause) {
    clearTimeout(timer);
    timer = setTimeout(advise, pause);
  }
  form.addEventListener("input", () => adviseIn(ASKS_AFTER_MS));
  if (config.post) adviseIn(ASKS_AFTER_MS);
})();
