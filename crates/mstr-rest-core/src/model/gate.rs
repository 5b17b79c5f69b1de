//! The order in which woken tasks go on is up to the seed.
//!
//! Tokio's `watch` wakes those who wait for it in a random order that no stable setting seeds. The
//! tasks of the model are therefore woken through a gate: what wakes them only marks them, and the
//! root future lets them through, in an order that it draws.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use fastrand::Rng;

#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Vec<Arc<Signal>>>>);

/// One task behind the gate.
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
        Behind { signal, waker, future: Box::pin(future) }
    }

    /// Lets those through that were woken: some of them, or all.
    pub(super) fn open(&self, rng: &mut Rng, all: bool) {
        let mut waiting =
            std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        // the order in which they were woken is not the seed's
        waiting.sort_by_key(|signal| signal.number);
        rng.shuffle(&mut waiting);
        let stay = if all || waiting.is_empty() { 0 } else { rng.usize(..=waiting.len()) / 2 };
        let rest = waiting.split_off(waiting.len() - stay);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(rest);
        for signal in waiting {
            let task = signal.task.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(task) = task {
                task.wake();
            }
        }
    }
}

struct Behind<F> {
    signal: Arc<Signal>,
    waker: Waker,
    future: Pin<Box<F>>,
}

impl<F: Future> Future for Behind<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let waker = cx.waker().clone();
        *self.signal.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(waker);
        let gated = self.waker.clone();
        self.future.as_mut().poll(&mut Context::from_waker(&gated))
    }
}
