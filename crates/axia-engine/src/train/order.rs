//! In which order rows are visited.

use super::TrainRow;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// How an epoch is shuffled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    /// Groups are shuffled; rows of one group stay together, so that rows sharing prefixes meet in
    /// one step and their shared tokens are computed once.
    Grouped,
    /// All rows are shuffled: the textbook way.
    Random,
    /// As given, every epoch alike.
    File,
}

impl Order {
    /// Row indices of one epoch. The order depends on the seed and the epoch alone, so that a
    /// resumed run finds its place again.
    pub fn epoch(self, rows: &[TrainRow], seed: u64, epoch: usize) -> Vec<usize> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(epoch as u64 + 1);
        let mut order: Vec<usize> = (0..rows.len()).collect();
        match self {
            Self::File => {}
            Self::Random => order.shuffle(&mut rng),
            Self::Grouped => {
                let mut groups: Vec<u32> = rows.iter().map(|r| r.group).collect();
                groups.sort_unstable();
                groups.dedup();
                groups.shuffle(&mut rng);
                let places: HashMap<u32, usize> = groups.into_iter().zip(0..).collect();
                order.sort_by_key(|&row| places.get(&rows[row].group));
            }
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<TrainRow> {
        let row = |i: u32| TrainRow::completion(vec![i], vec![1], i % 5);
        (0..20).map(row).collect()
    }

    #[test]
    fn every_order_visits_every_row_once() {
        for order in [Order::Grouped, Order::Random, Order::File] {
            let mut visited = order.epoch(&rows(), 3, 1);
            visited.sort_unstable();
            assert_eq!(visited, (0..20).collect::<Vec<_>>());
        }
    }

    #[test]
    fn grouped_keeps_groups_together_and_epochs_differ() {
        let rows = rows();
        let first = Order::Grouped.epoch(&rows, 3, 0);
        for four in first.chunks(4) {
            assert!(four.iter().all(|&i| rows[i].group == rows[four[0]].group));
        }
        assert_eq!(first, Order::Grouped.epoch(&rows, 3, 0));
        assert_ne!(first, Order::Grouped.epoch(&rows, 3, 1));
        assert_ne!(first, Order::Grouped.epoch(&rows, 4, 0));
    }
}
