// What each version of the API answers about one post, with the lines that only one of them has.
"use strict";
(async () => {
  const places = [...document.querySelectorAll("pre[data-address]")];
  const bare = (line) => line.trim().replace(/,$/, "");

  async function ask(place) {
    try {
      const answer = await fetch(place.dataset.address);
      return JSON.stringify(await answer.json(), null, 2).split("\n");
    } catch (error) {
      return [String(error)];
    }
  }
  const answers = await Promise.all(places.map(ask));
  const known = answers.map((lines) => new Set(lines.map(bare)));

  places.forEach((place, index) => {
    const isShared = (line) => known.every((lines, other) => other === index || lines.has(bare(line)));
    place.replaceChildren(...answers[index].flatMap((line) => {
      const shown = document.createElement(isShared(line) ? "span" : "mark");
      shown.textContent = line;
      return [shown, "\n"];
    }));
  });
})();
