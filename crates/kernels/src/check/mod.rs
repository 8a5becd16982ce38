//! The kernels beside their twins, on whatever device is at hand: called by native tests and by tests that run in
//! a browser.

mod case;
mod close;

use burn::backend::Cube;
use burn::tensor::{Device, Tensor};
use cubecl::client::Client;

pub(crate) use case::Listed;
pub use case::{Buffer, Case, Extent, Noise, Twin};
pub use close::{Close, Mismatch};

use crate::launch::{bytes, launch};
use crate::{KERNELS, Kernel, TWINS};

/// Around the workgroup's 256 and its parts, odd, empty, one row, one column.
pub const MATRICES: &[[usize; 2]] =
    &[[0, 3], [3, 0], [1, 1], [1, 63], [64, 1], [5, 13], [1, 255], [1, 256], [257, 1], [31, 33], [64, 65]];

/// More entries than one dispatch has invocations.
pub const MATRIX_LARGE: &[[usize; 2]] = &[[4_099, 4_100]];

/// Entries of a kernel that strides over them.
pub fn lengths(extent: Extent) -> &'static [usize] {
    match extent {
        Extent::Small => &[0, 1, 63, 65, 255, 256, 257, 1_000, 4_160],
        Extent::Large => &[65_535 * 256 + 257],
    }
}

/// How many launches of each kernel were held against its twin: all of them agreed.
pub async fn kernels(device: &Device, extent: Extent) -> Result<Vec<(&'static str, usize)>, String> {
    let client = client(device)?;
    let mut counts = Vec::new();
    for kernel in KERNELS {
        let cases = (twin(kernel).cases)(kernel, extent);
        let count = cases.len();
        for case in cases {
            let size = case.size.clone();
            let want = answers(kernel, &case);
            beside(&client, kernel, case, &want).await.map_err(|error| format!("{}, {size}: {error}", kernel.name))?;
        }
        counts.push((kernel.name, count));
    }
    Ok(counts)
}

/// Shows that the comparison can fail: for each kernel, answers of which one is a little wrong must be caught.
pub async fn wrong_answers_are_caught(device: &Device) -> Result<(), String> {
    let client = client(device)?;
    for kernel in KERNELS {
        let cases = (twin(kernel).cases)(kernel, Extent::Small);
        let mut spoilt = cases.into_iter().filter_map(|case| {
            let mut want = answers(kernel, &case);
            spoil(kernel, &mut want).then_some((case, want))
        });
        let (case, want) = spoilt.next().ok_or_else(|| format!("{}: none of its cases has an answer", kernel.name))?;
        if beside(&client, kernel, case, &want).await.is_ok() {
            return Err(format!("{}: an answer that is wrong passed", kernel.name));
        }
    }
    Ok(())
}

fn client(device: &Device) -> Result<Client, String> {
    let tensor = Tensor::<1>::zeros([1], device).try_into_primitive::<Cube>();
    tensor.map(|tensor| tensor.client).map_err(|_| "kernels run on a GPU, this is none".to_string())
}

fn twin(kernel: &Kernel) -> &'static Twin {
    let listed = TWINS.iter().find(|listed| listed.shader == kernel.shader);
    listed.expect("the build asks for one for every shader").twin
}

/// The buffers after the twin.
fn answers(kernel: &'static Kernel, case: &Case) -> Vec<Buffer> {
    let mut buffers = case.buffers.clone();
    (twin(kernel).run)(kernel, &mut buffers);
    buffers
}

/// Changes the last of the last answer's entries. False where there is none.
fn spoil(kernel: &Kernel, buffers: &mut [Buffer]) -> bool {
    let written = kernel.bindings.iter().rposition(|binding| binding.writable);
    match written.map(|at| &mut buffers[at]) {
        Some(Buffer::F32(values)) => values.last_mut().map(|value| *value = *value * 1.01 + 0.01).is_some(),
        Some(Buffer::U32(words)) => words.last_mut().map(|word| *word ^= 1).is_some(),
        None => false,
    }
}

/// Runs the kernel and compares what it wrote.
async fn beside(client: &Client, kernel: &'static Kernel, case: Case, want: &[Buffer]) -> Result<(), String> {
    let upload = |buffer: &Buffer| match buffer.words() {
        // Room for one entry, be it a vec4.
        words if words.is_empty() => client.create_from_slice(&[0; 16]),
        words => client.create_from_slice(&bytes(&words)),
    };
    let handles: Vec<_> = case.buffers.iter().map(upload).collect();
    launch(kernel, client, case.groups, handles.clone());
    for (at, binding) in kernel.bindings.iter().enumerate().filter(|(_, binding)| binding.writable) {
        let read = client.read_async(vec![handles[at].clone()]).await.map_err(|error| format!("{error:?}"))?;
        let words = read[0].chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
        let got = want[at].with_words(words.take(want[at].words().len()).collect());
        same(&want[at], &got, case.close).map_err(|error| format!("{}: {error}", binding.name))?;
    }
    Ok(())
}

fn same(want: &Buffer, got: &Buffer, close: Close) -> Result<(), String> {
    match (want, got) {
        (Buffer::F32(want), Buffer::F32(got)) => {
            close.compare(want, got, want.len().max(1)).map_err(|mismatch| mismatch.to_string())
        }
        _ => {
            let (want, got) = (want.u32(), got.u32());
            match want.iter().zip(got).position(|(want, got)| want != got) {
                None => Ok(()),
                Some(at) => Err(format!("[{at}]: wanted {:#010x}, got {:#010x}", want[at], got[at])),
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
