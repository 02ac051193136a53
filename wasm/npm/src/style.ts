// The looks. Whatever a shop may want to change is a custom property, or a part.

const LIGHT = {
  accent: '#07a35a',
  'accent-soft': '#e8f6ee',
  'accent-ink': '#066b3c',
  'on-accent': '#ffffff',
  ink: '#1b1f23',
  muted: '#5d666e',
  line: '#e4e7ea',
  paper: '#ffffff',
  soft: '#f5f7f8',
  warn: '#a84b17',
  'warn-soft': '#fdf2e9',
  bad: '#b3261e',
  'bad-soft': '#fcecea',
}

const DARK: typeof LIGHT = {
  accent: '#35c27d',
  'accent-soft': '#15301f',
  'accent-ink': '#7fe0ad',
  'on-accent': '#06210f',
  ink: '#f2f4f6',
  muted: '#a6afb8',
  line: '#30363d',
  paper: '#181b1f',
  soft: '#20252a',
  warn: '#f3ab74',
  'warn-soft': '#38251a',
  bad: '#ff9a90',
  'bad-soft': '#3b1f1d',
}

/** Each colour under its private name: the page's own word, else ours. */
function colours(theme: typeof LIGHT): string {
  const lines = Object.entries(theme)
  return lines.map(([name, value]) => `--_${name}: var(--saoma-${name}, ${value});`).join('')
}

