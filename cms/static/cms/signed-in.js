// Tells the form around this frame that its writer has signed in again.
if (window.parent !== window) window.parent.postMessage("signed-in", window.location.origin);
