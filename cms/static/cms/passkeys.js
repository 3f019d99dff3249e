// Asks the browser for a passkey when the form is sent, and sends its answer along.
(() => {
  "use strict";
  const form = document.getElementById("passkey-form");
  const status = document.getElementById("passkey-status");
  const options = JSON.parse(document.getElementById("passkey-options").textContent);
  const isNew = "pubKeyCredParams" in options;
  const sentences = {
    InvalidStateError: "This passkey was added before.",
    NotAllowedError: "Nothing came from the passkey: you cancelled, or it took too long. Try again.",
    SecurityError: "Passkeys do not work at this address.",
  };

  async function ask() {
    const Credential = window.PublicKeyCredential;
    if (!Credential || !Credential.parseCreationOptionsFromJSON) {
      return { refused: "This browser offers no passkeys here. They need a new browser, and https." };
    }
    try {
      const credential = isNew
        ? await navigator.credentials.create({ publicKey: Credential.parseCreationOptionsFromJSON(options) })
        : await navigator.credentials.get({ publicKey: Credential.parseRequestOptionsFromJSON(options) });
      return { answer: JSON.stringify(credential.toJSON()) };
    } catch (error) {
      return { refused: sentences[error.name] || `The passkey failed: ${error.message}` };
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
