// Asks the browser for a passkey when the form is sent, and sends its answer along.
(() => {
  "use strict";
  const form = document.getElementById("passkey-form");
  const status = document.getElementById("passkey-status");
  const options = JSON.parse(document.getElementById("passkey-options").textContent);
  const isNew = "pubKeyCredParams" in options;
  const sentences = {
    InvalidStateError: status.dataset.known,
    NotAllowedError: status.dataset.cancelled,
    SecurityError: status.dataset.address,
  };

  async function ask() {
    const Credential = window.PublicKeyCredential;
    if (!Credential || !Credential.parseCreationOptionsFromJSON) {
      return { refused: status.dataset.missing };
    }
    try {
      const credential = isNew
        ? await navigator.credentials.create({ publicKey: Credential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: Credential.parseRequestOptionsFromJSON(options) });
      return { answer: JSON.stringify(credential.toJSON()) };
    } catch (error) {
      return { refused: sentences[error.name] || `${status.dataset.failed} ${error.message}` };
    }
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    status.textContent = "";
    const { answer, refused } = await ask();
    if (refused) {
      status.textContent = refused;
      return;
    }
    form.elements.credential.value = answer;
    form.submit();
  });
})();
