// A few comforts; without them the pages work all the same.

// Buttons that copy a number.
document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("copied");
  setTimeout(() => button.classList.remove("copied"), 1200);
});

const showCopyButtons = () => {
  if (!navigator.clipboard) return;
  for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
};
showCopyButtons();

// On a phone the navigation is wider than the screen.
document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest" });

// The overview is read again while it can be seen and nobody is reading its figures.
const main = document.querySelector("main[data-refresh]");
const refresh = async () => {
  if (document.hidden || main.querySelector("details[open]")) return;
  const answer = await fetch(location.href).catch(() => null);
  if (!answer?.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const focused = document.activeElement?.getAttribute?.("href");
  for (const part of ["header.top nav", "main"]) {
    document.querySelector(part).replaceChildren(...page.querySelector(part).childNodes);
  }
  if (focused) document.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus();
};
if (main) setInterval(refresh, 15_000);
