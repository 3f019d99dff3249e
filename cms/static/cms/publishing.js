// Beside the text of a post: when it is published, in the writer's time zone, and how search engines may show it.
"use strict";
(() => {
  const config = JSON.parse(document.getElementById("editor-config").textContent);
  const at = document.getElementById("id_publish_at");
  const valueOf = (name) => document.getElementById(`id_${name}`)?.value.trim() || "";

  // -- when ----------------------------------------------------------------------------------------------------

  // The difference of the zone to UTC at an instant, in milliseconds.
  function offset(zone, instant) {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).formatToParts(instant);
    const part = Object.fromEntries(parts.map(({ type, value }) => [type, Number(value)]));
    return Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second) - instant;
  }
  // The instant that a clock in the zone calls by this text, such as "2026-12-01T09:00".
  function instantOf(text, zone) {
    const asUtc = Date.parse(`${text}Z`);
    const guess = asUtc - offset(zone, asUtc);
    return asUtc - offset(zone, guess);
  }
  const wall = (zone, instant) => new Date(instant + offset(zone, instant)).toISOString().slice(0, 16);
  function nineOClock(days) {
    const day = new Date(`${wall(at.dataset.zone, Date.now()).slice(0, 10)}T00:00Z`);
    day.setUTCDate(day.getUTCDate() + days(day.getUTCDay()));
    return `${day.toISOString().slice(0, 10)}T09:00`;
  }
  const DAY_OF_MONDAY = 1;
  const CHOICES = [
    [gettext("Tomorrow 09:00"), () => nineOClock(() => 1)],
    [gettext("Monday 09:00"), () => nineOClock((weekday) => (DAY_OF_MONDAY - weekday + 7) % 7 || 7)],
    [gettext("At once"), () => ""],
  ];

  function offerTimes() {
    const row = document.createElement("div");
    row.className = "publishing-times";
    for (const [label, time] of CHOICES) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.addEventListener("click", () => {
        at.value = time();
        at.dispatchEvent(new Event("input", { bubbles: true }));
      });
      row.append(button);
    }
    const inUtc = document.createElement("p");
    inUtc.className = "publishing-in-utc";
    at.after(row, inUtc);
    const publish = document.querySelector("[name=_publish]");
    function follow() {
      const instant = at.value && instantOf(at.value, at.dataset.zone);
      const isLater = instant > Date.now();
      inUtc.textContent = instant ? `${new Date(instant).toISOString().slice(0, 16).replace("T", " ")} UTC` : "";
      if (publish) publish.textContent = isLater ? gettext("Schedule") : gettext("Publish");
    }
    at.addEventListener("input", follow);
    at.addEventListener("change", follow);
    follow();
  }
  if (at) offerTimes();

  // -- a search engine's result --------------------------------------------------------------------------------

  const row = document.querySelector(".field-meta_description");
  if (row) {
    const result = document.createElement("div");
    result.className = "search-result";
    const [title, address, text] = ["b", "cite", "span"].map((tag) => document.createElement(tag));
    result.append(title, address, text);
    row.after(result);
    const shorten = (words, length) => (words.length > length ? `${words.slice(0, length - 1)}…` : words);
    const show = () => {
      title.textContent = shorten(valueOf("meta_title") || valueOf("title") || gettext("Title"), 60);
      address.textContent = config.publicAddress.replace("{slug}", valueOf("slug") || "…");
      text.textContent = shorten(valueOf("meta_description") || valueOf("excerpt") || gettext("The beginning of the content."), 160);
    };
    document.getElementById("post_form").addEventListener("input", show);
    show();
  }
})();
