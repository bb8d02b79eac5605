//! Small arrays that many kernels in a row read: kept on the card under what they were made from.

use super::error::CudaError;
use super::queue::Queue;
use super::scratch::Space;

/// The last few tables made, newest last.
pub(super) struct Tables<K, T> {
    kept: Vec<(K, T)>,
    most: usize,
}

impl<K, T> Tables<K, T> {
    /// Keeps the last `most` (at least 1) tables.
    pub fn new(most: usize) -> Self {
        Self { kept: Vec::new(), most }
    }

    /// The table that `is_wanted` recognises, or the one that `make` makes.
    pub fn get(
        &mut self,
        is_wanted: impl Fn(&K) -> bool,
        make: impl FnOnce() -> Result<(K, T), CudaError>,
    ) -> Result<&mut T, CudaError> {
        match self.kept.iter().position(|(key, _)| is_wanted(key)) {
            Some(found) => self.kept[found..].rotate_left(1),
            None => {
                let made = make()?;
                if self.kept.len() >= self.most {
                    self.kept.remove(0);
                }
                self.kept.push(made);
            }
        }
        let last = self.kept.len() - 1;
        Ok(&mut self.kept[last].1)
    }
}

/// Numbers of rows and positions, by what they are.
pub(super) struct Indices<Q: Queue>(Tables<Vec<u32>, Space<Q>>);

impl<Q: Queue> Default for Indices<Q> {
    fn default() -> Self {
        Self(Tables::new(8))
    }
}

impl<Q: Queue> Indices<Q> {
    /// Where `numbers` stand on the card.
    pub fn get(&mut self, queue: &Q, numbers: &[u32]) -> Result<u64, CudaError> {
        let space = self.0.get(
            |key| key == numbers,
            || {
                let mut space = Space::default();
                space.fill(queue, bytemuck::cast_slice(numbers))?;
                Ok((numbers.to_vec(), space))
            },
        )?;
        Ok(space.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_used_longest_ago_goes_first() {
        let mut tables = Tables::new(2);
        let mut made = Vec::new();
        for key in [1, 2, 1, 3, 1, 2] {
            let make = || {
                made.push(key);
                Ok((key, 10 * key))
            };
            assert_eq!(*tables.get(|k| *k == key, make).unwrap(), 10 * key);
        }
        assert_eq!(made, [1, 2, 3, 2]);
    }
}
