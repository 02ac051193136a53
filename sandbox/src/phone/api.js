// The control interface and the words that numbers are written in; both pages use it.

/**
 * Calls the control interface: POST with a body, else GET or the method that is given. Throws
 * `{ code, message }` when it refuses, `unreachable` when nobody answers.
 */
export async function control(path, body, options = {}) {
  const sent = body !== undefined && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  };
  let answer;
  let json;
  try {
    answer = await fetch(`/control/${path}`, { ...sent, ...options });
    json = await answer.json();
  } catch {
    throw { code: "unreachable", message: "" };
  }
  if (!answer.ok) {
    throw json.error ?? { code: "other", message: "" };
  }
  return json;
}

/** Fen as yuan, by digits: no fraction ever passes through a float. */
export function yuan(fen) {
  const digits = String(fen).padStart(3, "0");
  return `¥${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** The language that the page was asked for, and what the address says of it. */
export function pageLanguage() {
  return document.documentElement.lang === "en" ? "en" : "zh-CN";
}

/** Writes the words of a language into everything that asks for one by `data-text`. */
export function say(words) {
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = words[element.dataset.text];
  }
}
