//! Steps per second of random play on one core.
//!
//! `cargo run --release --example random_play -- GAME_DATA NAME [GAMES]` for a game of the
//! benchmark, `… -- FOLDER [GAMES]` for one of one's own.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use axia_adventure::environment::{Environment, Policy, RandomPolicy};
use axia_adventure::game::Game;
use axia_adventure::limits::Limits;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let folder = Path::new(arguments.first().ok_or("name a folder")?);
    let own = folder.join("game.toml").is_file();
    let begin = Instant::now();
    let game = if own {
        Game::read_folder(folder, Limits::default())?
    } else {
        let name = arguments.get(1).ok_or("name a game")?;
        Game::read_benchmark(folder, name, Limits::default())?
    };
    println!("loaded in {:?}", begin.elapsed());
    let games: u64 = match arguments.get(if own { 1 } else { 2 }) {
        Some(count) => count.parse()?,
        None => 20_000,
    };
    let mut environment = Environment::new(Arc::new(game))?;
    let mut policy = RandomPolicy::default();
    let (mut steps, mut longest, mut best) = (0, 0, 0f64);
    let begin = Instant::now();
    // The best of many short stretches is what the program can do when nothing else runs.
    let mut seeds = 0..games;
    while !seeds.is_empty() {
        let stretch = Instant::now();
        let mut taken = 0;
        for seed in seeds.by_ref().take(200) {
            environment.reset(seed)?;
            policy.begin(seed);
            while !environment.done() && environment.steps() < 1000 {
                let action = policy.choose(&mut environment)?.unwrap_or(0);
                environment.step(action)?;
            }
            taken += environment.steps();
            longest = longest.max(environment.steps());
        }
        steps += taken;
        best = best.max(taken as f64 / stretch.elapsed().as_secs_f64());
    }
    let seconds = begin.elapsed().as_secs_f64();
    println!("{games} games, {steps} steps, at most {longest} in one");
    println!("{:.0} steps/s, {best:.0} at best", steps as f64 / seconds);
    println!("{:.3} s for 1000 games", seconds / games as f64 * 1000.0);
    Ok(())
}
