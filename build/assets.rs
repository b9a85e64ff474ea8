//! Packs the web client for `src/server/web.rs`: a table of all its files, each as it is and
//! compressed, under addresses that carry the hash of the whole, so that browsers keep them for ever.
//!
//! The files themselves stay as they were written; only the three that name others (page, service
//! worker, manifest) get the hash filled in.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{Result, Write as _};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use sha2::{Digest, Sha256};

/// The hash's place in the files that name others.
const PLACEHOLDER: &str = "/assets/0/";

/// Files with an address of their own, which stays the same: `(file, address)`.
const FIXED: [(&str, &str); 3] = [
    ("index.html", "/"),
    ("manifest.webmanifest", "/manifest.webmanifest"),
    ("sw.js", "/sw.js"),
];

/// Writes `web_assets.rs` and the files that it includes into `out`.
pub(crate) fn pack(root: &Path, out: &Path) -> Result<()> {
    let mut paths = Vec::new();
    collect(root, &mut paths)?;
    paths.sort();
    let mut hasher = Sha256::new();
    let mut files = Vec::new();
    for path in &paths {
        let name = path.strip_prefix(root).unwrap_or(path);
        let name = name.to_string_lossy().replace('\\', "/");
        let bytes = fs::read(path)?;
        hasher.update(name.as_bytes());
        hasher.update(&bytes);
        files.push((name, bytes));
    }
    let hash = hex(&hasher.finalize())[..12].to_owned();
    let folder = format!("/assets/{hash}/");

    let mut table = String::from("static FILES: &[File] = &[\n");
    for (number, (name, bytes)) in files.iter().enumerate() {
        let fixed = FIXED.iter().find(|(file, _)| file == name);
        let address = fixed.map_or_else(|| format!("{folder}{name}"), |(_, at)| (*at).to_owned());
        let bytes = match fixed {
            Some(_) => fill(bytes, &folder, &files),
            None => bytes.clone(),
        };
        let plain = format!("web-{number}");
        fs::write(out.join(&plain), &bytes)?;
        let packed = compress(&bytes)?;
        // Pictures do not shrink; sending them compressed would only cost time.
        let gzip = if packed.len() < bytes.len() * 9 / 10 {
            fs::write(out.join(format!("{plain}.gz")), packed)?;
            format!("Some(include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{plain}.gz\")))")
        } else {
            "None".to_owned()
        };
        let digest = hex(&Sha256::digest(&bytes));
        let _ = writeln!(
            table,
            "File {{ address: {address:?}, content_type: {:?}, plain: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{plain}\")), gzip: {gzip}, hash: {:?}, immutable: {} }},",
            content_type(name),
            &digest[..16],
            fixed.is_none(),
        );
    }
    table.push_str("];\n");
    fs::write(out.join("web_assets.rs"), table)
}

/// Fills in what a file names: the folder, the modules that the page needs at once, and for the
/// service worker all files.
fn fill(bytes: &[u8], folder: &str, files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut preload = String::new();
    for name in needed_at_once(files) {
        let _ = writeln!(
            preload,
            "<link rel=\"modulepreload\" href=\"{folder}{name}\">"
        );
    }
    let mut all = String::new();
    for (name, _) in files {
        if FIXED.iter().all(|(file, _)| file != name) {
            let _ = write!(all, "{:?}, ", format!("{folder}{name}"));
        }
    }
    String::from_utf8_lossy(bytes)
        .replace("<!-- preload -->\n", &preload)
        .replace("/* assets */", &all)
        .replace(PLACEHOLDER, folder)
        .into_bytes()
}

/// The modules that the first page needs: `main.js`, the sign-in, and what these import, directly or
/// not. What is imported by a call comes later.
fn needed_at_once(files: &[(String, Vec<u8>)]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec!["js/main.js".to_owned(), "js/views/sign.js".to_owned()];
    while let Some(name) = waiting.pop() {
        let Some((_, bytes)) = files.iter().find(|(file, _)| *file == name) else {
            println!("cargo:warning=src/web/{name} is imported but does not exist");
            continue;
        };
        if !found.insert(name.clone()) {
            continue;
        }
        let text = String::from_utf8_lossy(bytes);
        for line in text.lines().filter(|line| line.starts_with("import ")) {
            if let Some((_, rest)) = line.split_once(" from '") {
                waiting.push(resolve(&name, rest.trim_end_matches("';")));
            }
        }
    }
    found
}

/// The file that a module names by a relative path.
fn resolve(importer: &str, path: &str) -> String {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, found)?;
        } else {
            found.push(path);
        }
    }
    Ok(())
}

fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    // Without a time in it, the same file always gives the same bytes.
    let mut encoder = GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}
