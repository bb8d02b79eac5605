//! Random draws, number for number those of Python and of NumPy's legacy generator.

use std::fmt;
use std::sync::OnceLock;

/// A generator that is seeded when it is first used: most games never draw.
#[derive(Clone)]
struct Lazy {
    seed: u64,
    make: fn(u64) -> Mersenne,
    generator: Option<Box<Mersenne>>,
}

impl Lazy {
    fn next(&mut self) -> u32 {
        let (seed, make) = (self.seed, self.make);
        self.generator.get_or_insert_with(|| Box::new(make(seed))).next()
    }
}

/// The game's draws: Python's `random`.
#[derive(Clone)]
pub struct GameRandom(Lazy);

/// A random player's draws: NumPy's legacy generator.
#[derive(Clone)]
pub struct PolicyRandom(Lazy);

impl GameRandom {
    /// Python's `random.seed(seed)`.
    pub fn new(seed: u64) -> Self {
        let make = |seed: u64| {
            let (low, high) = (seed as u32, (seed >> 32) as u32);
            let words = [low, high];
            Mersenne::from_key(if high == 0 { &words[..1] } else { &words })
        };
        Self(Lazy { seed, make, generator: None })
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next()
    }

    /// A number in `0..bound`; 0 for a bound of 0. Even a bound of 1 draws.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        let bits = 64 - bound.leading_zeros();
        loop {
            let drawn = self.bits(bits);
            if drawn < bound {
                return drawn;
            }
        }
    }

    /// Python's `getrandbits(bits)` for 1 … 64 bits: low words first.
    fn bits(&mut self, bits: u32) -> u64 {
        let low_bits = bits.min(32);
        let low = u64::from(self.0.next() >> (32 - low_bits));
        if bits <= 32 {
            return low;
        }
        low | (u64::from(self.0.next() >> (64 - bits)) << 32)
    }
}

impl PolicyRandom {
    /// NumPy's `random.seed(seed)`; the seed's lower 32 bits count.
    pub fn new(seed: u64) -> Self {
        Self(Lazy { seed, make: |seed| Mersenne::from_number(seed as u32), generator: None })
    }

    /// The next 32 bits.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next()
    }

    /// NumPy's `random.choice(count)`: a number in `0..count`; 0 without a draw for up to 1.
    pub fn choice(&mut self, count: usize) -> usize {
        let most = match u32::try_from(count.saturating_sub(1)) {
            Ok(0) => return 0,
            Ok(most) => most,
            Err(_) => u32::MAX,
        };
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let drawn = self.0.next() & mask;
            if drawn <= most {
                return drawn as usize;
            }
        }
    }
}

impl fmt::Debug for GameRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GameRandom(seed {})", self.0.seed)
    }
}

impl fmt::Debug for PolicyRandom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PolicyRandom(seed {})", self.0.seed)
    }
}

const SIZE: usize = 624;
const SHIFT: usize = 397;

/// A seeded generator of 32-bit numbers.
#[derive(Clone)]
struct Mersenne {
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
    fn draws_of_seed_zero() {
        let mut game = GameRandom::new(0);
        let dice: Vec<u64> = (0..10).map(|_| 1 + game.below(6)).collect();
        assert_eq!(dice, [4, 4, 1, 3, 5, 4, 4, 3, 4, 3]);
        let mut policy = PolicyRandom::new(0);
        let picks: Vec<usize> = (0..10).map(|_| policy.choice(3)).collect();
        assert_eq!(picks, [0, 1, 0, 1, 1, 2, 0, 2, 0, 0]);
        assert_eq!(policy.choice(1), 0);
        assert_eq!(policy.choice(0), 0);
    }

    #[test]
    fn copies_go_on_alike() {
        let mut game = GameRandom::new(u64::MAX);
        game.below(7);
        let mut copy = game.clone();
        assert!((0..1000).all(|_| game.below(1 << 40) == copy.below(1 << 40)));
    }

    #[test]
    fn the_published_first_outputs() {
        // The reference implementation's test: init_by_array({0x123, 0x234, 0x345, 0x456}).
        let mut generator = Mersenne::from_key(&[0x123, 0x234, 0x345, 0x456]);
        let first: Vec<u32> = (0..5).map(|_| generator.next()).collect();
        assert_eq!(first, [1067595299, 955945823, 477289528, 4107218783, 4228976476]);
        assert_eq!(Mersenne::from_number(5489).next(), 3499211612);
    }
}