export const css: string = `
:host {
  ${colours(LIGHT)}
  color-scheme: light;
  --_button: var(--saoma-button, var(--_ink));
  --_button-ink: var(--saoma-button-ink, var(--_paper));
  --_radius: var(--saoma-radius, 1.25rem);
  --_code: var(--saoma-code-size, 16.5rem);
  --_font: var(--saoma-font, -apple-system, "Segoe UI", "Helvetica Neue", "PingFang SC",
    "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans SC", "Noto Sans CJK SC", system-ui,
    sans-serif);
  /* The characters of Taiwan and Hong Kong have their own shapes. */
  --_font-hant: var(--saoma-font, -apple-system, "Segoe UI", "Helvetica Neue", "PingFang TC",
    "PingFang HK", "Microsoft JhengHei", "Noto Sans TC", "Noto Sans CJK TC", system-ui,
    sans-serif);
  display: block;
  max-width: 26rem;
  min-width: 0;
}
@media (prefers-color-scheme: dark) {
  :host(:not([theme='light'])) { ${colours(DARK)} color-scheme: dark; }
}
:host([theme='dark']) { ${colours(DARK)} color-scheme: dark; }
:host([hidden]), [hidden] { display: none !important; }
* { box-sizing: border-box; margin: 0; }

[part='card'] {
  display: flex;
  flex-direction: column;
  align-items: stretch;
  overflow: hidden;
  border: 1px solid var(--_line);
  border-radius: var(--_radius);
  background: var(--_paper);
  color: var(--_ink);
  font: 400 1rem/1.5 var(--_font);
  text-align: center;
  box-shadow: 0 1px 2px rgb(20 30 40 / 4%), 0 12px 32px -12px rgb(20 30 40 / 14%);
}

[part='card']:lang(zh-TW) { font-family: var(--_font-hant); }
h2:focus { outline: none; }

[part='summary'] { padding: 1.25rem 1.5rem 1rem; }
[part='summary'][data-empty] p { color: transparent; }
[part='summary'][data-empty] p::before {
  content: '';
  display: inline-block;
  width: 8rem;
  max-width: 60%;
  height: .7em;
  border-radius: .35em;
  background: var(--_line);
  vertical-align: middle;
}
[part='summary'][data-empty] [part='amount'] > span { display: none; }
[part='merchant'] { font-weight: 600; overflow-wrap: anywhere; }
[part='description'] { color: var(--_muted); font-size: .875rem; overflow-wrap: anywhere; }
[part='amount'] {
  margin-top: .25rem;
  font-size: 2.5rem;
  font-weight: 650;
  line-height: 1.2;
  letter-spacing: -.02em;
  font-variant-numeric: tabular-nums;
}
[part='amount'][data-long] { font-size: 2rem; }
[part='currency'] { margin-inline-end: .08em; font-size: .6em; font-weight: 600; }

[part='pay'], [part='result'] {
  display: flex;
  flex-direction: column;
  align-items: center;
  padding: 1.125rem 1.5rem 0;
  border-top: 1px solid var(--_line);
}
[part='summary'][hidden] ~ [part='result'] { border-top: 0; }
[part='scan-title'] { font-size: 1rem; font-weight: 600; }

[part='code'] {
  position: relative;
  width: min(100%, var(--_code));
  margin-top: .75rem;
  padding: .875rem;
}
[part='corners'] {
  position: absolute;
  inset: 0;
  width: 100%;
  height: 100%;
  fill: none;
  stroke: var(--_accent);
  stroke-width: 2;
  stroke-linecap: round;
  pointer-events: none;
}
/* White whatever the theme: a code is dark on light, or it is not read. */
[part='paper'] {
  display: grid;
  place-items: center;
  overflow: hidden;
  aspect-ratio: 1;
  border-radius: .375rem;
  background: #fff;
  forced-color-adjust: none;
}
[part='qr'] { display: block; }
[part='loading'] { display: none; }
[part='code'][data-empty] [part='qr'] { display: none; }
[part='code'][data-empty] [part='corners'] { stroke: var(--_line); }
[part='code'][data-empty] [part='paper'] {
  align-content: center;
  gap: .75rem;
  background: var(--_soft);
}
[part='code'][data-empty] [part='loading'] {
  display: block;
  color: var(--_muted);
  font-size: .875rem;
}
[part='code'][data-empty] [part='paper']::before {
  content: '';
  width: 1.75rem;
  height: 1.75rem;
  border: 3px solid var(--_line);
  border-top-color: var(--_accent);
  border-radius: 50%;
  animation: turn .9s linear infinite;
}

[part='glyph'] {
  flex: none;
  width: 1.125em;
  height: 1.125em;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.75;
  stroke-linecap: round;
  stroke-linejoin: round;
}
[part='countdown'] {
  display: flex;
  align-items: center;
  gap: .5rem;
  margin-top: .75rem;
  color: var(--_muted);
  font-size: .9375rem;
}
/* A line that gets shorter; turned round, it would run backwards. */
[part='ring'] {
  flex: none;
  width: 1.5rem;
  height: 1.5rem;
  fill: none;
  stroke: var(--_line);
  stroke-width: 3;
}
[part='ring-left'] {
  stroke: var(--_accent);
  stroke-dasharray: 1;
  transition: stroke-dashoffset 1s linear;
}
[part='countdown'][data-soon] [part='ring-left'] { stroke: var(--_warn); }
[part='countdown'][data-empty] { visibility: hidden; }
[part='time'] {
  min-width: 2.75em;
  color: var(--_ink);
  font-weight: 600;
  font-variant-numeric: tabular-nums;
  text-align: start;
}
[part='countdown'][data-soon], [part='countdown'][data-soon] [part='time'] { color: var(--_warn); }

[part='steps'] {
  display: flex;
  justify-content: center;
  width: 100%;
  margin-top: .875rem;
  padding: 0;
  list-style: none;
  counter-reset: step;
  color: var(--_muted);
  font-size: .8125rem;
}
[part='steps'] li { position: relative; flex: 1 1 0; padding: 0 .25rem; counter-increment: step; }
[part='steps'] li::before {
  content: counter(step);
  display: block;
  width: 1.375rem;
  margin: 0 auto .25rem;
  border-radius: 50%;
  background: var(--_accent-soft);
  color: var(--_accent-ink);
  font-size: .75rem;
  font-weight: 650;
  line-height: 1.375rem;
}
[part='steps'] li + li::after {
  content: '';
  position: absolute;
  top: .6875rem;
  inset-inline: calc(-50% + 1.125rem) calc(50% + 1.125rem);
  border-top: 1px dashed var(--_line);
}

[part='phone'], [part='offline'] {
  display: flex;
  gap: .625rem;
  margin-top: .75rem;
  padding: .75rem .875rem;
  border: 1px solid transparent;
  border-radius: .75rem;
  font-size: .875rem;
  line-height: 1.45;
  text-align: start;
}
:is([part='phone'], [part='offline']) > [part='glyph'] { margin-top: .05em; font-size: 1.1em; }
[part='phone'] { background: var(--_soft); }
[part='phone-title'] { display: block; font-weight: 600; }
[part='phone-note'] { color: var(--_muted); }
[part='copy'] { margin-top: .625rem; border-color: var(--_line); background: var(--_paper); }
[part='link'] {
  display: block;
  margin-top: .5rem;
  overflow-wrap: anywhere;
  user-select: all;
  -webkit-user-select: all;
}
[part='offline'] { background: var(--_warn-soft); color: var(--_warn); }
slot[name='aside'] { display: block; margin-top: .875rem; }

[part='result'] { padding-block: 1.75rem 1.5rem; }
[part='icon'] {
  width: 4.5rem;
  height: 4.5rem;
  border-radius: 50%;
  background: var(--_tone-soft, var(--_soft));
  fill: none;
  stroke: var(--_tone, var(--_muted));
  stroke-width: 3;
  stroke-linecap: round;
  stroke-linejoin: round;
}
:host([data-phase='paid']) [part='icon'] {
  --_tone: var(--_on-accent);
  --_tone-soft: var(--_accent);
  animation: pop .35s cubic-bezier(.2, 1.4, .4, 1);
}
:host([data-phase='paid']) [part='icon'] path {
  stroke-dasharray: 40;
  animation: draw .45s .15s ease-out backwards;
}
:host([data-phase='expired']) [part='icon'],
:host([data-phase='refunding']) [part='icon'] {
  --_tone: var(--_warn);
  --_tone-soft: var(--_warn-soft);
}
:host([data-phase='failed']) [part='icon'],
:host([data-phase='error']) [part='icon'] { --_tone: var(--_bad); --_tone-soft: var(--_bad-soft); }
:host([data-phase='refunded']) [part='icon'] {
  --_tone: var(--_accent);
  --_tone-soft: var(--_accent-soft);
}
:host([data-phase='checking']) [part='icon'] {
  --_tone: var(--_accent);
  --_tone-soft: none;
  animation: turn 1.1s linear infinite;
}
[part='title'] { margin-top: 1rem; font-size: 1.25rem; font-weight: 650; line-height: 1.35; }
[part='note'] { max-width: 22rem; margin-top: .25rem; color: var(--_muted); font-size: .9375rem; }
[part='summary'] p, [part='result'] > * { text-wrap: pretty; }
[part='result'] > slot { display: block; width: 100%; margin-top: 1.25rem; }

[part='give-up'] { padding: .5rem 1.5rem 0; }
button {
  min-height: 2.75rem;
  padding: .375rem 1rem;
  border: 1px solid transparent;
  border-radius: .75rem;
  background: none;
  color: var(--_muted);
  font: inherit;
  font-size: .875rem;
  cursor: pointer;
}
button:hover { color: var(--_ink); background: var(--_soft); }
[part='copy'] { color: var(--_ink); }
[part='refresh'] {
  width: 100%;
  min-height: 3rem;
  background: var(--_button);
  color: var(--_button-ink);
  font-size: 1rem;
  font-weight: 600;
}
[part='refresh']:hover { background: var(--_button); color: var(--_button-ink); opacity: .9; }
button:focus-visible { outline: 2px solid var(--_accent); outline-offset: 2px; }
button[aria-disabled='true'] { opacity: .6; cursor: progress; }
[part='cancel-confirm'] {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  justify-content: center;
  gap: .25rem .5rem;
  font-size: .875rem;
}
[part='cancel-question'] { flex-basis: 100%; padding-top: .25rem; }
[part='cancel-no'] { border-color: var(--_line); color: var(--_ink); }
[part='cancel-yes'] { border-color: var(--_line); color: var(--_bad); }
[part='cancel-yes']:hover { color: var(--_bad); background: var(--_bad-soft); }
[part$='-failed'] { margin-top: .5rem; color: var(--_bad); font-size: .875rem; }
[part$='-failed']:empty { display: none; }

[part='trust'] {
  display: flex;
  align-items: center;
  justify-content: center;
  gap: .375rem;
  margin-top: 1rem;
  padding: .75rem 1.25rem;
  background: var(--_soft);
  color: var(--_muted);
  font-size: .75rem;
}
.spoken {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
  white-space: nowrap;
}

/* The narrowest phones. */
@media (max-width: 24rem) {
  [part='pay'], [part='result'] { padding-inline: .875rem; }
  [part='steps'] { font-size: .75rem; }
  [part='steps'] li { padding: 0; }
}

@keyframes turn { to { rotate: 1turn; } }
@keyframes pop { from { scale: .6; opacity: 0; } }
@keyframes draw { from { stroke-dashoffset: 40; } }
@media (prefers-reduced-motion: reduce) {
  [part='ring-left'] { transition: none; }
  *, *::before { animation-duration: 0s !important; animation-iteration-count: 1 !important; }
}
/* The visitor's own colours: lines where there were grounds, and nothing told by colour alone. */
@media (forced-colors: active) {
  [part='phone'], [part='offline'], button { border-color: currentColor; }
  [part='icon'] { background: none; border: 2px solid CanvasText; stroke: CanvasText; }
  :host([data-phase='checking']) [part='icon'] { border: 0; }
  [part='corners'], [part='glyph'] { stroke: CanvasText; }
  [part='code'][data-empty] [part='paper'] { forced-color-adjust: auto; }
  [part='ring'] { stroke: transparent; }
  [part='ring-left'] { stroke: CanvasText; }
  [part='steps'] li::before { outline: 1px solid CanvasText; }
  [part='trust'] { border-top: 1px solid CanvasText; }
}
`
