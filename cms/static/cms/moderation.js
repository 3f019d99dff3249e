// Comments as cards: the buttons of the form, without leaving the list, and by keys. Without this script they are forms.
"use strict";
(() => {
  const KEYS = { a: "approve", r: "reject", s: "spam" };
  const SWITCH = "tandem:moderation-keys";
  const cards = () => [...document.querySelectorAll(".comment-card")];
  const focused = () => document.activeElement?.closest(".comment-card");
  let isBusy = false;

  /** @param {string} text */
  function say(text) {
    document.getElementById("moderation-state").textContent = text;
  }

  function isKeysOn() {
    try { return localStorage.getItem(SWITCH) !== "off"; } catch { return true; }
  }

  /** Set up what a fresh page brings: the legend, the end of Undo. */
  function begin() {
    const legend = document.getElementById("moderation-keys");
    const undo = document.getElementById("moderation-undo");
    const box = legend.querySelector("input");
    legend.hidden = false;
    box.checked = isKeysOn();
    box.addEventListener("change", () => {
      try { localStorage.setItem(SWITCH, box.checked ? "on" : "off"); } catch { /* Storage is switched off. */ }
    });
    if (undo) setTimeout(() => undo.remove(), Number(undo.dataset.leftMs));
  }

  /** Keep what is ticked and typed in cards that stay, and the editions: a text that has changed is still unread.
   *  @param {Element} from
   *  @param {Element} to */
  function carryOver(from, to) {
    for (const old of from.querySelectorAll(".comment-card")) {
      const card = to.querySelector(`[id="${old.id}"]`);
      if (!card) continue;
      const edition = old.querySelector(".comment-edition");
      if (edition) card.querySelector(".comment-edition").value = edition.value;
      card.querySelector(".action-select").checked = old.querySelector(".action-select").checked;
      const text = old.querySelector("textarea")?.value;
      if (!text || !card.querySelector("textarea")) continue;
      card.querySelector("textarea").value = text;
      card.querySelector(".comment-reply").open = true;
    }
  }

  /** Put the page that came in place of this one, without its menu.
   *  @param {string} html */
  function show(html) {
    const page = new DOMParser().parseFromString(html, "text/html");
    const main = page.getElementById("main");
    if (!main || !page.querySelector(".moderation-top")) return location.reload(); // The session has ended.
    const old = document.getElementById("main");
    carryOver(old, main);
    old.replaceWith(document.adoptNode(main));
    const link = "#nav-sidebar-apps a[href$='/cms/comment/']";
    document.querySelector(link)?.replaceChildren(...(page.querySelector(link)?.childNodes || []));
    const boxes = main.querySelectorAll("tr input.action-select");
    if (boxes.length) window.Actions(boxes, { parent: main.querySelector(".result-list-wrapper") });
    begin();
  }

  /** @param {HTMLFormElement} form
   *  @param {HTMLElement} button */
  async function send(form, button) {
    if (isBusy) return;
    const index = Math.max(cards().indexOf(button.closest(".comment-card")), 0);
    isBusy = true;
    document.getElementById("result_list")?.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(button.getAttribute("formaction") || form.action, {
        method: "POST",
        body: new FormData(form, button),
        headers: { "X-Requested-With": "fetch" },
      });
      if (answer.status === 422) return say(await answer.text());
      const isEdited = answer.status === 409;
      const page = isEdited ? await fetch(location.href) : answer;
      if (!page.ok) throw new Error(page.statusText);
      if (isEdited) button.closest(".comment-card").querySelector(".comment-edition").remove(); // The new one is read.
      else if (button.value === "reply") button.closest(".comment-reply").querySelector("textarea").value = "";
      show(await page.text());
      (cards()[index] || cards().at(-1))?.focus();
      if (isEdited) say(await answer.text());
    } catch (error) {
      console.warn(error);
      say(document.getElementById("moderation-state").dataset.failed);
    } finally {
      document.getElementById("result_list")?.removeAttribute("aria-busy");
      isBusy = false;
    }
  }

  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (button?.name !== "change" && event.target.id !== "moderation-undo") return;
    event.preventDefault();
    if (button.value === "reply") button.closest(".comment-reply").open = true;
    send(event.target, button);
  });

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.repeat || !isKeysOn()) return;
    const key = event.key.toLowerCase();
    if (key === "j" || key === "k") {
      const all = cards();
      const at = all.indexOf(focused());
      const next = all[key === "j" ? at + 1 : Math.max(at - 1, 0)];
      next?.focus();
    } else if (key === "u") {
      document.querySelector("#moderation-undo button")?.click();
    } else if (key in KEYS) {
      focused()?.querySelector(`button[value="${KEYS[key]}"]`)?.click();
    } else {
      return;
    }
    event.preventDefault();
  });

  if (document.querySelector(".moderation-top")) begin();
})();
