"use strict";
// The visitor's choice of light or dark, kept in this browser. Runs before the page is drawn.
(() => {
  const ORDER = ["auto", "light", "dark"];
  const read = () => {
    try {
      const kept = localStorage.getItem("intermodal-theme");
      return ORDER.includes(kept) ? kept : "auto";
    } catch {
      return "auto"; // this browser keeps nothing
    }
  };
  const show = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  };
  show(read());
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.textContent = `Theme: ${read()}`;
    };
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      const next = ORDER[(ORDER.indexOf(read()) + 1) % ORDER.length];
      try {
        localStorage.setItem("intermodal-theme", next);
      } catch {
        // then it is for this page only
      }
      show(next);
      label();
    });
  });
})();
