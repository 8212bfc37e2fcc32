/* Submits the form without leaving the page, and keeps a history in this browser. The page works without it. */
"use strict";
(function () {
  const KEY = "sentiment-tries", MAX_TRIES = 50;
  const form = document.getElementById("try"), results = document.getElementById("results");
  const typed = document.getElementById("typed"), send = document.getElementById("send"), work = document.getElementById("work");
  const history = document.getElementById("history"), list = history.querySelector("ol");

  function load() {
    try {
      const found = JSON.parse(localStorage.getItem(KEY) || "[]");
      return Array.isArray(found) ? found : [];
    } catch (error) { return []; }  /* storage is disabled, or holds something else */
  }
  function save(tries) {
    try { localStorage.setItem(KEY, JSON.stringify(tries.slice(0, MAX_TRIES))); } catch (error) { console.info("not saved:", error.name); }
    show();
  }
  function printable(text) {  /* as in safe_text.py: no invisible character of untrusted text reaches the page */
    return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, function (letter) {
      return letter === "\u200d" ? letter : "[" + letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0") + "]";
    });
  }
  function element(name, className, text) {
    const made = document.createElement(name);
    made.className = className;
    made.textContent = text;
    return made;
  }
  function show() {
    const tries = load();
    history.hidden = !tries.length;
    list.replaceChildren.apply(list, tries.map(function (one) {
      const row = document.createElement("li");
      const text = element("bdi", "tweet", printable(String(one.text)));
      text.dir = "auto";
      const summary = one.answer && one.answer !== one.label ? one.label + " → " + one.answer : one.label + (one.answer ? " ✓" : "");
      const tone = ["negative", "neutral", "positive"].includes(one.label) ? one.label : "quiet";
      const time = element("time", "", new Date(one.at).toISOString().slice(0, 16).replace("T", " "));
      row.append(text, element("span", "badge " + tone, summary), time);
      return row;
    }));
  }
  function insert(target, html) {
    const made = new DOMParser().parseFromString(html, "text/html");
    target.replaceChildren.apply(target, Array.from(made.body.childNodes));
  }
  async function post(address, body) {
    const answer = await fetch(address, { method: "POST", body: body, headers: { "X-Partial": "1" } });
    if (answer.redirected || answer.status === 401) { location.assign("/login"); return null; }
    return { ok: answer.ok, html: await answer.text() };
  }
  function remember() {
    const now = new Date().toISOString();
    const fresh = Array.from(results.querySelectorAll("article.result[data-sure]")).map(function (card) {
      return { id: card.dataset.id, text: card.querySelector(".tweet").textContent.slice(0, 300), label: card.dataset.label, at: now };
    });
    if (fresh.length) save(fresh.concat(load()));
  }
  const COLUMNS = ["text", "label", "p_negative", "p_neutral", "p_positive", "version", "prediction_id"];
  function cell(value) {  /* a text that a spreadsheet would run as a formula begins with an apostrophe */
    const text = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
    return /[",\r\n]/.test(text) ? '"' + text.replace(/"/g, '""') + '"' : text;
  }
  function table() {
    const rows = Array.from(results.querySelectorAll(".result[data-version]")).map(function (one) {
      const data = one.dataset;
      return [one.querySelector(".tweet").textContent, data.label, data.pNegative, data.pNeutral, data.pPositive, data.version, data.id];
    });
    return [COLUMNS].concat(rows).map(function (row) { return row.map(cell).join(","); }).join("\r\n") + "\r\n";
  }
  const download = document.getElementById("download");
  function offer() { download.hidden = !results.querySelector(".result[data-version]"); }
  download.querySelector("button").addEventListener("click", function () {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([table()], { type: "text/csv" }));
    link.download = "predictions.csv";
    link.click();
    URL.revokeObjectURL(link.href);
  });
  form.addEventListener("submit", async function (event) {
    event.preventDefault();
    const started = Date.now();
    function say() { work.textContent = "Analysing … " + Math.round((Date.now() - started) / 1000) + " s"; }
    send.disabled = true;
    results.setAttribute("aria-busy", "true");
    work.textContent = "Analysing …";
    const clock = window.setInterval(say, 1000);
    try {
      const answer = await post("/", new FormData(form));
      if (!answer) return;
      insert(results, answer.html);
      offer();
      if (answer.ok) remember();
    } catch (error) {
      insert(results, '<div class="note bad" role="alert"><p>No response. Check the connection.</p></div>');
    } finally {
      window.clearInterval(clock);
      work.textContent = "";
      results.removeAttribute("aria-busy");
      send.disabled = false;
    }
  });
  typed.addEventListener("keydown", function (event) {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  results.addEventListener("submit", async function (event) {
    event.preventDefault();
    const own = event.target, body = new FormData(own, event.submitter), label = event.submitter.value;
    own.querySelectorAll("button").forEach(function (button) { button.disabled = true; });
    let answer = null;
    try { answer = await post("/answer", body); } catch (error) { console.info("no response:", error.name); }
    if (answer && answer.ok) {
      const saved = element("p", "kept", "Saved: " + label + ". Thank you.");
      saved.setAttribute("role", "status");
      own.replaceWith(saved);
      const id = body.get("prediction_id");
      save(load().map(function (one) { return one.id === id ? Object.assign(one, { answer: label }) : one; }));
    } else {
      own.querySelectorAll("button").forEach(function (button) { button.disabled = false; });
      const note = element("p", "kept", "Not saved. Try again.");
      note.setAttribute("role", "alert");
      own.append(note);
    }
  });
  document.getElementById("clear").addEventListener("click", function () {
    localStorage.removeItem(KEY);
    show();
    typed.focus();
  });
  show();
  offer();
})();
