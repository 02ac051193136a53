// Small tools for building the console: elements, copy buttons, times.

/** An element: `el("p", { class: "x", title: "y" }, "text", child)`. Handlers are `onclick` etc. */
export function el(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) {
      element.addEventListener(key.slice(2), value);
    } else if (value === true) {
      element.setAttribute(key, "");
    } else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(key, value);
    }
  }
  element.append(...shown(children));
  return element;
}

/** What a condition has left out is no child. */
const shown = (children) => children.flat().filter((child) => child || child === 0);

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  in: "M4 12h14M12 6l6 6-6 6",
  out: "M20 12H6M12 6l-6 6 6 6",
  phone: "M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1M11 18h2",
  fault: "M12 4l9 16H3zM12 10v4M12 17v.1",
  good: "M5 12.5l4.5 4.5L19 7.5",
  bad: "M6 6l12 12M18 6L6 18",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 2",
  copy: "M9 9h10v11H9zM15 9V4H5v11h4",
  back: "M15 5l-7 7 7 7",
};

/** A line drawing. What it means stands beside it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button. */
export function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", class: "button", onclick, ...attributes }, text);
}

/** A button that copies a text, and says so. */
export function copyButton(text, words) {
  const made = button("", copy, { class: "copy", title: words.copy, "aria-label": words.copy });
  made.append(icon("copy"));
  async function copy(event) {
    event.stopPropagation();
    try {
      await navigator.clipboard.writeText(text);
      made.classList.add("copied");
      announce(words.copied);
      window.setTimeout(() => made.classList.remove("copied"), 1200);
    } catch {
      announce(words.notCopied);
    }
  }
  return made;
}

/** A text in a fixed width, with its copy button. */
export function code(text, words) {
  return el("span", { class: "with-copy" }, el("code", {}, text), copyButton(text, words));
}

/** A block of text in a fixed width, with its copy button. */
export function block(text, words, className = "block") {
  return el("div", { class: "block-frame" },
    el("pre", { class: className, tabindex: "0" }, text), copyButton(text, words));
}

/** Says something to whoever looks or listens, for a moment. */
export function announce(text, isError = false) {
  const toast = document.getElementById("toast");
  toast.textContent = text;
  toast.classList.toggle("error", isError);
  toast.classList.add("shown");
  window.clearTimeout(announce.timer);
  announce.timer = window.setTimeout(() => toast.classList.remove("shown"), isError ? 5000 : 1800);
}

/** Replaces what is in a container, and leaves focus and place where they were. */
export function replace(container, ...children) {
  const focused = document.activeElement;
  const key = container.contains(focused) ? focused.dataset.key : undefined;
  const top = container.scrollTop;
  container.replaceChildren(...shown(children));
  container.scrollTop = top;
  if (key) {
    container.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  }
}

const two = (number) => String(number).padStart(2, "0");

/** A Unix time in Beijing, as WeChat counts: day and time, or the time alone. */
export function beijing(seconds, isTimeOnly = false) {
  const date = new Date((seconds + 8 * 3600) * 1000);
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map(two).join(":");
  if (isTimeOnly) {
    return time;
  }
  const day = [date.getUTCFullYear(), two(date.getUTCMonth() + 1), two(date.getUTCDate())];
  return `${day.join("-")} ${time}`;
}

/** A number of seconds in the largest units that it has. */
export function duration(seconds, words) {
  const parts = [];
  let rest = Math.max(0, seconds);
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]]) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) {
      parts.push(words.units[unit](count));
    }
  }
  return parts.slice(0, 2).join(" ") || words.units.s(0);
}
