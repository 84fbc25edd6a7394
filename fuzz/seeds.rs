//! Writes the seeds of the fuzzer: the frames of `fixtures/<protocol>/*.dialogue`, one file each, for checksums in force and not.
//! `seeds FIXTURES CORPUS`.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (fixtures, corpus) = (arguments.next().expect("FIXTURES"), arguments.next().expect("CORPUS"));
    for protocol in protocols::Protocol::ALL {
        let folder = Path::new(&corpus).join(protocol.name());
        std::fs::create_dir_all(&folder)?;
        let Ok(entries) = std::fs::read_dir(Path::new(&fixtures).join(protocol.name())) else { continue };
        for path in
            entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|p| p.extension().is_some_and(|e| e == "dialogue"))
        {
            let text = std::fs::read_to_string(&path)?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let frames = text.lines().filter_map(frame);
            let whole: Vec<u8> = frames.flatten().collect();
            for how in [0_u8, 1] {
                std::fs::write(folder.join(format!("{name}-{how}")), [&[how][..], &whole].concat())?;
            }
        }
    }
    Ok(())
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
