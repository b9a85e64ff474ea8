//! Prepares what is embedded: notices new migrations, packs the web client, and compiles the
//! setting of the allocator, which no safe Rust can make.

#[path = "build/assets.rs"]
mod assets;

fn main() -> std::io::Result<()> {
    // `embed_migrations!` alone does not notice new files.
    println!("cargo:rerun-if-changed=sql");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/web");
    cc::Build::new()
        .file("build/allocator.c")
        // Nothing refers to it, so a linker would leave it out.
        .link_lib_modifier("+whole-archive")
        .compile("morelia_allocator");
    let manifest = std::path::PathBuf::from(variable("CARGO_MANIFEST_DIR")?);
    let out = std::path::PathBuf::from(variable("OUT_DIR")?);
    assets::pack(&manifest.join("src/web"), &out)
}

fn variable(name: &str) -> std::io::Result<String> {
    std::env::var(name).map_err(std::io::Error::other)
}
