// out [rows, cols] = sum over l of left(row, l) * right(l, col). The importer tells
//   span      which l a tile of rows sums over, from and to
//   left_at   what belongs to a row, once a tile;  right_at  what belongs to a column
//   place     what belongs to an l: .x for left, .y for right
//   left4, right4  factors l .. l + 3, and without QUADS left1, right1, one factor
//   finish    where a sum goes
// Invocations have columns of their own and share the rows. So every left factor is one load for a whole workgroup, and
// every right factor, once loaded, serves eight rows from a register: no workgroup memory and no barriers. Software
// adapters gain most, because only what differs between invocations is dear there.
#import product
@group(0) @binding(0) var<storage, read> product: Product;

const ROWS = 8u;
const LANES = 32u;
// Four of an invocation's own, LANES apart.
const COLS = 128u;

@compute @workgroup_size(32)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) lane: u32,
) {
    let across = (product.cols + COLS - 1u) / COLS;
    let tiles = across * ((product.rows + ROWS - 1u) / ROWS);
    for (var tile = group.x; tile < tiles; tile += groups.x) {
        sum_tile(tile / across * ROWS, tile % across * COLS + lane);
    }
}

fn sum_tile(row: u32, col: u32) {
    // Past the edge the last row and column are summed once more, and not stored.
    let last_row = product.rows - 1u;
    let last_col = product.cols - 1u;
    let r0 = left_at(row);
    let r1 = left_at(min(row + 1u, last_row));
    let r2 = left_at(min(row + 2u, last_row));
    let r3 = left_at(min(row + 3u, last_row));
    let r4 = left_at(min(row + 4u, last_row));
    let r5 = left_at(min(row + 5u, last_row));
    let r6 = left_at(min(row + 6u, last_row));
    let r7 = left_at(min(row + 7u, last_row));
    let c0 = right_at(row, min(col, last_col));
    let c1 = right_at(row, min(col + LANES, last_col));
    let c2 = right_at(row, min(col + 2u * LANES, last_col));
    let c3 = right_at(row, min(col + 3u * LANES, last_col));
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    var s4 = vec4<f32>();
    var s5 = vec4<f32>();
    var s6 = vec4<f32>();
    var s7 = vec4<f32>();
    let ends = span(row);
    var l = ends.x;
    for (; l + 4u <= ends.y; l += 4u) {
        let at = place(l);
        let right = mat4x4<f32>(right4(c0, at.y), right4(c1, at.y), right4(c2, at.y), right4(c3, at.y));
        s0 += left4(r0, at.x) * right;
        s1 += left4(r1, at.x) * right;
        s2 += left4(r2, at.x) * right;
        s3 += left4(r3, at.x) * right;
        s4 += left4(r4, at.x) * right;
        s5 += left4(r5, at.x) * right;
        s6 += left4(r6, at.x) * right;
        s7 += left4(r7, at.x) * right;
    }
#ifdef QUADS
#else
    for (; l < ends.y; l += 1u) {
        let at = place(l);
        let right = vec4<f32>(right1(c0, at.y), right1(c1, at.y), right1(c2, at.y), right1(c3, at.y));
        s0 += left1(r0, at.x) * right;
        s1 += left1(r1, at.x) * right;
        s2 += left1(r2, at.x) * right;
        s3 += left1(r3, at.x) * right;
        s4 += left1(r4, at.x) * right;
        s5 += left1(r5, at.x) * right;
        s6 += left1(r6, at.x) * right;
        s7 += left1(r7, at.x) * right;
    }
#endif
    finish_row(row, col, s0);
    finish_row(row + 1u, col, s1);
    finish_row(row + 2u, col, s2);
    finish_row(row + 3u, col, s3);
    finish_row(row + 4u, col, s4);
    finish_row(row + 5u, col, s5);
    finish_row(row + 6u, col, s6);
    finish_row(row + 7u, col, s7);
}

fn finish_row(row: u32, col: u32, sums: vec4<f32>) {
    if row < product.rows {
        finish_in(row, col, sums.x);
        finish_in(row, col + LANES, sums.y);
        finish_in(row, col + 2u * LANES, sums.z);
        finish_in(row, col + 3u * LANES, sums.w);
    }
}

fn finish_in(row: u32, col: u32, sum: f32) {
    if col < product.cols {
        finish(row, col, sum);
    }
}
