// Proposes the browser's time zone where the user has not chosen one. Saving is left to the user.
"use strict";
(() => {
  const zones = document.getElementById("preferences_time_zone");
  const proposal = document.getElementById("zone-proposal");
  if (!(zones instanceof HTMLSelectElement) || !proposal || zones.value) return;
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (![...zones.options].some((option) => option.value === here)) return;
  zones.value = here;
  proposal.hidden = false;
})();
