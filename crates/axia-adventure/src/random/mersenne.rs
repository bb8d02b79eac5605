//! The Mersenne Twister MT19937 (Matsumoto and Nishimura 1998).

use std::sync::OnceLock;

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// A seeded generator of 32-bit numbers.
#[derive(Clone)]
pub(super) struct Mersenne {
    state: [u32; SIZE],
    next: usize,
}

impl Mersenne {
    /// Seeds with one number, as NumPy's legacy generator does.
    pub(super) fn from_number(seed: u32) -> Self {
        let mut state = [0u32; SIZE];
        let mut previous = seed;
        for (i, word) in state.iter_mut().enumerate() {
            if i > 0 {
                previous = 1_812_433_253u32
                    .wrapping_mul(previous ^ (previous >> 30))
                    .wrapping_add(i as u32);
            }
            *word = previous;
        }
        Self { state, next: 0 }
    }

    /// Seeds with a list of numbers, as Python does with the digits of its seed.
    pub(super) fn from_key(key: &[u32]) -> Self {
        static START: OnceLock<[u32; SIZE]> = OnceLock::new();
        let mut state = *START.get_or_init(|| Self::from_number(19_650_218).state);
        let key = if key.is_empty() { &[0] } else { key };
        let mut keys = key.iter().zip(0u32..).cycle();
        let mut previous = state[0];
        let mut i = 1;
        let mut step = |state: &mut [u32; SIZE], factor: u32, add: &dyn Fn(usize) -> u32| {
            let mixed = (previous ^ (previous >> 30)).wrapping_mul(factor);
            previous = (state[i] ^ mixed).wrapping_add(add(i));
            state[i] = previous;
            i += 1;
            if i == SIZE {
                state[0] = previous;
                i = 1;
            }
        };
        for _ in 0..SIZE.max(key.len()) {
            let added = keys.next().map_or(0, |(word, j)| word.wrapping_add(j));
            step(&mut state, 1_664_525, &|_| added);
        }
        for _ in 0..SIZE - 1 {
            step(&mut state, 1_566_083_941, &|i| (i as u32).wrapping_neg());
        }
        state[0] = 0x8000_0000;
        Self { state, next: 0 }
    }

    /// Works out one word anew. Doing it word by word costs a game that draws little next to
    /// nothing.
    fn renew(&mut self, i: usize) -> u32 {
        let wrap = |i: usize| if i < SIZE { i } else { i - SIZE };
        let state = &mut self.state;
        let pair = (state[i] & 0x8000_0000) | (state[wrap(i + 1)] & 0x7fff_ffff);
        let twist = if pair & 1 == 0 { 0 } else { 0x9908_b0df };
        state[i] = state[wrap(i + SHIFT)] ^ (pair >> 1) ^ twist;
        state[i]
    }

    /// The next number.
    pub(super) fn next(&mut self) -> u32 {
        let mut y = self.renew(self.next);
        self.next = if self.next + 1 == SIZE { 0 } else { self.next + 1 };
        y ^= y >> 11;
        y ^= (y << 7) & 0x9d2c_5680;
        y ^= (y << 15) & 0xefc6_0000;
        y ^ (y >> 18)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_first_outputs() {
        // The reference implementation's test: init_by_array({0x123, 0x234, 0x345, 0x456}).
        let mut generator = Mersenne::from_key(&[0x123, 0x234, 0x345, 0x456]);
        let first: Vec<u32> = (0..5).map(|_| generator.next()).collect();
        assert_eq!(first, [1067595299, 955945823, 477289528, 4107218783, 4228976476]);
        assert_eq!(Mersenne::from_number(5489).next(), 3499211612);
    }
}
