//! The sandbox from outside: over HTTP, and as a program.

#[cfg(test)]
mod container;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod http;
#[cfg(test)]
mod mode_one;
#[cfg(test)]
mod pages;
#[cfg(test)]
mod program;
#[cfg(test)]
mod refunds;
#[cfg(test)]
mod shop;
#[cfg(test)]
mod state;
#[cfg(test)]
mod time;
#[cfg(test)]
mod tls;
