// Copies and downloads the recovery codes that the page shows. Without this script they are still there to be read.
(() => {
  "use strict";
  const buttons = document.getElementById("recovery-code-buttons");
  const status = document.getElementById("recovery-codes-status");
  const codes = [...document.querySelectorAll("#recovery-codes li")].map((item) => item.textContent.trim());
  const text = `${codes.join("\n")}\n`;

  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      status.textContent = status.dataset.copied;
    } catch {
      status.textContent = status.dataset.refused;
    }
  }

  function download() {
    const link = document.createElement("a");
    link.href = `data:text/plain;charset=utf-8,${encodeURIComponent(text)}`;
    link.download = "tandem-recovery-codes.txt";
    link.click();
    status.textContent = status.dataset.downloaded;
  }

  buttons.querySelector('[name="copy"]').addEventListener("click", copy);
  buttons.querySelector('[name="download"]').addEventListener("click", download);
  buttons.hidden = false;
})();
