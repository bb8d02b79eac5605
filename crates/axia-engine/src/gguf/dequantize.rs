//! Turns stored values into single precision.
//!
//! The plain block formats keep 32 values `x` as small integers `q` with a half-precision scale `d` and, in
//! the `_1` types, a minimum `m`: `x = d q + m`. Low nibbles hold values 0–15 of a block, high nibbles
//! values 16–31. The formats in super-blocks are in [`k_quants`].

use super::k_quants;
use super::{DType, GgufError};

/// Values in a block of the plain quantised types.
const BLOCK: usize = 32;

/// Widens `bytes`, stored as `dtype`, to single precision in `out`.
///
/// `bytes` must be whole blocks that hold exactly `out.len()` values. Runs on the calling thread.
///
/// # Errors
/// [`GgufError::DequantizeLength`] if the lengths do not agree, [`GgufError::UnreadableType`] for a type
/// that is not understood.
pub fn dequantize(dtype: DType, bytes: &[u8], out: &mut [f32]) -> Result<(), GgufError> {
    if !dtype.is_readable() {
        return Err(GgufError::UnreadableType { dtype });
    }
    if dtype.bytes_for(out.len()) != Some(bytes.len()) {
        return Err(GgufError::DequantizeLength { dtype, bytes: bytes.len(), values: out.len() });
    }
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the feature the function was compiled for.
        unsafe { widen_avx2(dtype, bytes, out) };
        return Ok(());
    }
    widen(dtype, bytes, out);
    Ok(())
}

/// The same loops, compiled for processors with AVX2: several times as fast as the baseline.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn widen_avx2(dtype: DType, bytes: &[u8], out: &mut [f32]) {
    widen(dtype, bytes, out);
}

#[inline(always)]
fn widen(dtype: DType, bytes: &[u8], out: &mut [f32]) {
    match dtype {
        DType::F32 => each_value(bytes, out, f32::from_le_bytes),
        DType::F16 => each_value(bytes, out, half_to_single),
        DType::BF16 => each_value(bytes, out, |value| {
            f32::from_bits(u32::from(u16::from_le_bytes(value)) << 16)
        }),
        DType::Q4_0 => each_block(bytes, out, block_q4_0),
        DType::Q4_1 => each_block(bytes, out, block_q4_1),
        DType::Q5_0 => each_block(bytes, out, block_q5_0),
        DType::Q5_1 => each_block(bytes, out, block_q5_1),
        DType::Q8_0 => each_block(bytes, out, block_q8_0),
        DType::Q2_K => each_block(bytes, out, k_quants::block_q2_k),
        DType::Q3_K => each_block(bytes, out, k_quants::block_q3_k),
        DType::Q4_K => each_block(bytes, out, k_quants::block_q4_k),
        DType::Q5_K => each_block(bytes, out, k_quants::block_q5_k),
        DType::Q6_K => each_block(bytes, out, k_quants::block_q6_k),
        DType::IQ4_NL => each_block(bytes, out, k_quants::block_iq4_nl),
        DType::IQ4_XS => each_block(bytes, out, k_quants::block_iq4_xs),
        // `dequantize` has turned every other type away.
        _ => {}
    }
}

#[inline(always)]
fn each_value<const BYTES: usize>(
    bytes: &[u8],
    out: &mut [f32],
    convert: impl Fn([u8; BYTES]) -> f32,
) {
    for (value, out) in bytes.as_chunks::<BYTES>().0.iter().zip(out) {
        *out = convert(*value);
    }
}

#[inline(always)]
fn each_block<const BYTES: usize, const VALUES: usize>(
    bytes: &[u8],
    out: &mut [f32],
    convert: impl Fn(&[u8; BYTES], &mut [f32; VALUES]),
) {
    let blocks = bytes.as_chunks::<BYTES>().0;
    for (block, out) in blocks.iter().zip(out.as_chunks_mut::<VALUES>().0) {
        convert(block, out);
    }
}

#[inline(always)]
fn block_q4_0(block: &[u8; 18], out: &mut [f32; BLOCK]) {
    let [d0, d1, nibbles @ ..] = block;
    let scale = half_to_single([*d0, *d1]);
    let (low, high) = out.split_at_mut(BLOCK / 2);
    for ((nibble, low), high) in nibbles.iter().zip(low).zip(high) {
        *low = scale * (i32::from(nibble & 15) - 8) as f32;
        *high = scale * (i32::from(nibble >> 4) - 8) as f32;
    }
}

