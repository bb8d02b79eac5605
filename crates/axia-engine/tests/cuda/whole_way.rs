//! All that these tests do on a card, on the stand-in for one: what goes through the driver's,
//! NVRTC's and cuBLASLt's own functions.

use super::skipped;
use super::stand_in::{StandIn, is_here};
use axia_engine::kernels::cuda::{CudaKernels, KernelCache, Precision};
use axia_engine::kernels::{Kernels, Linear, Write};
use std::process::Command;

#[test]
fn the_whole_way_gives_the_same() {
    if is_here() {
        return;
    }
    let stand_in = match StandIn::build() {
        Ok(stand_in) => stand_in,
        Err(why) => return skipped("the stand-in for a card", &why),
    };
    let mut this = Command::new(std::env::current_exe().unwrap());
    stand_in.show_to(&mut this);
    let done = this.args(["--test-threads", "2"]).output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}\n{}", String::from_utf8_lossy(&done.stderr));
    assert!(said.contains("test devices::devices_are_seen_or_their_absence_explained ... ok"));
}

/// What follows is for the program that was started with the stand-in.
fn card(precision: Precision) -> Option<CudaKernels> {
    is_here().then(|| CudaKernels::open(0, precision, &KernelCache::new(None)).unwrap())
}

#[test]
fn more_is_brought_to_a_card_than_fits_the_locked_memory_at_once() {
    let Some(card) = card(Precision::F32) else { return };
    let numbers = |len: u32| (0..len).map(|i| i as f32).collect::<Vec<f32>>();
    let pieces: Vec<_> = [1, 40_000, 20 << 20, 3, 7 << 20].map(numbers).to_vec();
    let buffers: Vec<_> = pieces.iter().map(|piece| card.upload(piece)).collect();
    for (piece, buffer) in pieces.iter().zip(&buffers) {
        assert!(card.download(buffer) == *piece, "{} numbers", piece.len());
    }
}

#[test]
fn a_card_is_used_from_many_threads() {
    let Some(card) = card(Precision::F32) else { return };
    let matrix: Vec<f32> = (0..12).map(|i| i as f32).collect();
    let weight = card.weight_of(&matrix, 4).unwrap();
    let products: Vec<Vec<f32>> = std::thread::scope(|scope| {
        let work = |i: u32| {
            let (card, weight) = (&card, &weight);
            scope.spawn(move || {
                let x = card.upload(&[i as f32; 4]);
                let mut y = Default::default();
                card.linear(&x, Linear { weight, bias: None, lora: None }, Write::Set, &mut y);
                card.download(&y)
            })
        };
        let threads: Vec<_> = (0..8).map(work).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (i, product) in products.iter().enumerate() {
        assert_eq!(product[..], [6.0, 22.0, 38.0].map(|sum| sum * i as f32));
    }
    card.check().unwrap();
}
