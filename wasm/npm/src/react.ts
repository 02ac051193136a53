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
import { type SaomaCheckout, define } from './element.js'
import type { State } from './follow.js'

export type { SaomaCheckout } from './element.js'
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
  /** Light or dark whatever the system says. */
  theme?: 'light' | 'dark' | undefined
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
} as const satisfies Record<string, keyof CheckoutHandlers>

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
    useEarlyEffect(() => {
      const target = element.current
      return target === null ? undefined : connect(target, latest)
    }, [])
    const { order, token, server, theme } = props
    useEarlyEffect(() => {
      for (const [name, value] of Object.entries({ server, theme, order, token })) {
        if (value) element.current?.setAttribute(name, value)
        else element.current?.removeAttribute(name)
      }
    }, [order, token, server, theme])
    return createElement('saoma-checkout', { ...htmlProps(props), ref: element })
  })

/** Registers the element and listens to it; gives what ends that. */
function connect(target: SaomaCheckout, latest: { readonly current: CheckoutProps }): () => void {
  define()
  target.fetch = (...request) => (latest.current.fetch ?? globalThis.fetch)(...request)
  const listeners = Object.entries(HANDLERS).map(([name, handler]) => {
    const listener = (event: Event) => {
      if (event.target === target) latest.current[handler]?.((event as CustomEvent<State>).detail)
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
  const ours = new Set<string>(['order', 'token', 'server', 'theme', 'fetch', 'className'])
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
  theme?: 'light' | 'dark' | undefined
}

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'saoma-checkout': ElementProps
    }
  }
}
