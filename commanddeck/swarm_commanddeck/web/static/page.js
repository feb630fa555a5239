// What the terminal's script leaves to the page: keys go to the deck at once, and a file is no new window.
"use strict";

const openWindow = window.open.bind(window);

window.open = (url, target) => {
  if (!String(url).startsWith(`${location.origin}/download/`)) {
    return openWindow(url, target, "noopener");
  }
  // A window would be blocked where the file took longer to come than a key press counts.
  const link = document.createElement("a");
  link.href = url;
  link.download = "";
  link.click();
  return null;
};

addEventListener("DOMContentLoaded", () => {
  const focus = () => {
    const ended = document.body.classList.contains("-closed");
    document.querySelector(ended ? ".ended a" : ".xterm-helper-textarea")?.focus();
  };
  new MutationObserver(focus).observe(document.body, { attributes: true, attributeFilter: ["class"] });
});
