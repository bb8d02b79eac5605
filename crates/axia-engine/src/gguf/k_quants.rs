//! The super-block formats of GGUF: 256 values that share a half-precision scale `d` (and, in some, a
//! scale `m` of minima), in groups of 16 or 32 that each have a small integer scale of their own.
//!
//! Values lie in an order that suits vector instructions: the lowest bits of 32 (or 64) neighbouring
//! bytes hold 32 neighbouring values, the next bits the 32 values after them, and so on.

use super::dequantize::half_to_single;

/// Values in a super-block.
pub(super) const SUPER: usize = 256;
/// Values that one bit position of neighbouring bytes holds.
const LINE: usize = 32;

/// The 16 levels of the non-linear 4-bit formats, as their specification lists them.
const LEVELS: [f32; 16] = [
    -127.0, -104.0, -83.0, -65.0, -49.0, -35.0, -22.0, -10.0, 1.0, 13.0, 25.0, 38.0, 53.0, 69.0,
    89.0, 113.0,
];

/// Values in a block of [`block_iq4_nl`].
const SHORT: usize = 32;

/// 16 bytes of scale and minimum nibbles, 64 bytes of 2-bit values, `d`, `m`.
#[inline(always)]
pub(super) fn block_q2_k(block: &[u8; 84], out: &mut [f32; SUPER]) {
    let [rest @ .., d0, d1, m0, m1] = block;
    let (scale, minimum) = (half_to_single([*d0, *d1]), half_to_single([*m0, *m1]));
    let (scales, quants) = rest.split_at(16);
    for (line, out) in out.as_chunks_mut::<LINE>().0.iter_mut().enumerate() {
        let quants = &quants[line / 4 * LINE..][..LINE];
        let shift = 2 * (line % 4);
        let groups = quants.as_chunks::<16>().0.iter().zip(out.as_chunks_mut::<16>().0);
        for ((quants, out), packed) in groups.zip(&scales[2 * line..]) {
            let scale = scale * f32::from(packed & 15);
            let minimum = minimum * f32::from(packed >> 4);
            for (quant, out) in quants.iter().zip(out) {
                *out = scale * f32::from(quant >> shift & 3) - minimum;
            }
        }
    }
}

/// 32 bytes of third bits (set where nothing is subtracted), 64 bytes of 2-bit values, 12 bytes of
/// 6-bit scales, `d`.
#[inline(always)]
pub(super) fn block_q3_k(block: &[u8; 110], out: &mut [f32; SUPER]) {
    let [rest @ .., d0, d1] = block;
    let scale = half_to_single([*d0, *d1]);
    let (third_bits, rest) = rest.split_at(LINE);
    let (quants, packed) = rest.split_at(64);
    for (line, out) in out.as_chunks_mut::<LINE>().0.iter_mut().enumerate() {
        let quants = &quants[line / 4 * LINE..][..LINE];
        let shift = 2 * (line % 4);
        for (i, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let group = 2 * line + i;
            let low = packed[group % 8] >> (4 * (group / 8)) & 15;
            let high = packed[8 + group % 4] >> (2 * (group / 4)) & 3;
            let scale = scale * (f32::from(low | high << 4) - 32.0);
            let values = quants[16 * i..][..16].iter().zip(&third_bits[16 * i..][..16]);
            for ((quant, third), out) in values.zip(out) {
                let quant = i32::from(quant >> shift & 3) + 4 * i32::from(third >> line & 1) - 4;
                *out = scale * quant as f32;
            }
        }
    }
}

/// `d`, `m`, 12 bytes of 6-bit scales and minima, 128 bytes of 4-bit values.
#[inline(always)]
pub(super) fn block_q4_k(block: &[u8; 144], out: &mut [f32; SUPER]) {
    let [d0, d1, m0, m1, rest @ ..] = block;
    let (scale, minimum) = (half_to_single([*d0, *d1]), half_to_single([*m0, *m1]));
    let (packed, quants) = rest.split_at(12);
    for (line, out) in out.as_chunks_mut::<LINE>().0.iter_mut().enumerate() {
        let (s, m) = six_bits(packed, line);
        let (scale, minimum) = (scale * f32::from(s), minimum * f32::from(m));
        let shift = 4 * (line % 2);
        for (quant, out) in quants[line / 2 * LINE..].iter().zip(out) {
            *out = scale * f32::from(quant >> shift & 15) - minimum;
        }
    }
}

