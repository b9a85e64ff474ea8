//! The files that others install: the Debian package, the image, the bill of materials. Made from the
//! program of the tests; `make packages-check` installs them.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// Runs a program in the source tree and returns what it printed.
#[track_caller]
fn run(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap_or_else(|err| panic!("{program}: {err}"));
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// Makes the package in a folder.
fn package(folder: &Path) -> PathBuf {
    let program = env!("CARGO_BIN_EXE_morelia");
    let made = run(
        "build/deb.sh",
        &["amd64", text(folder), program],
        &[
            ("COMPRESSION", "none"),
            ("SOURCE_DATE_EPOCH", "1700000000"),
            ("MAINTAINER", "Anna <anna@chat.example.org>"),
        ],
    );
    PathBuf::from(made.trim())
}

fn sha256(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest
        .iter()
        .fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

#[test]
fn the_debian_package_holds_what_a_service_needs() {
    let place = tempfile::tempdir().expect("a folder");
    let made = package(place.path());
    let field = |name: &str| {
        let value = run("dpkg-deb", &["-f", text(&made), name], &[]);
        value.trim().to_owned()
    };
    assert_eq!(field("Version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(field("Architecture"), "amd64");
    assert_eq!(field("Maintainer"), "Anna <anna@chat.example.org>");
    let depends = field("Depends");
    for needed in ["libc6 (>= 2.", "adduser", "debconf"] {
        assert!(depends.contains(needed), "{depends}");
    }
    let root = place.path().join("root");
    run("dpkg-deb", &["-R", text(&made), text(&root)], &[]);
    let read = |path: &str| {
        let bytes = fs::read(root.join(path)).unwrap_or_else(|err| panic!("{path}: {err}"));
        String::from_utf8_lossy(&bytes).into_owned()
    };
    // It starts nothing, and writes to its own folder only.
    let unit = read("usr/lib/systemd/system/morelia.service");
    for line in [
        "ExecStart=/usr/bin/morelia --config /etc/morelia/morelia.ini serve",
        "User=morelia",
        "ReadWritePaths=-/var/lib/morelia",
        "PrivateTmp=yes",
        "ProtectHome=yes",
    ] {
        assert!(unit.lines().any(|it| it == line), "{line}: {unit}");
    }
    assert!(!unit.contains(text(place.path())), "{unit}");
    let configuration = read("usr/share/morelia/morelia.ini");
    assert!(configuration.contains("\npath = /var/lib/morelia/morelia.db\n"));
    for path in [
        "usr/share/man/man1/morelia.1.gz",
        "usr/share/bash-completion/completions/morelia",
        "usr/share/zsh/vendor-completions/_morelia",
        "usr/share/fish/vendor_completions.d/morelia.fish",
        "usr/share/doc/morelia/copyright",
        "usr/share/doc/morelia/changelog.gz",
        "usr/share/doc/morelia/operating.md",
    ] {
        assert!(!read(path).is_empty(), "{path}");
    }
    // What the program changes is no file of the package's: an upgrade asks nothing.
    assert!(!root.join("DEBIAN/conffiles").exists());
    for script in ["postinst", "prerm", "postrm", "config"] {
        run("sh", &["-n", text(&root.join("DEBIAN").join(script))], &[]);
    }
    let listed = read("DEBIAN/md5sums");
    assert!(listed.contains("  usr/bin/morelia\n"), "{listed}");
    let checked = Command::new("md5sum")
        .args(["--check", "--quiet", "DEBIAN/md5sums"])
        .current_dir(&root)
        .status();
    assert!(checked.expect("md5sum runs").success());

    let again = tempfile::tempdir().expect("a folder");
    let same = fs::read(package(again.path())).expect("a package");
    assert!(
        fs::read(&made).expect("a package") == same,
        "two packages of one program are the same bytes"
    );
}

/// An image, unpacked.
struct Image {
    folder: TempDir,
    bytes: Vec<u8>,
}

impl Image {
    fn of(architectures: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("image.tar");
        let program = env!("CARGO_BIN_EXE_morelia");
        let mut arguments = vec![text(&file).to_owned()];
        arguments.extend(architectures.iter().map(|it| format!("{it}={program}")));
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        run("build/image.py", &arguments, &[("LEVEL", "1")]);
        run("tar", &["-C", text(folder.path()), "-xf", text(&file)], &[]);
        let bytes = fs::read(&file).expect("an image");
        Self { folder, bytes }
    }

    fn document(&self, path: &str) -> Value {
        let bytes = fs::read(self.folder.path().join(path)).expect(path);
        serde_json::from_slice(&bytes).expect("JSON")
    }

    /// What a descriptor leads to, with its size and digest compared.
    #[track_caller]
    fn blob(&self, descriptor: &Value) -> Vec<u8> {
        let digest = descriptor["digest"].as_str().expect("a digest");
        let name = digest.strip_prefix("sha256:").expect("SHA-256");
        let path = self.folder.path().join("blobs/sha256").join(name);
        let bytes = fs::read(path).expect("a blob");
        assert_eq!(sha256(&bytes), name);
        assert_eq!(descriptor["size"], bytes.len(), "{descriptor}");
        bytes
    }

    fn follow(&self, descriptor: &Value) -> Value {
        serde_json::from_slice(&self.blob(descriptor)).expect("JSON")
    }
}

#[test]
fn the_image_holds_the_program_and_no_shell() {
    let image = Image::of(&["amd64"]);
    assert_eq!(image.document("oci-layout")["imageLayoutVersion"], "1.0.0");
    let index = image.document("index.json");
    let manifest = image.follow(&index["manifests"][0]);
    let config = image.follow(&manifest["config"]);
    assert_eq!(config["architecture"], "amd64");
    let settings = &config["config"];
    assert_eq!(settings["User"], "65532:65532", "{settings}");
    assert_eq!(settings["Entrypoint"][0], "/usr/bin/morelia");
    assert_eq!(settings["Cmd"][0], "serve");
    assert_eq!(
        settings["Volumes"].as_object().map(serde_json::Map::len),
        Some(1)
    );
    let health = &settings["Healthcheck"]["Test"];
    assert_eq!(health[3], "--health", "{health}");

    let packed = image.folder.path().join("layer.tar.gz");
    fs::write(&packed, image.blob(&manifest["layers"][0])).expect("written");
    run("gzip", &["-dk", text(&packed)], &[]);
    let plain = packed.with_extension("");
    let sum = sha256(&fs::read(&plain).expect("a layer"));
    assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{sum}"));
    let listed = run("tar", &["-tvf", text(&plain), "--numeric-owner"], &[]);
    let files: BTreeSet<_> = listed
        .lines()
        .filter(|line| !line.starts_with('d'))
        .filter_map(|line| line.split_whitespace().last())
        .collect();
    assert!(files.contains("usr/bin/morelia"), "{listed}");
    for file in &files {
        let is_known = file.starts_with("lib") || file.starts_with("etc/");
        assert!(is_known || *file == "usr/bin/morelia", "{file}");
    }
    let data = listed.lines().find(|line| line.ends_with(" data/"));
    assert!(
        data.is_some_and(|line| line.contains("65532/65532")),
        "{listed}"
    );
    // With these libraries alone it starts.
    let root = image.folder.path().join("root");
    fs::create_dir(&root).expect("a folder");
    run("tar", &["-C", text(&root), "-xf", text(&plain)], &[]);
    let started = Command::new("chroot")
        .args(["--userspec=65532:65532", text(&root)])
        .args(["/usr/bin/morelia", "--version"])
        .output()
        .expect("chroot");
    if started.status.code() == Some(125) {
        println!("only root can try the image");
    } else {
        let said = String::from_utf8_lossy(&started.stdout);
        assert!(said.starts_with("morelia "), "{started:?}");
    }
    assert!(
        Image::of(&["amd64"]).bytes == image.bytes,
        "the same bytes again"
    );
}

#[test]
fn several_architectures_are_in_one_index() {
    let image = Image::of(&["amd64", "arm64"]);
    let top = image.document("index.json");
    let index = image.follow(&top["manifests"][0]);
    let platforms: Vec<_> = index["manifests"]
        .as_array()
        .expect("manifests")
        .iter()
        .map(|manifest| {
            let config = image.follow(&image.follow(manifest)["config"]);
            assert_eq!(config["architecture"], manifest["platform"]["architecture"]);
            config["architecture"].as_str().expect("a name").to_owned()
        })
        .collect();
    assert_eq!(platforms, ["amd64", "arm64"]);
}

#[test]
fn the_bill_of_materials_names_what_is_built_in() {
    let made = run("build/sbom.py", &[], &[("CARGO", env!("CARGO"))]);
    let bill: Value = serde_json::from_str(&made).expect("JSON");
    assert_eq!(bill["bomFormat"], "CycloneDX");
    let program = &bill["metadata"]["component"];
    assert_eq!(program["version"], env!("CARGO_PKG_VERSION"), "{program}");
    let components = bill["components"].as_array().expect("components");
    let find = |name: &str| components.iter().find(|it| it["name"] == name);
    let sqlite = find("libsqlite3-sys").expect("SQLite is built in");
    let address = sqlite["purl"].as_str().expect("an address");
    assert!(
        address.starts_with("pkg:cargo/libsqlite3-sys@"),
        "{address}"
    );
    assert_eq!(sqlite["hashes"][0]["alg"], "SHA-256", "{sqlite}");
    for only_for_tests in ["proptest", "fantoccini", "tempfile"] {
        assert!(find(only_for_tests).is_none(), "{only_for_tests}");
    }
    let known: BTreeSet<_> = components
        .iter()
        .chain([program])
        .filter_map(|it| it["bom-ref"].as_str())
        .collect();
    for entry in bill["dependencies"].as_array().expect("dependencies") {
        for other in entry["dependsOn"].as_array().expect("a list") {
            assert!(known.contains(other.as_str().expect("a text")), "{other}");
        }
    }
    let again = run("build/sbom.py", &[], &[("CARGO", env!("CARGO"))]);
    assert_eq!(made, again, "the same bytes again");
}
