//! The gate: the seed chooses the order in which woken tasks continue.
//!
//! Tokio's `watch` wakes waiting tasks in a random order that no stable setting seeds. So the tasks
//! of the model are woken through a gate: a wake-up only marks the task, and the root future wakes
//! the marked tasks in an order that it draws from the seed.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;

#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Vec<Arc<Signal>>>>);

/// The waker of one task.
struct Signal {
    number: usize,
    gate: Gate,
    task: Mutex<Option<Waker>>,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        let mut waiting = self.gate.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.iter().all(|other| other.number != self.number) {
            waiting.push(Arc::clone(&self));
        }
    }
}

impl Gate {
    pub(super) fn wrap<F: Future + Send + 'static>(
        &self,
        number: usize,
        future: F,
    ) -> impl Future<Output = F::Output> + Send + use<F> {
        let signal = Arc::new(Signal { number, gate: self.clone(), task: Mutex::default() });
        let waker = Waker::from(Arc::clone(&signal));
        Gated { signal, waker, future: Box::pin(future) }
    }

    /// Wakes the marked tasks: some of them, or all.
    pub(super) fn open(&self, rng: &mut Rng, all: bool) {
        let mut waiting =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // the order of the marks does not depend on the seed only: sort before shuffling
        waiting.sort_by_key(|signal| signal.number);
        rng.shuffle(&mut waiting);
        let kept_back = if all || waiting.is_empty() { 0 } else { rng.usize(..=waiting.len()) / 2 };
        let rest = waiting.split_off(waiting.len() - kept_back);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(rest);
        for signal in waiting {
            let task = signal.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

struct Gated<F> {
    signal: Arc<Signal>,
    waker: Waker,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let waker = cx.waker().clone();
        *self.signal.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
        let gated = self.waker.clone();
        self.future.as_mut().poll(&mut Context::from_waker(&gated))
    }
}
