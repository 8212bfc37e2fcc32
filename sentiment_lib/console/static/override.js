/* Asks Airflow to promote a held or rejected candidate by force, with the session of the person who asks: Airflow checks who may run
   the DAG, and its step whether this person may approve. The console's server promotes nothing. */
"use strict";
(function () {
  const REFUSED = {
    401: "You are signed out: sign in to Airflow and try again.",
    403: "You may not run force_promotion.",
    404: "Airflow does not know the DAG force_promotion.",
  };
  document.querySelectorAll(".override-form").forEach(function (form) {
    const status = form.querySelector(".answer-status");
    const button = form.querySelector("button");
    form.addEventListener("submit", async function (event) {
      event.preventDefault();
      const reason = form.elements.reason.value.trim();
      if (reason.length < Number(form.dataset.shortest)) {
        status.textContent = "A forced promotion needs a reason.";
        form.elements.reason.focus();
        return;
      }
      button.disabled = true;
      status.textContent = "Sending …";
      try {
        const answer = await fetch(form.dataset.address, {
          method: "POST",
          credentials: "same-origin",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({
            logical_date: null,
            conf: { decision_id: Number(form.dataset.decision), reason: reason },
          }),
        });
        if (answer.ok) {
          status.textContent = "Asked for: the platform checks and records it; this page follows.";
          window.setTimeout(function () { window.location.reload(); }, 15000);
          return;
        }
        status.textContent = REFUSED[answer.status] || "Airflow refused (" + answer.status + ").";
      } catch (error) {
        status.textContent = "Airflow cannot be reached: " + error.message;
      }
      button.disabled = false;
    });
    // rendered disabled: before this point a click would submit the form to this page
    button.disabled = false;
  });
})();
