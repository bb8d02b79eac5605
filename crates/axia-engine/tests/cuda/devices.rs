//! A real card, where there is one.

use super::skipped;
use axia_engine::kernels::cuda::{CudaKernels, KernelCache, Precision, probe};
use std::sync::{Mutex, PoisonError};

/// The first card's kernels, opened once; says why where there is none.
pub fn card(precision: Precision) -> Option<CudaKernels> {
    static OPENED: Mutex<Vec<(Precision, Option<CudaKernels>)>> = Mutex::new(Vec::new());
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, card)) = opened.iter().find(|(of, _)| *of == precision) {
        return card.clone();
    }
    let card = open(precision);
    opened.push((precision, card.clone()));
    card
}

fn open(precision: Precision) -> Option<CudaKernels> {
    match probe() {
        Ok(devices) => {
            let cache = KernelCache::new(Some(env!("CARGO_TARGET_TMPDIR").into()));
            Some(CudaKernels::open(devices[0].index, precision, &cache).unwrap())
        }
        Err(why) => {
            skipped("a CUDA device", &why.to_string());
            None
        }
    }
}

#[test]
fn devices_are_seen_or_their_absence_explained() {
    match probe() {
        Ok(devices) => {
            for (index, device) in devices.iter().enumerate() {
                assert_eq!(device.index, index);
                assert!(device.memory > 0 && !device.name.is_empty());
            }
        }
        Err(why) => {
            assert!(!why.to_string().is_empty());
            let cache = KernelCache::new(None);
            let opened = CudaKernels::open(0, Precision::Bf16, &cache);
            assert!(opened.is_err_and(|error| error.to_string() == why.to_string()));
        }
    }
}
