//! The two streams of a game: the game's own draws, and those of a random player.

use std::fmt;

use super::mersenne::Mersenne;

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
}
