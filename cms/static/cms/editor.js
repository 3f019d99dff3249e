// The form of a post loses nothing: it keeps what is not saved, here and on the server, and asks who else writes.
"use strict";
(() => {
  const form = document.getElementById("post_form");
  const config = JSON.parse(document.getElementById("editor-config").textContent);
  const notices = document.getElementById("editor-notices");
  const state = document.getElementById("editor-state");
  const KEEP_AFTER_MS = 2000;
  const key = `tandem:writing:${config.user}:${config.post || "new"}`;
  const LAST = "tandem:submitted";
  // Names the draft on the server that this form has shown or made: no other is overwritten or deleted.
  const draftState = form.elements.draft_state;
  const NOT_WRITTEN = ["csrfmiddlewaretoken", "draft_state"];

  const say = (text) => { state.textContent = text; };
  const language = document.documentElement.lang || undefined;
  const clock = () => new Date().toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const shownTime = (at) => new Date(at).toLocaleString(language);
  const whoElse = (names) => interpolate(
    ngettext("%s is editing this post too.", "%s are editing this post too.", names.length),
    [names.join(gettext(" and "))],
  );

  // All that its writer has written and read: the hidden fields name that.
  function written() {
    const fields = {};
    for (const [name, value] of new FormData(form)) {
      if (NOT_WRITTEN.includes(name) || value instanceof File) continue;
      (fields[name] ||= []).push(value.replaceAll("\r\n", "\n"));
    }
    return JSON.stringify(fields);
  }

  // -- in this browser ------------------------------------------------------------------------------------------

  const store = {
    read(name) { try { return JSON.parse(localStorage.getItem(name)); } catch { return null; } },
    write(name, value) {
      try { localStorage.setItem(name, JSON.stringify(value)); return true; } catch { return false; }
    },
    drop(name) { try { localStorage.removeItem(name); } catch { /* Storage is switched off. */ } },
  };
  // On a slow line writers type before this script comes, and before the page is loaded: that is not saved either.
  const isTyped = (control) => control.name && control.matches("textarea, input[type=text]") && control.value !== control.defaultValue;
  let isTouched = [...form.elements].some(isTyped);
  let isLoaded = false;
  let opened = isTouched ? "" : written();
  let autosaved = opened;
  let isLeaving = false;
  let timer = null;

  function keep() {
    clearTimeout(timer);
    timer = null;
    const now = written();
    if (now === opened) return store.drop(key);
    const copy = { at: new Date().toISOString(), fields: now, draftState: draftState?.value };
    if (store.write(key, copy)) say(interpolate(gettext("Kept in this browser at %s"), [clock()]));
    else say(gettext("This browser can't keep your text: save it soon."));
  }
  function changed(event) {
    if (isLoaded) timer ||= setTimeout(keep, KEEP_AFTER_MS);
    else isTouched ||= event.isTrusted; // What an earlier page has kept is read first.
  }

  function fill(fields) {
    for (const control of form.elements) {
      if (!control.name || NOT_WRITTEN.includes(control.name) || control.type === "file") continue;
      const values = fields[control.name] || [];
      if (control instanceof HTMLSelectElement) {
        for (const value of values) {
          if (![...control.options].some((option) => option.value === value)) control.add(new Option(value, value));
        }
        for (const option of control.options) option.selected = values.includes(option.value);
      } else if (control.type === "checkbox" || control.type === "radio") {
        control.checked = values.includes(control.value);
      } else if (control.type !== "submit" && control.type !== "button") {
        control.value = values.shift() ?? "";
      }
      control.dispatchEvent(new Event("change", { bubbles: true }));
      window.django?.jQuery?.(control).trigger("change.select2");
    }
  }

  function notice(text, ...buttons) {
    const row = document.createElement("div");
    row.className = "notice";
    const words = document.createElement("span");
    words.textContent = text;
    row.append(words);
    for (const [label, act] of buttons) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", () => { row.remove(); act(); });
      row.append(button);
    }
    notices.append(row);
    return row;
  }

  function offerWhatIsKept() {
    const kept = store.read(key);
    if (!kept || kept.fields === opened || isShownAgain()) return kept && kept.fields === opened && store.drop(key);
    notice(
      interpolate(gettext("This browser has changes of %s that were not saved."), [shownTime(kept.at)]),
      [gettext("Restore"), () => {
        fill(JSON.parse(kept.fields));
        if (draftState) draftState.value = kept.draftState ?? "";
        changed();
      }],
      [gettext("Discard"), () => store.drop(key)],
    );
  }
  // After a refusal the page shows what was sent, with its errors: that is newer than what was kept.
  function isShownAgain() {
    return Boolean(document.querySelector(".conflicts, #post_form .errors, #post_form .errorlist, .errornote"));
  }
  // What was kept is saved once the form was sent and has led here: a server that is busy or away leads nowhere.
  function forgetWhatWasSaved() {
    const sent = sessionStorage.getItem(LAST);
    sessionStorage.removeItem(LAST);
    const [navigation] = performance.getEntriesByType("navigation");
    if (sent && navigation?.redirectCount && !isShownAgain()) store.drop(sent);
  }

  // -- on the server --------------------------------------------------------------------------------------------

  // Until the form has the token of a session again, the server would refuse all that is asked in the background.
  const isSignedOut = () => "signedOut" in form.dataset;
  const post = (address, data) => fetch(address, { method: "POST", body: data, redirect: "manual" });

  // One at a time: each names the draft that the one before has made. So saving waits for it too.
  let autosaving = null;
  function autosaveAlone() {
    autosaving ||= autosave().finally(() => { autosaving = null; });
  }
  async function autosave() {
    const now = written();
    if (!config.autosave || isSignedOut() || now === autosaved) return;
    try {
      const answer = await post(config.autosave, new FormData(form));
      if (answer.ok) {
        draftState.value = (await answer.json()).draft_state;
        autosaved = now;
        keep(); // so that the browser's copy names this draft
        say(interpolate(gettext("Kept on the server at %s"), [clock()]));
      } else if (answer.status === 422) {
        say((await answer.json()).message);
      }
    } catch { say(gettext("No connection. Your text is kept in this browser.")); }
  }

  let others = null;
  async function askWhoElseWrites() {
    if (!config.editing || isSignedOut() || document.hidden) return;
    try {
      const answer = await post(config.editing, token());
      if (!answer.ok) return;
      const { others: names, version } = await answer.json();
      const texts = names.length ? [whoElse(names)] : [];
      if (version !== config.version) texts.push(gettext("The post was saved elsewhere. Saving merges your changes with it."));
      if (others?.textContent === texts.join(" ")) return;
      others?.remove();
      others = texts.length ? notice(texts.join(" ")) : null;
    } catch { /* Saving says that there is no connection. */ }
  }
  function token() {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    return data;
  }

  // -- saving ---------------------------------------------------------------------------------------------------

  let isPassed = false;
  let pressed = null;
  const dialog = document.getElementById("sign-in");

  async function send(button) {
    await autosaving;
    let answer;
    try {
      answer = await fetch(config.session, { redirect: "manual" });
    } catch {
      return say(gettext("No connection. Your text is kept in this browser: save again when you are online."));
    }
    const session = answer.ok ? await answer.json() : { user: null };
    if (session.user !== config.user) {
      pressed = button;
      form.dataset.signedOut = "";
      if (session.user) return refuseTheOther(session);
      dialog.querySelector("iframe").src = config.signIn;
      return dialog.showModal();
    }
    form.elements.csrfmiddlewaretoken.value = session.token;
    delete form.dataset.signedOut;
    isPassed = isLeaving = true;
    sessionStorage.setItem(LAST, key);
    form.requestSubmit(button);
  }

  // The dialog would find somebody signed in, and close at once. Who that is may have work in another window: ask first.
  let another = null;
  function refuseTheOther(session) {
    say(gettext("Not saved. Your text is kept in this browser."));
    another?.remove();
    const logOut = [gettext("Log out and sign in again"), () => endSession(session.token)];
    another = notice(gettext("Another user is signed in in this browser now."), logOut);
    another.scrollIntoView({ block: "center" });
  }
  async function endSession(ownToken) {
    const data = new FormData();
    data.append("csrfmiddlewaretoken", ownToken);
    try { await post(config.logOut, data); } catch { /* Sending says that there is no connection. */ }
    send(pressed);
  }

  form.addEventListener("submit", (event) => {
    if (isPassed) return;
    event.preventDefault();
    keep();
    say(gettext("Saving …"));
    send(event.submitter);
  });
  function goOn() {
    if (!dialog.open) return;
    dialog.close();
    send(pressed);
  }
  window.addEventListener("message", (event) => {
    if (event.origin === location.origin && event.data === "signed-in") goOn();
  });
  new BroadcastChannel("signed-in").addEventListener("message", goOn);
  document.getElementById("sign-in-later").addEventListener("click", () => {
    dialog.close();
    say(gettext("Not saved. Your text is kept in this browser."));
  });
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
      event.preventDefault();
      form.requestSubmit(document.querySelector("[name=_continue]"));
    }
  });

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  window.django?.jQuery?.(form).on("change", changed); // Select2 tells jQuery alone.
  window.addEventListener("beforeunload", (event) => {
    if (!isLeaving && written() !== opened) event.preventDefault();
  });
  window.addEventListener("pagehide", () => {
    if (timer) keep();
    if (!config.editing) return;
    const data = token();
    data.append("end", "1");
    navigator.sendBeacon(config.editing, data);
  });
  document.addEventListener("visibilitychange", () => { if (document.hidden && timer) keep(); });
  // Back from a page of the browser's history: the form may be sent once more.
  window.addEventListener("pageshow", (event) => { if (event.persisted) isPassed = isLeaving = false; });

  window.addEventListener("load", () => {
    // Widgets have set themselves up by now.
    isLoaded = true;
    opened = autosaved = isTouched || isShownAgain() || new URLSearchParams(location.search).has("draft") ? "" : written();
    forgetWhatWasSaved();
    offerWhatIsKept();
    if (isTouched) changed();
    askWhoElseWrites();
    setInterval(askWhoElseWrites, config.asksEveryMs);
    setInterval(autosaveAlone, config.autosaveEveryMs);
  });
})();
