// Tells the form around this frame that its writer has signed in again. Single sign-on does so in a tab of its own.
if (window.parent !== window) window.parent.postMessage("signed-in", window.location.origin);
else new BroadcastChannel("signed-in").postMessage("signed-in");
