//! The build's checks of shaders can fail, and say where.

#[path = "../build/expand.rs"]
mod expand;
#[path = "../build/reflect.rs"]
mod reflect;

use std::path::PathBuf;
use std::{env, fs};

const GOOD: &str = "
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read_write> b: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) { b[id.x] = a[id.x]; }
";

fn refused(source: &str) -> String {
    match reflect::reflect(source) {
        Ok(_) => panic!("this passed:\n{source}"),
        Err(error) => error,
    }
}

#[test]
fn a_good_shader_is_read_back() {
    let reflected = reflect::reflect(GOOD).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((reflected.workgroup, reflected.parameters.as_str()), ([64, 1, 1], "None"));
    let bindings: Vec<_> = reflected.bindings.iter().map(|binding| (binding.name.as_str(), binding.writable)).collect();
    assert_eq!(bindings, [("a", false), ("b", true)]);
}

#[test]
fn what_a_browser_would_refuse_is_refused() {
    for (from, to, said) in [
        ("b[id.x] = a[id.x]", "b[id.x] = c[id.x]", "no definition in scope for identifier: `c`"),
        ("b[id.x] = a[id.x]", "b[id.x] = a[id.x] + 1u", "error"),
        ("b[id.x] = a[id.x]", "b[id.x] = 1.0", "a is never used"),
        ("@binding(1)", "@binding(2)", "wanted bindings 0, 1, 2"),
        ("@group(0) @binding(1)", "@group(1) @binding(1)", "b: wanted group 0, got 1"),
        ("@workgroup_size(64)", "@workgroup_size(512)", "wanted at most 256 invocations"),
        ("fn main", "fn other", "wanted the entry point main, got other"),
    ] {
        assert!(GOOD.contains(from));
        let error = refused(&GOOD.replace(from, to));
        assert!(error.contains(said), "{to}: wanted {said:?}, got {error}");
    }
}

#[test]
fn imports_are_pasted_once_and_flags_decide() {
    let folder = env::temp_dir().join(format!("secateur-expand-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let shared = vec![("dims".to_string(), write("dims.wgsl", "struct Dims {}\n"))];
    let main = write("main.wgsl", "#import dims\n#import dims\n#ifdef FAST\nfast\n#else\nslow\n#endif\n");
    let expand = |path: &PathBuf, flags: &[&str]| {
        expand::expand(path, &flags.iter().map(|flag| flag.to_string()).collect::<Vec<_>>(), &shared)
    };
    assert_eq!(expand(&main, &["FAST"]).unwrap(), "struct Dims {}\nfast\n");
    assert_eq!(expand(&main, &[]).unwrap(), "struct Dims {}\nslow\n");
    assert!(expand(&main, &["FSAT"]).unwrap_err().contains("no #ifdef asks for the flag FSAT"));
    for (text, said) in [
        ("#import dmis\n", "main.wgsl:1: there is no shared/dmis.wgsl"),
        ("x\n#endif\n", "main.wgsl:2: #endif without #ifdef"),
        ("#ifdef A\n", "#ifdef without #endif"),
        ("#define A\n", "main.wgsl:1: unknown directive #define"),
    ] {
        let error = expand(&write("main.wgsl", text), &[]).unwrap_err();
        assert!(error.contains(said), "wanted {said:?}, got {error}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
