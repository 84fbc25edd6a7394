//! The inputs that the fuzzer begins with, and those that are kept of what it found.
//!
//! `corpus unpack FIXTURES KEPT WORK` writes one file each into `WORK/<protocol>`: the frames of `FIXTURES/<protocol>/*.dialogue`, for
//! checksums in force and not, and the inputs of `KEPT/<protocol>.hex`. `corpus pack WORK KEPT PROTOCOL` writes that file: an input a
//! line, the shortest first, as many as [`KEPT_BYTES_MAX`] allows.

use std::path::Path;

/// The inputs that are kept of one protocol are no more bytes than this.
const KEPT_BYTES_MAX: usize = 8_192;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["unpack", fixtures, kept, work] => {
            for protocol in protocols::Protocol::ALL {
                let folder = Path::new(work).join(protocol.name());
                std::fs::create_dir_all(&folder)?;
                unpack_fixtures(&Path::new(fixtures).join(protocol.name()), &folder)?;
                unpack_kept(&Path::new(kept).join(format!("{}.hex", protocol.name())), &folder)?;
            }
            Ok(())
        }
        ["pack", work, kept, protocol] => pack(&Path::new(work).join(protocol), &Path::new(kept).join(format!("{protocol}.hex"))),
        _ => Err(std::io::Error::other("corpus unpack FIXTURES KEPT WORK, or corpus pack WORK KEPT PROTOCOL")),
    }
}

fn unpack_fixtures(fixtures: &Path, folder: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(fixtures)? {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "dialogue") {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let whole: Vec<u8> = text.lines().filter_map(frame).flatten().collect();
        for how in [0_u8, 1] {
            std::fs::write(folder.join(format!("{name}-{how}")), [&[how][..], &whole].concat())?;
        }
    }
    Ok(())
}

fn unpack_kept(kept: &Path, folder: &Path) -> std::io::Result<()> {
    if !kept.exists() {
        return Ok(());
    }
    for (number, line) in std::fs::read_to_string(kept)?.lines().enumerate() {
        let input = protocols::wire::from_hex(line)
            .ok_or_else(|| std::io::Error::other(format!("{}, line {}: no hexadecimal digits", kept.display(), number + 1)))?;
        std::fs::write(folder.join(format!("kept-{number}")), input)?;
    }
    Ok(())
}

fn pack(work: &Path, kept: &Path) -> std::io::Result<()> {
    let mut inputs = std::fs::read_dir(work)?.map(|entry| std::fs::read(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    inputs.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    inputs.dedup();
    let mut bytes = 0;
    let within = inputs.into_iter().take_while(|input| {
        bytes += input.len();
        bytes <= KEPT_BYTES_MAX
    });
    let lines: String = within.map(|input| protocols::wire::to_hex(&input) + "\n").collect();
    std::fs::write(kept, lines)
}

/// The bytes of a line that the tracker says.
fn frame(line: &str) -> Option<Vec<u8>> {
    let said = line.strip_prefix("> ").or_else(|| line.strip_prefix(">b "))?;
    if let Some(quoted) = said.strip_prefix('"') {
        let quoted = quoted.trim_end().strip_suffix('"').unwrap_or(quoted);
        return Some(quoted.replace("\\r", "\r").replace("\\n", "\n").replace("\\\"", "\"").into_bytes());
    }
    protocols::wire::from_hex(said).or_else(|| Some(said.as_bytes().to_vec()))
}
