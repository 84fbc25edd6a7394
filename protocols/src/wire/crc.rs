//! Checksums, named as the catalogue of parametrised CRC algorithms names them.

/// CRC-16/ARC (IBM): polynomial 0x8005 reflected, start 0. Teltonika codecs, Wialon IPS 2.0.
#[must_use]
pub fn crc16_arc(bytes: &[u8]) -> u16 {
    arc(bytes, 0)
}

/// CRC-16/X-25 (ITU): polynomial 0x1021 reflected, start 0xFFFF, inverted. GT06.
#[must_use]
pub fn crc16_x25(bytes: &[u8]) -> u16 {
    !x25(bytes, 0xFFFF)
}

/// How far [`crc16_x25`] is after bytes that are known at compile time. Runs at compile time only, where an index out of range or an
/// overflow is a compile error.
#[must_use]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
pub(crate) const fn crc16_x25_begun(bytes: &[u8]) -> u16 {
    let mut crc = 0xFFFF;
    let mut at = 0;
    while at < bytes.len() {
        crc = (crc >> 8) ^ X25[0][((crc ^ bytes[at] as u16) & 0xFF) as usize];
        at += 1;
    }
    crc
}

/// As [`crc16_x25`], after what was begun, part of its caller: for the few bytes of a frame whose length is known there.
#[must_use]
#[inline(always)]
pub(crate) fn crc16_x25_short(begun: u16, bytes: &[u8]) -> u16 {
    !crc16_reflected(bytes, &X25, begun)
}

/// CRC-16/MODBUS: polynomial 0x8005 reflected, start 0xFFFF.
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    arc(bytes, 0xFFFF)
}

/// CRC-16/KERMIT: polynomial 0x1021 reflected, start 0.
#[must_use]
pub fn crc16_kermit(bytes: &[u8]) -> u16 {
    x25(bytes, 0)
}

/// CRC-16/IBM-3740 ("CCITT-FALSE"): polynomial 0x1021, highest bit first, start 0xFFFF.
#[must_use]
pub fn crc16_ccitt_false(bytes: &[u8]) -> u16 {
    crc16_forward(bytes, 0xFFFF)
}

/// CRC-16/XMODEM: polynomial 0x1021, highest bit first, start 0.
#[must_use]
pub fn crc16_xmodem(bytes: &[u8]) -> u16 {
    crc16_forward(bytes, 0)
}

/// CRC-8/NRSC-5: polynomial 0x31, highest bit first, start 0xFF. EGTS headers, FLEX frames.
#[must_use]
pub fn crc8_nrsc5(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0xFF, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc: u8, _| if crc & 0x80 == 0 { crc.wrapping_shl(1) } else { crc.wrapping_shl(1) ^ 0x31 })
    })
}

/// All bytes exclusive-ored.
#[must_use]
pub fn xor8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum ^ byte)
}

/// All bytes added, modulo 256.
#[must_use]
pub fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// Bytes that are taken in one step of a checksum.
const STRIDE: usize = 16;

/// One table for each distance of a byte from the end of its step.
type CrcTables = [[u16; 256]; STRIDE];

static ARC: CrcTables = crc16_tables(0xA001);
static X25: CrcTables = crc16_tables(0x8408);

/// Runs at compile time only, where an index out of range or an overflow is a compile error.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn crc16_tables(polynomial: u16) -> CrcTables {
    let mut tables = [[0; 256]; STRIDE];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut distance = 0;
        while distance < STRIDE {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ polynomial } else { crc >> 1 };
                bit += 1;
            }
            tables[distance][byte] = crc;
            distance += 1;
        }
        byte += 1;
    }
    tables
}

/// The polynomial of CRC-16/ARC is x¹⁶ + x¹⁵ + x² + 1.
fn arc(bytes: &[u8], start: u16) -> u16 {
    crc16_folded::<1, 14>(bytes, &ARC, start)
}

/// That of CRC-16/X-25 is x¹⁶ + x¹² + x⁵ + 1.
fn x25(bytes: &[u8], start: u16) -> u16 {
    crc16_folded::<4, 11>(bytes, &X25, start)
}

/// Words of a block that is folded into the next one: x¹⁰²⁴ is 16 words of 64 bits away.
const FOLD: usize = 16;

/// A long message, most of it with three exclusive-ors for eight bytes and no table. The 64th power of the polynomial
/// x¹⁶ + xᵃ + xᵇ + 1 is x¹⁰²⁴ + x⁶⁴ᵃ + x⁶⁴ᵇ + 1 (squares have no mixed terms modulo 2), so that what stands 1,024 bits ahead may as well
/// be added `NEAR` = 16 − a, `FAR` = 16 − b and 16 words further on. (Russell, "Chorba: A novel CRC32 implementation", 2024, found it for
/// CRC-32.) What is left at the end goes through the tables.
fn crc16_folded<const NEAR: usize, const FAR: usize>(bytes: &[u8], tables: &CrcTables, start: u16) -> u16 {
    let (blocks, rest) = bytes.as_chunks::<{ FOLD * 8 }>();
    let Some((last, blocks @ [_, ..])) = blocks.split_last() else { return crc16_tabled(bytes, tables, start) };
    let mut words = [0; FOLD];
    if let Some(first) = words.first_mut() {
        *first = u64::from(start);
    }
    for block in blocks {
        words = folded::<NEAR, FAR>(block, &words, true);
    }
    let last = folded::<NEAR, FAR>(last, &words, false).map(u64::to_le_bytes);
    crc16_tabled(rest, tables, crc16_tabled(last.as_flattened(), tables, 0))
}

