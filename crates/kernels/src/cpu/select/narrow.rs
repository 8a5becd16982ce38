use super::BINS;
use crate::Digit;
use crate::check::{Buffer, Case, Close, Extent, Noise, Twin};

/// counts [2048] -> the cut's next digit. The counts are left at 0.
pub fn narrow(digit: &Digit, cut: &mut [u32], counts: &mut [u32]) {
    let mut rank = cut[1];
    for (bin, count) in counts.iter().enumerate() {
        if rank <= *count {
            cut[0] |= (bin as u32) << digit.shift;
            cut[1..].copy_from_slice(&[rank, *count]);
            break;
        }
        rank -= count;
    }
    counts.fill(0);
}

/// Beside the shader.
pub(crate) const TWIN: Twin = Twin {
    run: |_, buffers| {
        let [digit, cut, counts] = buffers else { unreachable!("three bindings") };
        narrow(&digit.parameters(), cut.u32_mut(), counts.u32_mut());
    },
    // There are always as many bins.
    cases: |_, extent| {
        let case = |(share, most): (f64, u32)| {
            let mut noise = Noise::new(1);
            let counts: Vec<u32> = (0..BINS).map(|_| noise.word() % (most + 1)).collect();
            let rank = 1 + (share * f64::from(counts.iter().sum::<u32>() - 1)) as u32;
            let digit = Digit { start: 0, len: 0, shift: 10, above: 0xffe0_0000 };
            let buffers = vec![Buffer::of(&digit), Buffer::U32(vec![0xbf00_0000, rank, 0]), Buffer::U32(counts)];
            let size = format!("rank {rank} of counts up to {most}");
            Case { size, buffers, groups: [1; 3], close: Close::EXACT }
        };
        let small = [0.0, 0.001, 0.5, 0.77, 1.0].into_iter().flat_map(|share| [(share, 1), (share, 1000)]);
        if extent == Extent::Large { Vec::new() } else { small.map(case).collect() }
    },
};
