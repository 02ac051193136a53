'use client'
// <Checkout order="..." token="..." onPaid={...} />: the element as a React component.
//
// A server renders the empty element. The browser registers it and hands it the order in effects,
// so that a page is the same before and after React takes it over.

import {
  type DetailedHTMLProps,
  type ForwardRefExoticComponent,
  type HTMLAttributes,
  type RefAttributes,
  createElement,
  forwardRef,
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
} from 'react'
import { type NewOrder, type SaomaCheckout, define } from './element.js'
import type { State } from './follow.js'

export type { NewOrder, SaomaCheckout } from './element.js'
export type { Screen, State } from './follow.js'

/** Called with the moment that is shown; the same as the element's events. */
export interface CheckoutHandlers {
  /** At every new screen. */
  onChange?: ((state: State) => void) | undefined
  onWaiting?: ((state: State) => void) | undefined
  onChecking?: ((state: State) => void) | undefined
  onPaid?: ((state: State) => void) | undefined
  onCancelled?: ((state: State) => void) | undefined
  onExpired?: ((state: State) => void) | undefined
  onRefunding?: ((state: State) => void) | undefined
  onRefunded?: ((state: State) => void) | undefined
  onFailed?: ((state: State) => void) | undefined
  onError?: ((state: State) => void) | undefined
  /** The server cannot be reached; it comes back by itself. */
  onOffline?: ((state: State) => void) | undefined
  onOnline?: ((state: State) => void) | undefined
}

type Taken = keyof CheckoutHandlers | 'dangerouslySetInnerHTML'

export interface CheckoutProps
  extends CheckoutHandlers,
    Omit<HTMLAttributes<SaomaCheckout>, Taken> {
  /** `order_id` of `POST /v1/orders`; it begins when there is a token too. */
  order?: string | null | undefined
  /** `token` of the same answer. */
  token?: string | null | undefined
  /** Where saoma-server is; the page's own origin unless told. */
  server?: string | undefined
  /** `auto`, as the system says, unless told. */
  theme?: 'light' | 'dark' | 'auto' | undefined
  /** Where the page knows better than the element what the customer looks at. */
  device?: 'screen' | 'phone' | 'wechat' | undefined
  /** An address under which another device can pay this order. */
  link?: string | undefined
  /** The seconds of a full ring. */
  lifetime?: number | undefined
  /** Asks the shop for a new order when this one ended without payment; then there is a button. */
  refresh?: (() => Promise<NewOrder>) | undefined
  /** Used for every request in place of the page's own; the one of the last render. */
  fetch?: typeof globalThis.fetch | undefined
}

const HANDLERS = {
  'saoma:change': 'onChange',
  'saoma:waiting': 'onWaiting',
  'saoma:checking': 'onChecking',
  'saoma:paid': 'onPaid',
  'saoma:cancelled': 'onCancelled',
  'saoma:expired': 'onExpired',
  'saoma:refunding': 'onRefunding',
  'saoma:refunded': 'onRefunded',
  'saoma:failed': 'onFailed',
  'saoma:error': 'onError',
  'saoma:offline': 'onOffline',
  'saoma:online': 'onOnline',
} as const satisfies Record<string, keyof CheckoutHandlers>

/** Attributes that effects write; React never sees them. */
const ATTRIBUTES = ['server', 'theme', 'device', 'link', 'lifetime', 'order', 'token'] as const

/** React warns of layout effects where there is no layout. */
const useEarlyEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect

/**
 * `<saoma-checkout>` with props. Other props of an HTML element go through to it, children into its
 * slots, and the ref is the element. Handlers and `fetch` may be new functions at every render.
 */
export const Checkout: ForwardRefExoticComponent<CheckoutProps & RefAttributes<SaomaCheckout>> =
  forwardRef<SaomaCheckout, CheckoutProps>(function Checkout(props, ref) {
    const element = useRef<SaomaCheckout>(null)
    const latest = useRef(props)
    useImperativeHandle(ref, () => element.current as SaomaCheckout, [])
    useEarlyEffect(() => {
      latest.current = props
    })
    const told = useRef<Told>({ screen: 'loading', offline: false })
    useEarlyEffect(() => {
      const target = element.current
      return target === null ? undefined : connect(target, latest, told)
    }, [])
    // Only what changed: after a refresh the element follows a newer order than the props name.
    const written = useRef<CheckoutProps>({})
    useEarlyEffect(() => {
      for (const name of ATTRIBUTES) {
        const value = props[name]
        if (value === written.current[name]) continue
        if (value) element.current?.setAttribute(name, String(value))
        else element.current?.removeAttribute(name)
      }
      written.current = props
    })
    const canRefresh = props.refresh !== undefined
    useEarlyEffect(() => {
      if (element.current === null) return
      const again = () => latest.current.refresh?.() ?? Promise.reject(new Error('no refresh'))
      element.current.refresh = canRefresh ? again : null
    }, [canRefresh])
    return createElement('saoma-checkout', { ...htmlProps(props), ref: element })
  })

/** What the handlers know. */
type Told = Pick<State, 'screen' | 'offline'>

/** Registers the element and listens to it; gives what ends that. */
function connect(
  target: SaomaCheckout,
  latest: { readonly current: CheckoutProps },
  told: { current: Told },
): () => void {
  define()
  target.fetch = (...request) => (latest.current.fetch ?? globalThis.fetch)(...request)
  const tell = (handler: keyof CheckoutHandlers, state: State) => {
    told.current = state
    latest.current[handler]?.(state)
  }
  // React takes the listeners away from what it hides, and the order goes on meanwhile.
  const { state } = target
  const { screen, offline } = told.current
  if (state !== undefined && state.screen !== screen) {
    tell('onChange', state)
    if (state.screen !== 'loading') tell(HANDLERS[`saoma:${state.screen}`], state)
  }
  if (state !== undefined && state.offline !== offline) {
    tell(state.offline ? 'onOffline' : 'onOnline', state)
  }
  const listeners = Object.entries(HANDLERS).map(([name, handler]) => {
    const listener = (event: Event) => {
      if (event.target === target) tell(handler, (event as CustomEvent<State>).detail)
    }
    target.addEventListener(name, listener)
    return () => target.removeEventListener(name, listener)
  })
  return () => {
    for (const stop of listeners) stop()
  }
}

/** What React itself shall put on the element. */
function htmlProps(props: CheckoutProps): Record<string, unknown> {
  const ours = new Set<string>([...ATTRIBUTES, 'fetch', 'refresh', 'className'])
  for (const handler of Object.values(HANDLERS)) ours.add(handler)
  const rest = Object.entries(props).filter(([name]) => !ours.has(name))
  return {
    ...Object.fromEntries(rest),
    // React 18 knows no className on custom elements; every React knows this one.
    ...(props.className !== undefined && { class: props.className }),
    // The element writes its screen into its attributes, perhaps before React comes to it.
    suppressHydrationWarning: true,
  }
}

type ElementProps = DetailedHTMLProps<HTMLAttributes<SaomaCheckout>, SaomaCheckout> & {
  class?: string | undefined
  order?: string | undefined
  token?: string | undefined
  server?: string | undefined
  theme?: 'light' | 'dark' | 'auto' | undefined
  device?: 'screen' | 'phone' | 'wechat' | undefined
  link?: string | undefined
  lifetime?: number | string | undefined
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'saoma-checkout': ElementProps
    }
  }
}
