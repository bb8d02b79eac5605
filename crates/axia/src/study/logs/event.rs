//! TensorBoard's events, the few that are needed, encoded as Protocol Buffers.
//!
//! `Event { double wall_time = 1; int64 step = 2; string file_version = 3; Summary summary = 5;
//! SessionLog session_log = 7; }`, `Summary { repeated Value value = 1; }`, `Value { string tag = 1;
//! float simple_value = 2; }`, `SessionLog { SessionStatus status = 1; }`.

const VARINT: u8 = 0;
const FIXED64: u8 = 1;
const BYTES: u8 = 2;
const FIXED32: u8 = 5;

/// What an event says.
pub(super) enum What<'a> {
    /// The format, first in every file.
    FileVersion,
    /// A run begins, or goes on, at the event's step: what older files hold of later ones is void.
    Start,
    /// Numbers by name.
    Scalars(&'a [(&'a str, f64)]),
}

/// The bytes of an event; `wall_time` is in seconds since 1970.
pub(super) fn encode(wall_time: f64, step: usize, what: &What) -> Vec<u8> {
    let mut out = Vec::new();
    put_key(&mut out, 1, FIXED64);
    out.extend_from_slice(&wall_time.to_le_bytes());
    if step > 0 {
        put_key(&mut out, 2, VARINT);
        put_varint(&mut out, step as u64);
    }
    match what {
        What::FileVersion => put_bytes(&mut out, 3, b"brain.Event:2"),
        What::Start => put_bytes(&mut out, 7, &[1 << 3 | VARINT, 1]),
        What::Scalars(scalars) => {
            let mut summary = Vec::new();
            for (tag, value) in *scalars {
                let mut entry = Vec::new();
                put_bytes(&mut entry, 1, tag.as_bytes());
                put_key(&mut entry, 2, FIXED32);
                entry.extend_from_slice(&(*value as f32).to_le_bytes());
                put_bytes(&mut summary, 1, &entry);
            }
            put_bytes(&mut out, 5, &summary);
        }
    }
    out
}

fn put_key(out: &mut Vec<u8>, field: u8, kind: u8) {
    out.push(field << 3 | kind);
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    put_key(out, field, BYTES);
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_encoded_byte_by_byte() {
        let time = [0x09, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f];
        let version = [&time[..], &[0x1a, 13], b"brain.Event:2"].concat();
        assert_eq!(encode(1.5, 0, &What::FileVersion), version);
        let start = [&time[..], &[0x10, 0x2c, 0x3a, 2, 8, 1]].concat();
        assert_eq!(encode(1.5, 44, &What::Start), start);
        let scalars = [&time[..], &[0x10, 0xac, 0x02, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'x', 0x15]];
        let scalars = [&scalars.concat()[..], &[0, 0, 0, 0x3f]].concat();
        assert_eq!(encode(1.5, 300, &What::Scalars(&[("x", 0.5)])), scalars);
    }
}