#[inline(always)]
fn block_q4_1(block: &[u8; 20], out: &mut [f32; BLOCK]) {
    let [d0, d1, m0, m1, nibbles @ ..] = block;
    let (scale, minimum) = (half_to_single([*d0, *d1]), half_to_single([*m0, *m1]));
    let (low, high) = out.split_at_mut(BLOCK / 2);
    for ((nibble, low), high) in nibbles.iter().zip(low).zip(high) {
        *low = scale * i32::from(nibble & 15) as f32 + minimum;
        *high = scale * i32::from(nibble >> 4) as f32 + minimum;
    }
}

#[inline(always)]
fn block_q5_0(block: &[u8; 22], out: &mut [f32; BLOCK]) {
    let [d0, d1, h0, h1, h2, h3, nibbles @ ..] = block;
    let scale = half_to_single([*d0, *d1]);
    let quants = five_bits(nibbles, u32::from_le_bytes([*h0, *h1, *h2, *h3]));
    for (quant, out) in quants.iter().zip(out) {
        *out = scale * (quant - 16) as f32;
    }
}

#[inline(always)]
fn block_q5_1(block: &[u8; 24], out: &mut [f32; BLOCK]) {
    let [d0, d1, m0, m1, h0, h1, h2, h3, nibbles @ ..] = block;
    let (scale, minimum) = (half_to_single([*d0, *d1]), half_to_single([*m0, *m1]));
    let quants = five_bits(nibbles, u32::from_le_bytes([*h0, *h1, *h2, *h3]));
    for (quant, out) in quants.iter().zip(out) {
        *out = scale * *quant as f32 + minimum;
    }
}

/// The integers of a 5-bit block: four bits from `nibbles`, the fifth of value i is bit i of `high_bits`.
#[inline(always)]
fn five_bits(nibbles: &[u8; BLOCK / 2], high_bits: u32) -> [i32; BLOCK] {
    let mut quants = [0; BLOCK];
    let (low, high) = quants.split_at_mut(BLOCK / 2);
    for ((bit, nibble), low) in (0..16).zip(nibbles).zip(low) {
        *low = i32::from(nibble & 15) | ((high_bits >> bit & 1) << 4) as i32;
    }
    for ((bit, nibble), high) in (16..32).zip(nibbles).zip(high) {
        *high = i32::from(nibble >> 4) | ((high_bits >> bit & 1) << 4) as i32;
    }
    quants
}

#[inline(always)]
fn block_q8_0(block: &[u8; 34], out: &mut [f32; BLOCK]) {
    let [d0, d1, quants @ ..] = block;
    let scale = half_to_single([*d0, *d1]);
    for (quant, out) in quants.iter().zip(out) {
        *out = scale * f32::from(quant.cast_signed());
    }
}

