/* Draws the OpenAPI document; without the script, the page links to the document. */
"use strict";
/* Swagger UI's own dark colours: a class of the root element, which follows the system's scheme */
const dark = window.matchMedia("(prefers-color-scheme: dark)");
function colour() { document.documentElement.classList.toggle("dark-mode", dark.matches); }
dark.addEventListener("change", colour);
colour();
SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#swagger",
  deepLinking: true,
  validatorUrl: null,  /* no document is sent to another host */
  persistAuthorization: false,
  defaultModelsExpandDepth: 0,
  presets: [SwaggerUIBundle.presets.apis],
});
