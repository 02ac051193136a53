// What a person brings to the till: who it is, what the money comes from, and the coupons.

/** The people whose phones there are. A tab is a phone: two tabs can be two people. */
export const PEOPLE = ["1", "2"];

/** Where the money can come from. */
export const METHODS = ["balance", "debit_card", "credit_card"];

/** How long a payment can take, in seconds. */
export const DELAYS_S = [0, 5, 30, 120];

/** Anybody's coupons: bought, given away, and one that does not say which, as real ones often. */
const COUPONS = [
  { id: "2000000000100000001", face: 500, type: "CASH" },
  { id: "2000000000100000002", face: 100, type: "NO_CASH" },
  { id: "2000000000100000003", face: 58, type: null },
];

/** The coupons for an amount, each with what it would pay when the chosen ones come first. */
export function coupons(total, chosen) {
  let rest = total;
  const fees = new Map();
  const byChoice = [...COUPONS].sort((a, b) => chosen.has(b.id) - chosen.has(a.id));
  for (const coupon of byChoice) {
    const fee = Math.min(coupon.face, rest);
    fees.set(coupon.id, fee);
    if (chosen.has(coupon.id)) {
      rest -= fee;
    }
  }
  return COUPONS.map((coupon) => ({
    ...coupon,
    fee: fees.get(coupon.id),
    isChosen: chosen.has(coupon.id) && fees.get(coupon.id) > 0,
  }));
}

/** The chosen coupons as the control interface takes them. */
export function tendered(total, chosen) {
  const used = coupons(total, chosen).filter((coupon) => coupon.isChosen);
  return used.map(({ id, fee, type }) => (type ? { id, fee, type } : { id, fee }));
}

const KEPT = "saoma-phone";

/** What this tab's phone was set to. */
export function kept() {
  const asked = new URL(window.location.href).searchParams.get("person");
  let known = {};
  try {
    known = JSON.parse(window.sessionStorage.getItem(KEPT)) ?? {};
  } catch {
    // Nothing is kept where storage is off.
  }
  const person = [asked, known.person].find((name) => PEOPLE.includes(name)) ?? PEOPLE[0];
  const delay = DELAYS_S.includes(known.delay) ? known.delay : 0;
  return { person, delay, notify: known.notify !== false };
}

/** Keeps what this tab's phone is set to. */
export function keep({ person, delay, notify }) {
  try {
    window.sessionStorage.setItem(KEPT, JSON.stringify({ person, delay, notify }));
  } catch {
    // Nothing is kept where storage is off.
  }
}