/// `d`, `m`, 12 bytes of 6-bit scales and minima, 32 bytes of fifth bits, 128 bytes of the lower 4.
#[inline(always)]
pub(super) fn block_q5_k(block: &[u8; 176], out: &mut [f32; SUPER]) {
    let [d0, d1, m0, m1, rest @ ..] = block;
    let (scale, minimum) = (half_to_single([*d0, *d1]), half_to_single([*m0, *m1]));
    let (packed, rest) = rest.split_at(12);
    let (fifth_bits, quants) = rest.split_at(LINE);
    for (line, out) in out.as_chunks_mut::<LINE>().0.iter_mut().enumerate() {
        let (s, m) = six_bits(packed, line);
        let (scale, minimum) = (scale * f32::from(s), minimum * f32::from(m));
        let shift = 4 * (line % 2);
        let values = quants[line / 2 * LINE..].iter().zip(fifth_bits);
        for ((quant, fifth), out) in values.zip(out) {
            let quant = quant >> shift & 15 | (fifth >> line & 1) << 4;
            *out = scale * f32::from(quant) - minimum;
        }
    }
}

/// 128 bytes of the lower 4 bits, 64 bytes of the upper 2, 16 signed scales, `d`.
#[inline(always)]
pub(super) fn block_q6_k(block: &[u8; 210], out: &mut [f32; SUPER]) {
    let [rest @ .., d0, d1] = block;
    let scale = half_to_single([*d0, *d1]);
    let (lower, rest) = rest.split_at(128);
    let (upper, scales) = rest.split_at(64);
    for (line, out) in out.as_chunks_mut::<LINE>().0.iter_mut().enumerate() {
        let (half, place) = (line / 4, line % 4);
        let lower = &lower[64 * half + LINE * (place % 2)..][..LINE];
        let upper = &upper[LINE * half..][..LINE];
        let (lower_shift, upper_shift) = (4 * (place / 2), 2 * place);
        for (i, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let scale = scale * f32::from(scales[2 * line + i].cast_signed());
            let values = lower[16 * i..][..16].iter().zip(&upper[16 * i..][..16]);
            for ((lower, upper), out) in values.zip(out) {
                let quant = lower >> lower_shift & 15 | (upper >> upper_shift & 3) << 4;
                *out = scale * (f32::from(quant) - 32.0);
            }
        }
    }
}

/// `d`, 16 bytes of 4-bit levels: the first half of the values in the low nibbles.
#[inline(always)]
pub(super) fn block_iq4_nl(block: &[u8; 18], out: &mut [f32; SHORT]) {
    let [d0, d1, nibbles @ ..] = block;
    levels(half_to_single([*d0, *d1]), nibbles, out);
}

/// `d`, the upper 2 bits of eight 6-bit scales, their lower 4, and eight lots of 4-bit levels.
#[inline(always)]
pub(super) fn block_iq4_xs(block: &[u8; 136], out: &mut [f32; SUPER]) {
    let [d0, d1, h0, h1, rest @ ..] = block;
    let scale = half_to_single([*d0, *d1]);
    let upper = u16::from_le_bytes([*h0, *h1]);
    let (lower, nibbles) = rest.split_at(4);
    let lines = nibbles.as_chunks::<16>().0.iter().zip(out.as_chunks_mut::<LINE>().0);
    for (line, (nibbles, out)) in lines.enumerate() {
        let low = u16::from(lower[line / 2] >> (4 * (line % 2)) & 15);
        let high = upper >> (2 * line) & 3;
        levels(scale * (f32::from(low | high << 4) - 32.0), nibbles, out);
    }
}

#[inline(always)]
fn levels(scale: f32, nibbles: &[u8; SHORT / 2], out: &mut [f32; SHORT]) {
    let (low, high) = out.split_at_mut(SHORT / 2);
    for ((nibble, low), high) in nibbles.iter().zip(low).zip(high) {
        *low = scale * LEVELS[usize::from(nibble & 15)];
        *high = scale * LEVELS[usize::from(nibble >> 4)];
    }
}

/// The 6-bit scale and minimum of group `group`. The first four of each lie in the lower 6 bits of
/// bytes 0 to 7; the last four have their lower 4 bits in bytes 8 to 11 (scales below minima) and
/// their upper 2 in what bytes 0 to 7 have left.
#[inline(always)]
fn six_bits(packed: &[u8], group: usize) -> (u8, u8) {
    if group < 4 {
        return (packed[group] & 63, packed[group + 4] & 63);
    }
    let both = packed[group + 4];
    (both & 15 | packed[group - 4] >> 6 << 4, both >> 4 | packed[group] >> 6 << 4)
}
