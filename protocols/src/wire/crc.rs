//! Checksums, named as the catalogue of parametrised CRC algorithms names them.

/// CRC-16/ARC (IBM): polynomial 0x8005 reflected, start 0. Teltonika codecs, Wialon IPS 2.0.
#[must_use]
pub fn crc16_arc(bytes: &[u8]) -> u16 {
    crc16_reflected(bytes, &ARC, 0)
}

/// CRC-16/X-25 (ITU): polynomial 0x1021 reflected, start 0xFFFF, inverted. GT06.
#[must_use]
pub fn crc16_x25(bytes: &[u8]) -> u16 {
    !crc16_reflected(bytes, &X25, 0xFFFF)
}

/// CRC-16/MODBUS: polynomial 0x8005 reflected, start 0xFFFF.
#[must_use]
pub fn crc16_modbus(bytes: &[u8]) -> u16 {
    crc16_reflected(bytes, &ARC, 0xFFFF)
}

/// CRC-16/KERMIT: polynomial 0x1021 reflected, start 0.
#[must_use]
pub fn crc16_kermit(bytes: &[u8]) -> u16 {
    crc16_reflected(bytes, &X25, 0)
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

fn crc16_reflected(bytes: &[u8], tables: &CrcTables, start: u16) -> u16 {
    let (steps, rest) = bytes.as_chunks::<STRIDE>();
    let mut crc = start;
    let [t0, t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, t11, t12, t13, t14, t15] = tables;
    for [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] in steps {
        let [low, high] = crc.to_le_bytes();
        let far = entry(t13, *c) ^ entry(t12, *d) ^ entry(t11, *e) ^ entry(t10, *f) ^ entry(t9, *g) ^ entry(t8, *h) ^ entry(t7, *i);
        let near = entry(t6, *j) ^ entry(t5, *k) ^ entry(t4, *l) ^ entry(t3, *m) ^ entry(t2, *n) ^ entry(t1, *o) ^ entry(t0, *p);
        crc = far ^ near ^ entry(t15, low ^ a) ^ entry(t14, high ^ b);
    }
    // The rest in steps of four: a byte at a time, each step waits for the one before.
    let (steps, rest) = rest.as_chunks::<4>();
    for [a, b, c, d] in steps {
        let [low, high] = crc.to_le_bytes();
        crc = entry(t3, low ^ a) ^ entry(t2, high ^ b) ^ entry(t1, *c) ^ entry(t0, *d);
    }
    for byte in rest {
        let [low, _] = crc.to_le_bytes();
        crc = (crc >> 8) ^ entry(t0, low ^ byte);
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
            for (polynomial, start, tables) in [(0xA001_u16, 0_u16, &ARC), (0x8408, 0xFFFF, &X25)] {
                let mut slow = start;
                for byte in part {
                    slow ^= u16::from(*byte);
                    for _ in 0..8 {
                        slow = if slow & 1 == 1 { (slow >> 1) ^ polynomial } else { slow >> 1 };
                    }
                }
                assert_eq!(crc16_reflected(part, tables, start), slow, "{length} bytes");
            }
        }
    }
}
