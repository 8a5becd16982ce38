use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, StorageAccess, TypeInner};

/// Most storage buffers that are safe to use: WebGPU promises 8, cubecl keeps one back.
const MAX_BUFFERS: usize = 7;
/// Most invocations of a workgroup in a browser.
const MAX_INVOCATIONS: u32 = 256;

/// What a valid shader says of itself.
pub struct Reflected {
    pub workgroup: [u32; 3],
    pub bindings: Vec<Binding>,
    /// Rust source of the first binding's struct, if it is one: name, size, and each member's name, offset and size in
    /// bytes.
    pub parameters: String,
}

/// Printed into the generated table; the crate has the same struct.
#[derive(Debug)]
pub struct Binding {
    #[allow(dead_code, reason = "read by the derived Debug, which writes the table")]
    pub name: String,
    #[allow(dead_code, reason = "read by the derived Debug, which writes the table")]
    pub writable: bool,
}

/// Validates expanded WGSL and the rules that burn's door for source kernels adds.
pub fn reflect(source: &str) -> Result<Reflected, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
    let info = validator.validate(&module).map_err(|error| error.emit_to_string(source))?;
    let [entry] = module.entry_points.as_slice() else { return Err("wanted exactly one entry point".into()) };
    if entry.name != "main" {
        return Err(format!("wanted the entry point main, got {}", entry.name));
    }
    if entry.workgroup_size.iter().product::<u32>() > MAX_INVOCATIONS {
        return Err(format!("workgroup {:?}: wanted at most {MAX_INVOCATIONS} invocations", entry.workgroup_size));
    }
    let uses = info.get_entry_point(0);
    let mut bindings = Vec::new();
    for (handle, global) in module.global_variables.iter() {
        let name = global.name.clone().unwrap_or_default();
        let AddressSpace::Storage { access } = global.space else { continue };
        let place = global.binding.ok_or_else(|| format!("{name} has no binding"))?;
        if place.group != 0 {
            return Err(format!("{name}: wanted group 0, got {}", place.group));
        }
        if uses[handle].is_empty() {
            return Err(format!("{name} is never used, so it would vanish from the pipeline's layout"));
        }
        bindings.push((place.binding, Binding { name, writable: access.contains(StorageAccess::STORE) }));
    }
    bindings.sort_by_key(|(at, _)| *at);
    if bindings.iter().enumerate().any(|(want, (got, _))| want as u32 != *got) || bindings.len() > MAX_BUFFERS {
        let got: Vec<u32> = bindings.iter().map(|(at, _)| *at).collect();
        return Err(format!("wanted bindings 0, 1, 2 ... and at most {MAX_BUFFERS} of them, got {got:?}"));
    }
    let bindings = bindings.into_iter().map(|(_, binding)| binding).collect();
    let parameters = parameters(&module).map_or("None".into(), |layout| format!("Some({layout})"));
    Ok(Reflected { workgroup: entry.workgroup_size, bindings, parameters })
}

/// The struct that is bound first.
fn parameters(module: &Module) -> Option<String> {
    let first =
        module.global_variables.iter().find(|(_, global)| global.binding.is_some_and(|place| place.binding == 0));
    let ty = &module.types[first?.1.ty];
    let (Some(name), TypeInner::Struct { members, span }) = (&ty.name, &ty.inner) else { return None };
    let member = |member: &naga::StructMember| {
        let size = module.types[member.ty].inner.size(module.to_ctx());
        (member.name.clone().unwrap_or_default(), member.offset, size)
    };
    let members: Vec<_> = members.iter().map(member).collect();
    Some(format!("Layout {{ name: {name:?}, size: {span}, members: &{members:?} }}"))
}
