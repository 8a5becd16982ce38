// x [R, C], mean [C] and squares [C] of the rows before -> mean [C] and squares [C] of all rows: each column's mean,
// and the sum of squares of its distances from it.
struct Batch {
    rows: u32,
    cols: u32,
    // Rows before.
    seen: u32,
}

@group(0) @binding(0) var<storage, read> batch: Batch;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> mean: array<f32>;
@group(0) @binding(3) var<storage, read_write> squares: array<f32>;

struct Moments {
    count: f32,
    mean: f32,
    squares: f32,
}

// A tile of 16 columns. Invocation i has every 16th row of column i % 16, beginning with row i / 16.
var<workgroup> shares: array<Moments, 256>;

// Chan, Golub and LeVeque, 1983.
fn joined(a: Moments, b: Moments) -> Moments {
    if b.count == 0.0 {
        return a;
    }
    let count = a.count + b.count;
    let apart = b.mean - a.mean;
    let part = b.count / count;
    return Moments(count, a.mean + apart * part, a.squares + b.squares + apart * apart * a.count * part);
}

// Welford, 1962: one pass, and no difference of large sums.
fn share(col: u32, first: u32) -> Moments {
    var found = Moments(0.0, 0.0, 0.0);
    for (var row = first; row < batch.rows; row += 16u) {
        let value = x[row * batch.cols + col];
        let apart = value - found.mean;
        found.count += 1.0;
        found.mean += apart / found.count;
        found.squares += apart * (value - found.mean);
    }
    return found;
}

@compute @workgroup_size(256)
fn main(
    @builtin(local_invocation_index) me: u32,
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
) {
    let tiles = (batch.cols + 15u) / 16u;
    for (var tile = group.x; tile < tiles; tile += groups.x) {
        let col = tile * 16u + me % 16u;
        shares[me] = Moments(0.0, 0.0, 0.0);
        if col < batch.cols {
            shares[me] = share(col, me / 16u);
        }
        workgroupBarrier();
        for (var half = 128u; half >= 16u; half /= 2u) {
            if me < half {
                shares[me] = joined(shares[me], shares[me + half]);
            }
            workgroupBarrier();
        }
        if me < 16u && col < batch.cols {
            let all = joined(Moments(f32(batch.seen), mean[col], squares[col]), shares[me]);
            mean[col] = all.mean;
            squares[col] = all.squares;
        }
    }
}