/// A block with the words before it folded into it, and where `onwards` with its own as well, which then are done with.
#[inline]
fn folded<const NEAR: usize, const FAR: usize>(block: &[u8; FOLD * 8], before: &[u64; FOLD], onwards: bool) -> [u64; FOLD] {
    let mut words = [0; FOLD];
    for (at, message) in block.as_chunks().0.iter().enumerate() {
        let word = |words: &[u64; FOLD], distance: usize| match at.checked_sub(distance) {
            Some(own) if onwards => words.get(own).copied(),
            Some(_) => None,
            None => before.get(at.wrapping_add(FOLD).wrapping_sub(distance)).copied(),
        };
        let [near, far, full] = [NEAR, FAR, FOLD].map(|distance| word(&words, distance).unwrap_or(0));
        if let Some(room) = words.get_mut(at) {
            *room = u64::from_le_bytes(*message) ^ near ^ far ^ full;
        }
    }
    words
}

fn crc16_tabled(bytes: &[u8], tables: &CrcTables, start: u16) -> u16 {
    crc16_reflected(bytes, tables, start)
}

/// What fills no step comes first, while no other step is waited for: up to three bytes, then four at a time.
#[inline(always)]
fn crc16_reflected(bytes: &[u8], tables: &CrcTables, start: u16) -> u16 {
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables;
    let (head, steps) = bytes.as_rchunks::<STRIDE>();
    let (odd, fours) = head.as_rchunks::<4>();
    let [low, high] = start.to_le_bytes();
    let mut crc = match odd {
        [a] => entry(t0, low ^ a) ^ u16::from(high),
        [a, b] => entry(t1, low ^ a) ^ entry(t0, high ^ b),
        [a, b, c] => entry(t2, low ^ a) ^ entry(t1, high ^ b) ^ entry(t0, *c),
        _ => start,
    };
    for [a, b, c, d] in fours {
        let [low, high] = crc.to_le_bytes();
        crc = entry(t3, low ^ a) ^ entry(t2, high ^ b) ^ entry(t1, *c) ^ entry(t0, *d);
    }
    for [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] in steps {
        let [low, high] = crc.to_le_bytes();
        let far = entry(t13, *c) ^ entry(t12, *d) ^ entry(t11, *e) ^ entry(t10, *f) ^ entry(t9, *g) ^ entry(t8, *h) ^ entry(t7, *i);
        let near = entry(t6, *j) ^ entry(t5, *k) ^ entry(t4, *l) ^ entry(t3, *m) ^ entry(t2, *n) ^ entry(t1, *o) ^ entry(t0, *p);
        crc = far ^ near ^ entry(t15, low ^ a) ^ entry(t14, high ^ b);
    }
    crc
}

fn entry(table: &[u16; 256], byte: u8) -> u16 {
    table.get(usize::from(byte)).copied().unwrap_or(0)
}

static FORWARD: [u16; 256] = crc16_forward_table();

/// Runs at compile time only.
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)]
const fn crc16_forward_table() -> [u16; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
}

fn crc16_forward(bytes: &[u8], start: u16) -> u16 {
    bytes.iter().fold(start, |crc, byte| {
        let [high, _] = crc.to_be_bytes();
        (crc << 8) ^ entry(&FORWARD, high ^ byte)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn check_values_of_the_crc_catalogue() {
        // "123456789": the check input of the catalogue of parametrised CRC algorithms.
        assert_eq!(crc16_arc(b"123456789"), 0xBB3D);
        assert_eq!(crc16_x25(b"123456789"), 0x906E);
        assert_eq!(crc16_modbus(b"123456789"), 0x4B37);
        assert_eq!(crc16_kermit(b"123456789"), 0x2189);
        assert_eq!(crc16_ccitt_false(b"123456789"), 0x29B1);
        assert_eq!(crc16_xmodem(b"123456789"), 0x31C3);
        assert_eq!(crc8_nrsc5(b"123456789"), 0xF7);
        assert_eq!((xor8(b"123456789"), sum8(b"123456789")), (0x31, 0xDD));
    }

    #[test]
    fn a_long_checksum_equals_the_one_computed_bit_by_bit() {
        let bytes: Vec<u8> = (0..600_u32).map(|n| u8::try_from(n.wrapping_mul(167) % 251).unwrap_or(0)).collect();
        for length in 0..bytes.len() {
            let part = bytes.get(..length).unwrap_or_default();
            for (polynomial, start, quick) in [(0xA001_u16, 0x1D0F_u16, arc as fn(&[u8], u16) -> u16), (0x8408, 0xFFFF, x25)] {
                let mut slow = start;
                for byte in part {
                    slow ^= u16::from(*byte);
                    for _ in 0..8 {
                        slow = if slow & 1 == 1 { (slow >> 1) ^ polynomial } else { slow >> 1 };
                    }
                }
                assert_eq!(quick(part, start), slow, "{length} bytes");
            }
        }
    }
}
