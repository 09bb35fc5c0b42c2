"use strict";
// Asks for the live part of the page again and again, and patches what has changed into it: elements stay the ones they
// were, so focus, selection, scroll positions and opened details stay, too.
(() => {
  const KEY = document.querySelector("meta[name=page-key]").content;
  const live = document.getElementById("live");
  const stale = document.getElementById("stale");
  const every = 1000 * Number(live.dataset.every);
  let timer = 0;
  let failures = 0;

  // What a visitor has changed, of which the server knows nothing.
  const KEPT = { DETAILS: ["open"], DIALOG: ["open"] };

  const patchAttributes = (old, fresh) => {
    const kept = KEPT[old.tagName] || [];
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !kept.includes(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (!kept.includes(name) && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
  };

  const alike = (old, fresh) =>
    old.nodeType === fresh.nodeType && old.nodeName === fresh.nodeName && (old.id || "") === (fresh.id || "");

  const patch = (old, fresh) => {
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    if (old.dataset.keep !== undefined) return;
    patchAttributes(old, fresh);
    patchChildren(old, fresh);
  };

  const patchChildren = (old, fresh) => {
    const named = new Map();
    for (const child of old.children) if (child.id) named.set(child.id, child);
    let place = old.firstChild;
    for (const wanted of [...fresh.childNodes]) {
      const known = wanted.id ? named.get(wanted.id) : undefined;
      const found = known || (place && !place.id && alike(place, wanted) ? place : null);
      if (found && alike(found, wanted)) {
        if (found === place) place = place.nextSibling;
        else old.insertBefore(found, place);
        named.delete(wanted.id);
        patch(found, wanted);
      } else {
        old.insertBefore(wanted, place);
      }
    }
    while (place) {
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
  };

  const say = (text) => {
    stale.textContent = text;
    stale.hidden = text === "";
  };

  // Where the newest come first, nothing moves under a reader of older ones.
  const held = () => live.querySelector("[data-newest-first]") !== null && window.scrollY > 200;

  const refresh = async () => {
    live.toggleAttribute("data-held", held());
    if (held()) return again();
    try {
      const answer = await fetch(location.href, { headers: { "X-Intermodal-Page": KEY }, cache: "no-store" });
      if (answer.status === 401 || answer.status === 403) return location.reload();
      if (!answer.ok) throw new Error(`the server answers with ${answer.status}`);
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      patchChildren(live, fresh.body);
      live.dispatchEvent(new Event("refreshed"));
      failures = 0;
      say("");
    } catch (error) {
      failures += 1;
      say(failures > 1 ? "The server does not answer: what is shown here is old." : "");
    }
    again();
  };

  const again = () => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, every * Math.min(2 ** failures, 8));
  };

  if (every > 0) {
    document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : refresh()));
    again();
  }

  document.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !confirm(question)) event.preventDefault();
  });
})();
