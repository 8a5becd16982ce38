// matrix [R, C] in rectangles of r x c -> unit [ceil(R / r), ceil(C / c)]: of each rectangle's entries the sum of
// magnitudes; with SQUARED of squares; with ROOT the root of it; with MEAN the mean of the entries; with LARGEST the
// largest magnitude. With ADDED it is added to what `unit` holds.
// Rectangles at the right and bottom edge may be smaller. A workgroup has `beside` neighbours at once, a power of two.
struct Units {
    rows: u32,
    cols: u32,
    unit_rows: u32,
    unit_cols: u32,
    beside: u32,
}

@group(0) @binding(0) var<storage, read> units: Units;
@group(0) @binding(1) var<storage, read> matrix: array<f32>;
@group(0) @binding(2) var<storage, read_write> unit: array<f32>;

// Invocation i has a share of the tile's unit i % beside, so that neighbours read neighbours also in narrow units.
var<workgroup> shares: array<f32, 256>;

fn taken(entry: f32) -> f32 {
#ifdef SQUARED
    return entry * entry;
#else
#ifdef MEAN
    return entry;
#else
    return abs(entry);
#endif
#endif
}

fn joined(a: f32, b: f32) -> f32 {
#ifdef LARGEST
    return max(a, b);
#else
    return a + b;
#endif
}

// Of a unit's entries: its first row and column, how many it has of either, and which of `lanes` equal shares.
fn share(row: u32, col: u32, height: u32, width: u32, lane: u32, lanes: u32) -> f32 {
    var total = 0.0;
    var r = lane / width;
    var c = lane % width;
    // Steps instead of a division for each entry.
    let step_r = lanes / width;
    let step_c = lanes % width;
    while r < height {
        total = joined(total, taken(matrix[(row + r) * units.cols + col + c]));
        r += step_r;
        c += step_c;
        if c >= width {
            c -= width;
            r += 1u;
        }
    }
    return total;
}

fn finished(total: f32, entries: u32) -> f32 {
#ifdef ROOT
    return sqrt(total);
#else
#ifdef MEAN
    return total / f32(entries);
#else
    return total;
#endif
#endif
}

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) me: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let down = (units.rows + units.unit_rows - 1u) / units.unit_rows;
    let across = (units.cols + units.unit_cols - 1u) / units.unit_cols;
    let tiles_across = (across + units.beside - 1u) / units.beside;
    for (var tile = group.x; tile < down * tiles_across; tile += groups.x) {
        let y = tile / tiles_across;
        let x = tile % tiles_across * units.beside + me % units.beside;
        let row = y * units.unit_rows;
        let col = x * units.unit_cols;
        let height = min(units.unit_rows, units.rows - row);
        var width = 0u;
        shares[me] = 0.0;
        if x < across {
            width = min(units.unit_cols, units.cols - col);
            shares[me] = share(row, col, height, width, me / units.beside, 256u / units.beside);
        }
        workgroupBarrier();
        for (var half = 128u; half >= units.beside; half /= 2u) {
            if me < half {
                shares[me] = joined(shares[me], shares[me + half]);
            }
            workgroupBarrier();
        }
        if me < units.beside && x < across {
            let value = finished(shares[me], height * width);
#ifdef ADDED
            unit[y * across + x] += value;
#else
            unit[y * across + x] = value;
#endif
        }
    }
}