/// Half to single precision without branches, so that loops over it vectorise.
///
/// Shifted into place, a half's bits are a single whose exponent is 112 too small; a multiplication
/// by 2^112 repairs that, subnormal numbers included. Infinity and NaN keep the largest exponent.
#[inline(always)]
pub(super) fn half_to_single(bytes: [u8; 2]) -> f32 {
    const TWO_TO_112: f32 = f32::from_bits((127 + 112) << 23);
    let bits = u32::from(u16::from_le_bytes(bytes));
    let magnitude = f32::from_bits((bits & 0x7fff) << 13) * TWO_TO_112;
    let exponent = if bits & 0x7c00 == 0x7c00 { 0x7f80_0000 } else { 0 };
    f32::from_bits(magnitude.to_bits() | exponent | (bits & 0x8000) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE_AND_A_HALF: [u8; 2] = [0x00, 0x3e];
    const MINUS_TWO: [u8; 2] = [0x00, 0xc0];

    /// One block of `dtype` from its parts.
    fn widened(dtype: DType, parts: &[&[u8]]) -> Vec<f32> {
        let mut out = vec![0.0; BLOCK];
        dequantize(dtype, &parts.concat(), &mut out).unwrap();
        out
    }

    /// Nibble pairs (i, 15 - i): value i is i, value 16 + i is 15 - i.
    fn nibbles() -> Vec<u8> {
        (0..16).map(|i| i | (15 - i) << 4).collect()
    }

    #[test]
    fn every_half_widens_as_ieee_says() {
        for bits in 0..=u16::MAX {
            let ours = half_to_single(bits.to_le_bytes());
            let theirs = half::f16::from_bits(bits).to_f32();
            if theirs.is_nan() {
                assert!(ours.is_nan(), "{bits:#06x}");
            } else {
                assert_eq!(ours.to_bits(), theirs.to_bits(), "{bits:#06x}");
            }
        }
    }

    #[test]
    fn four_bit_blocks_by_hand() {
        let plain = widened(DType::Q4_0, &[&ONE_AND_A_HALF, &nibbles()]);
        let shifted = widened(DType::Q4_1, &[&ONE_AND_A_HALF, &MINUS_TWO, &nibbles()]);
        for i in 0..16 {
            assert_eq!(plain[i], 1.5 * (i as f32 - 8.0));
            assert_eq!(plain[16 + i], 1.5 * (7.0 - i as f32));
            assert_eq!(shifted[i], 1.5 * i as f32 - 2.0);
            assert_eq!(shifted[16 + i], 1.5 * (15.0 - i as f32) - 2.0);
        }
    }

    #[test]
    fn five_bit_blocks_by_hand() {
        // The fifth bit is set for values 1, 3, 5, … only.
        let high = 0xaaaa_aaaa_u32.to_le_bytes();
        let plain = widened(DType::Q5_0, &[&ONE_AND_A_HALF, &high, &nibbles()]);
        let shifted = widened(DType::Q5_1, &[&ONE_AND_A_HALF, &MINUS_TWO, &high, &nibbles()]);
        for i in 0..32 {
            let low = if i < 16 { i } else { 31 - i };
            let quant = (low + 16 * (i % 2)) as f32;
            assert_eq!(plain[i], 1.5 * (quant - 16.0), "value {i}");
            assert_eq!(shifted[i], 1.5 * quant - 2.0, "value {i}");
        }
    }

    #[test]
    fn eight_bit_blocks_by_hand() {
        let quants: Vec<u8> = (0..32_u8).map(|i| (i * 8).wrapping_add(128)).collect();
        let out = widened(DType::Q8_0, &[&MINUS_TWO, &quants]);
        for (i, value) in out.iter().enumerate() {
            assert_eq!(*value, -2.0 * f32::from(quants[i].cast_signed()));
        }
        assert_eq!(out[0], 256.0);
    }

    #[test]
    fn plain_numbers_widen_exactly() {
        let mut out = [0.0; 2];
        let singles = [1.25_f32.to_le_bytes(), f32::MIN_POSITIVE.to_le_bytes()].concat();
        dequantize(DType::F32, &singles, &mut out).unwrap();
        assert_eq!(out, [1.25, f32::MIN_POSITIVE]);
        dequantize(DType::F16, &[ONE_AND_A_HALF, MINUS_TWO].concat(), &mut out).unwrap();
        assert_eq!(out, [1.5, -2.0]);
        dequantize(DType::BF16, &[0x80, 0x3f, 0x20, 0xc1], &mut out).unwrap();
        assert_eq!(out, [1.0, -10.0]);
    }

    #[test]
    fn the_baseline_and_the_fast_loops_agree() {
        let bytes: Vec<u8> = (0..22 * 24 * 17 * 20_u32)
            .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
            .collect();
        for dtype in DType::ALL.iter().filter(|dtype| dtype.is_readable()) {
            let blocks = bytes.len() / dtype.block_bytes();
            let bytes = &bytes[..blocks * dtype.block_bytes()];
            let mut fast = vec![0.0; blocks * dtype.block_values()];
            let mut plain = fast.clone();
            dequantize(*dtype, bytes, &mut fast).unwrap();
            widen(*dtype, bytes, &mut plain);
            let same = fast.iter().zip(&plain).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
            assert!(same, "{dtype}");
        }
    }

    #[test]
    fn lengths_and_types_are_checked() {
        let mut out = [0.0; 32];
        let wrong = dequantize(DType::Q8_0, &[0; 33], &mut out).unwrap_err();
        assert_eq!(wrong.to_string(), "33 bytes of Q8_0 do not hold 32 values");
        assert!(dequantize(DType::Q8_0, &[0; 17], &mut out[..16]).is_err());
        let unread = dequantize(DType::IQ2_XS, &[0; 74], &mut [0.0; 256]).unwrap_err();
        assert!(unread.to_string().contains("IQ2_XS"), "{unread}");
    }
}
