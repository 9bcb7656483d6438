"use strict";
(() => {
  const form = document.getElementById("filters");
  const told = Array.from(document.querySelectorAll(".told"));
  if (!form || told.length === 0) return;
  const names = ["variant", "subject", "category", "outcome"];
  const words = new Map();
  const shown = document.getElementById("shown");

  // Read once, when somebody first searches: several megabytes of text.
  const wordsOf = (one) => {
    if (!words.has(one)) words.set(one, one.textContent.toLowerCase());
    return words.get(one);
  };
  const apply = () => {
    const wanted = names.map((name) => [name, form.elements[name] ? form.elements[name].value : ""]);
    const text = form.elements.text.value.trim().toLowerCase();
    let count = 0;
    for (const one of told) {
      const fits = wanted.every(([name, value]) => value === "" || "=" + one.dataset[name] === value);
      one.hidden = !(fits && (text === "" || wordsOf(one).includes(text)));
      if (!one.hidden) count += 1;
    }
    shown.textContent = String(count);
  };

  let later = 0;
  form.addEventListener("input", () => {
    clearTimeout(later);
    later = setTimeout(apply, 120);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply, 0));
  form.hidden = false;
  apply();
})();
