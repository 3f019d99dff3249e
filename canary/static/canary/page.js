// Puts fresh numbers into the rollout's page. Everything works without it.
(() => {
  const EVERY_MS = 5000;
  const root = document.getElementById("canary");
  const pause = document.getElementById("canary-pause");
  const told = document.getElementById("canary-refreshed");
  let isPaused = false;

  const isInUse = (section) =>
    section.contains(document.activeElement) ||
    [...section.querySelectorAll("input:not([type=hidden])")].some((input) => input.value !== input.defaultValue);

  // A form's token differs in every answer, so its section says by a key of its own what it is about.
  const isSame = (old, fresh) =>
    fresh.dataset.key === undefined ? old.innerHTML === fresh.innerHTML : old.dataset.key === fresh.dataset.key;

  function replace(old, fresh) {
    for (const was of old.querySelectorAll("details")) {
      const details = fresh.querySelector(`#${CSS.escape(was.id)}`);
      if (details) details.open = was.open;
    }
    old.replaceWith(fresh);
  }

  // A link to a folded card opens it.
  function unfold() {
    const card = location.hash.startsWith("#canary-") && document.getElementById(location.hash.slice(1));
    const fold = card && card.querySelector(":scope > .canary-fold");
    if (fold) fold.open = true;
  }

  async function refresh() {
    const answer = await fetch(root.dataset.live, { credentials: "same-origin", redirect: "error" });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const fresh of page.querySelectorAll("[data-section]")) {
      const old = document.getElementById(fresh.id);
      if (old && !isInUse(old) && !isSame(old, fresh)) replace(old, fresh);
    }
    told.textContent = root.dataset.refreshed.replace("{time}", new Date().toISOString().slice(11, 19));
  }

  async function turn() {
    if (!isPaused && !document.hidden) {
      try {
        await refresh();
      } catch {
        told.textContent = root.dataset.stale;
      }
    }
    setTimeout(turn, EVERY_MS);
  }

  window.addEventListener("hashchange", unfold);
  unfold();
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
  });
  pause.parentElement.hidden = false;
  setTimeout(turn, EVERY_MS);
})();
