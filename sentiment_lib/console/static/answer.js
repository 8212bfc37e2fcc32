/* Sends the answer to a decision to Airflow itself, with the session of the person who answers: Airflow checks who it
   is and whether this person was asked, and keeps the response. The console's server never answers for anybody. */
"use strict";
(function () {
  const REFUSED = {
    401: "You are signed out: sign in to Airflow and try again.",
    403: "You are not among those who are asked.",
    404: "Airflow has no such request: its run was deleted.",
    409: "It has been answered already.",
  };
  document.querySelectorAll(".answer-form").forEach(function (form) {
    const status = form.querySelector(".answer-status");
    const reason = form.elements.reason;
    const buttons = form.querySelectorAll("button");
    function enable(enabled) { buttons.forEach(function (button) { button.disabled = !enabled; }); }
    form.addEventListener("submit", async function (event) {
      event.preventDefault();
      const option = event.submitter.value;
      if (option === "Reject" && reason.value.trim().length < Number(status.dataset.shortest)) {
        status.textContent = "A rejection needs a reason.";
        reason.focus();
        return;
      }
      enable(false);
      status.textContent = "Sending …";
      try {
        const answer = await fetch(form.dataset.address, {
          method: "PATCH",
          credentials: "same-origin",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ chosen_options: [option], params_input: { reason: reason.value.trim() || null } }),
        });
        if (answer.ok) {
          status.textContent = "Answered: " + option + ". The platform checks and records it; this page follows.";
          window.setTimeout(function () { window.location.reload(); }, 8000);
          return;
        }
        status.textContent = REFUSED[answer.status] || "Airflow refused the answer (" + answer.status + ").";
      } catch (error) {
        status.textContent = "Airflow cannot be reached: " + error.message;
      }
      enable(true);
    });
    // rendered disabled: before this point a click would submit the form to this page
    enable(true);
  });
})();
