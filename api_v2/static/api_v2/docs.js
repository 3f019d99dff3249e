// The page of API v2: its search, the language of its samples, and requests to this site.
// Without this script the page is a document, with all of its text.
"use strict";
{
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const one = (selector, root = document) => root.querySelector(selector);
  const made = (name, text = "", className = "") => Object.assign(document.createElement(name), { textContent: text, className });

  // -- the address of this site, for the one that stands in the samples ---------------------------------------------

  const { site, base } = one("main").dataset;
  for (const place of all(".samples pre, [data-site]:not(main)")) {
    place.textContent = place.textContent.replaceAll(site, location.origin);
  }

  // -- the language of all samples ----------------------------------------------------------------------------------

  const KEPT = "tandem-docs-language";
  let language = "curl";

  const speak = (wanted) => {
    language = wanted;
    for (const sample of all(".samples details")) sample.open = sample.dataset.language === wanted;
  };

  // A browser that keeps nothing for pages throws.
  const kept = (action) => {
    try {
      return action(localStorage);
    } catch {
      return null;
    }
  };

  const stored = kept((storage) => storage.getItem(KEPT));
  if (stored && one(`.samples [data-language="${CSS.escape(stored)}"]`)) speak(stored);

  for (const sample of all(".samples details")) {
    sample.addEventListener("toggle", () => {
      const wanted = sample.dataset.language;
      if (!sample.open || wanted === language) return;
      const before = sample.getBoundingClientRect().top;
      speak(wanted);
      scrollBy({ top: sample.getBoundingClientRect().top - before, behavior: "instant" });
      kept((storage) => storage.setItem(KEPT, wanted));
    });
  }

  // -- search -------------------------------------------------------------------------------------------------------

  const search = one("#search");
  const operations = all("article").map((article) => ({
    article,
    link: one(`nav [href="#${article.id}"]`).closest("li"),
    words: [article.id.replaceAll("_", " "), ...all(":scope > h3, .summary, .parameters .name", article)
      .map((place) => place.textContent.toLowerCase())].join(" "),
  }));

  const isAnyShown = (root, selector) => all(selector, root).some((found) => !found.hidden);

  const find = () => {
    const wanted = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const { article, link, words } of operations) {
      const isFound = wanted.every((word) => words.includes(word));
      article.hidden = link.hidden = !isFound;
      count += isFound;
    }
    for (const group of all(".group")) group.hidden = !isAnyShown(group, "article");
    all("nav details").forEach((group, index) => {
      group.hidden = !isAnyShown(group, "li");
      group.open = wanted.length ? true : index === 0;
    });
    for (const part of all(".about, .start, h1")) part.hidden = wanted.length > 0;
    one("#found").textContent = wanted.length ? `${count} of ${operations.length} operations` : "";
  };

  const clear = () => {
    search.value = "";
    find();
  };

  const isTyping = (place) => place.matches("input, textarea, select, [contenteditable]");

  one(".search").hidden = false;
  search.addEventListener("input", find);
  search.addEventListener("keydown", (event) => event.key === "Escape" && clear());
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    event.preventDefault();
    search.focus();
    search.select();
  });
  // A link may lead to what the search hides.
  addEventListener("hashchange", () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target?.closest("[hidden]")) return;
    clear();
    target.scrollIntoView();
  });
  if (search.value) find(); // a browser that goes back fills it in

  // -- try it -------------------------------------------------------------------------------------------------------

  // The credential stands in this field alone: in no storage, in no address. It moves to the form that is open.
  const credential = one("#credential");
  const token = one("#token");

  const credentialHeaders = () => {
    const value = token.value.trim();
    if (!value) return {};
    return value.startsWith("tdm_") ? { "X-API-Key": value } : { Authorization: `Bearer ${value}` };
  };

  const requestOf = (form) => {
    const { verb, path, mediaType } = form.dataset;
    const request = { verb, path: base + path, headers: credentialHeaders(), body: null };
    const query = new URLSearchParams();
    const parts = new FormData();
    for (const field of all("[data-place]", form)) {
      const { place, name } = field.dataset;
      if (!field.value) continue;
      if (place === "path") request.path = request.path.replace(`{${name}}`, encodeURIComponent(field.value));
      if (place === "query") query.set(name, field.value);
      if (place === "header") request.headers[name] = field.value;
      if (place === "body") request.body = field.value;
      if (place === "part") parts.set(name, field.files?.[0] ?? field.value);
    }
    if (query.size) request.path += `?${query}`;
    if (mediaType === "multipart/form-data") request.body = parts;
    else if (request.body !== null) request.headers["Content-Type"] = mediaType;
    return request;
  };

  const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

  // The credential is not repeated here, so that the line can be shown to others.
  const curlOf = ({ verb, path, headers, body }) => {
    const parts = [`curl -i ${quoted(location.origin + path)}`];
    if (verb !== (body === null ? "GET" : "POST")) parts.push(`-X ${verb}`);
    for (const [name, value] of Object.entries(headers)) {
      if (name === "Authorization") parts.push('-H "Authorization: Bearer $TOKEN"');
      else if (name === "X-API-Key") parts.push('-H "X-API-Key: $TOKEN"');
      else parts.push(`-H ${quoted(`${name}: ${value}`)}`);
    }
    if (body instanceof FormData) {
      for (const [name, value] of body) parts.push(`-F ${quoted(`${name}=${value.name ? `@${value.name}` : value}`)}`);
    } else if (body !== null) parts.push(`--data-raw ${quoted(body)}`);
    return parts.join(" \\\n  ");
  };

  const written = async (response) => {
    const type = response.headers.get("Content-Type") ?? "";
    if (/json/.test(type)) {
      const text = await response.text();
      try {
        return JSON.stringify(JSON.parse(text), null, 2);
      } catch {
        return text;
      }
    }
    if (/^text\/|xml/.test(type)) return response.text();
    const { size } = await response.blob();
    return size ? `${size.toLocaleString("en")} bytes of ${type}` : "";
  };

  const block = (heading, text) => {
    const pre = Object.assign(made("pre", text), { tabIndex: 0 });
    pre.setAttribute("aria-label", heading);
    pre.setAttribute("role", "region");
    return [made("h4", heading), pre];
  };

  const show = (root, request, status, isGood, blocks) => {
    one(".outcome", root).replaceChildren(made("span", status, isGood ? "status" : "status bad"));
    const shown = [...blocks, ["Request as curl", curlOf(request)]];
    one(".result", root).replaceChildren(...shown.filter(([, text]) => text).flatMap(([name, text]) => block(name, text)));
  };

  const send = async (root, form) => {
    const request = requestOf(form);
    const begun = performance.now();
    try {
      const response = await fetch(request.path, {
        method: request.verb,
        headers: request.headers,
        body: request.body,
        credentials: "omit", // the answer is the one that a program gets, whoever is signed in here
        cache: "no-store",
      });
      const body = await written(response);
      const took = Math.round(performance.now() - begun);
      const headers = [...response.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
      const status = `${response.status} ${response.statusText} in ${took} ms`;
      show(root, request, status, response.ok, [["Body", body], ["Headers", headers]]);
    } catch (error) {
      show(root, request, `The request was not sent: ${error.message}`, false, []);
    }
  };

  for (const root of all(".try")) {
    const form = one("form", root);
    root.hidden = false;
    root.addEventListener("toggle", () => {
      if (!root.open) return;
      form.prepend(credential);
      credential.hidden = false;
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      if (root.ariaBusy === "true") return;
      root.ariaBusy = "true";
      await send(root, form);
      root.ariaBusy = "false";
    });
  }
}
