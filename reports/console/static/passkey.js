// Passkeys: ask this console for the challenge of the form as it stands, let the browser's authenticator sign it, and
// send the form with the answer. Without this file the forms work with a password and a code.
"use strict";
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) { return; }

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list || []).map((item) => ({ ...item, id: bytes(item.id) }));

  const WORDS = {
    NotAllowedError: "It was cancelled or took too long. Nothing was sent; try again.",
    InvalidStateError: "This device is enrolled already.",
    SecurityError: "The browser does not allow passkeys under this address. Open the console as localhost or over HTTPS.",
    NotSupportedError: "This device can make no passkey of the kind that is needed.",
  };
  const said = (place, words) => { place.textContent = words; };
  const failed = (place, error) => said(place, WORDS[error.name] || error.message || "The passkey could not be used.");

  const answer = (credential) => {
    const given = { id: credential.id, rawId: text(credential.rawId), type: credential.type, response: {} };
    for (const name of ["clientDataJSON", "authenticatorData", "signature", "attestationObject"]) {
      if (credential.response[name]) { given.response[name] = text(credential.response[name]); }
    }
    return JSON.stringify(given);
  };

  // All fields but the password and the code, which a passkey stands in for.
  const complete = (form) => [...form.elements].every(
    (item) => item.name === "password" || item.name === "code" || !item.reportValidity || item.reportValidity());

  const challenge = async (form) => {
    const fields = new URLSearchParams(new FormData(form));
    fields.delete("password");
    fields.delete("code");
    fields.set("passkey", "ask");
    const reply = await fetch(form.action, { method: "POST", body: fields, headers: { accept: "application/json" } });
    if ((reply.headers.get("content-type") || "").startsWith("application/json")) { return reply.json(); }
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    const why = page.querySelector("main [role=alert], [role=alert]") || page.querySelector("h1");
    throw new Error(why ? why.textContent.trim() : `The console answered ${reply.status}. Open the page again.`);
  };

  const sign = async (form, place) => {
    const { pending, options } = await challenge(form);
    said(place, "Your device asks for you now.");
    const credential = await navigator.credentials.get({
      publicKey: { ...options, challenge: bytes(options.challenge), allowCredentials: known(options.allowCredentials) },
    });
    form.elements.passkey.value = pending;
    form.elements.passkey_answer.value = answer(credential);
    for (const name of ["password", "code"]) { if (form.elements[name]) { form.elements[name].value = ""; } }
    said(place, "Signed. Sending it.");
    form.submit();
  };

  const make = async (form, place) => {
    const options = JSON.parse(form.dataset.passkeyNew);
    said(place, "Your device asks for you now.");
    const credential = await navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: bytes(options.challenge),
        user: { ...options.user, id: bytes(options.user.id) },
        excludeCredentials: known(options.excludeCredentials),
      },
    });
    form.elements.answer.value = answer(credential);
    said(place, "Made. Sending it.");
    form.submit();
  };

  const ready = (button, act) => {
    const form = button.closest("form");
    const place = form.querySelector("[data-passkey-said]");
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (!complete(form)) { return; }
      button.disabled = true;
      said(place, "One moment.");
      try { await act(form, place); } catch (error) { failed(place, error); button.disabled = false; button.focus(); }
    });
  };

  document.querySelectorAll("[data-passkey-use]").forEach((button) => ready(button, sign));
  document.querySelectorAll("[data-passkey-make]").forEach((button) => ready(button, make));
})();
