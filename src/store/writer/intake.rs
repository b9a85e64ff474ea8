//! How the writer takes queued writes: into batches, or into the lane of large writes.

use std::sync::mpsc::Receiver;
use std::time::Instant;

use super::{Job, MAX_BATCH, Order, Queued, Writer};
use crate::store::Size;
use crate::store::error::StoreError;

impl Writer {
    /// Runs a large write by itself.
    pub(super) fn run_large(&mut self, job: Job, batch: &mut Vec<Job>, orders: &Receiver<Order>) {
        let began = Instant::now();
        let outcome = self.commit(vec![job]);
        self.take_waiting(batch, orders);
        self.answer(outcome);
        self.checkpoint_when_due();
        self.large
            .note(began.elapsed(), batch.len(), Instant::now());
    }

    /// Puts a write into the batch, or into the lane of large writes.
    pub(super) fn sort(&mut self, queued: Queued, batch: &mut Vec<Job>) {
        match queued.size {
            Size::Usual => batch.push(queued.job),
            Size::Large(user) => {
                if let Err(job) = self.large.push(user, queued.job) {
                    job(Err(StoreError::Overloaded)).1(Ok(()));
                }
            }
        }
    }

    /// Takes an order while a batch gathers; the commit of the batch checks for changes by others.
    fn take_in(&mut self, order: Order, batch: &mut Vec<Job>) {
        match order {
            Order::Write(queued) => self.sort(queued, batch),
            Order::Look => {}
        }
    }

    /// Takes the orders that are waiting.
    pub(super) fn take_waiting(&mut self, batch: &mut Vec<Job>, orders: &Receiver<Order>) {
        while batch.len() < MAX_BATCH
            && let Ok(order) = orders.try_recv()
        {
            self.take_in(order, batch);
        }
    }

    /// Takes the orders that are waiting, and waits for more as long as that is worth it.
    pub(super) fn gather(&mut self, batch: &mut Vec<Job>, orders: &Receiver<Order>) {
        let began = Instant::now();
        self.take_waiting(batch, orders);
        while batch.len() < MAX_BATCH
            && let Some(patience) = self.pace.patience(batch.len())
            && let Ok(order) = orders.recv_timeout(patience.saturating_sub(began.elapsed()))
        {
            self.take_in(order, batch);
        }
    }
}
